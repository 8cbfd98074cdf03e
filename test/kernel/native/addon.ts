/** What the addon's tests share: the addon under test, descriptors of this process, a few programs. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { candidatePaths, loadBindingFrom } from '../../../src/collect/binding.js';
import type { NativeBinding, NativeFailure } from '../../../src/collect/native.js';
import { assemble, type Row } from '../assemble.js';

/** The shipped addon, unless a development or sanitizer build is named. */
export const addonPath: string = process.env['DEVPOLICY_TEST_ADDON'] ?? candidatePaths()[0] ?? '';
export const binding: NativeBinding = loadBindingFrom(addonPath);
/** Scenarios that need a process of their own. */
export const childScript: string = fileURLToPath(new URL('child.mjs', import.meta.url));

/** Open descriptors of this process that only the addon makes: directories (O_PATH) and bpf objects. */
export function openDescriptors(mount: string): number {
  let count = 0;
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`);
      if (target.startsWith(mount) || target.startsWith('anon_inode:bpf')) count += 1;
    } catch {
      // the descriptor that readdir itself used
    }
  }
  return count;
}

export const EXIT: Row = [0x95, 0, 0, 0];
/** r0 = value; exit. */
export const constant = (value: number): Uint8Array => assemble([0xb7, 0, 0, value], EXIT);

export function isFailure(value: object): value is NativeFailure {
  return 'errno' in value;
}

/** A setting below /proc/sys changed for the time of one call. */
export async function withSysctl<T>(path: string, value: string, call: () => Promise<T>): Promise<T> {
  const { writeFileSync } = await import('node:fs');
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, value);
  try {
    return await call();
  } finally {
    writeFileSync(path, before);
  }
}

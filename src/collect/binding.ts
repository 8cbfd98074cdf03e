/** Loads the native addon. The only file that does; nothing is loaded before the first call. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KernelError, UnsupportedError } from '../errors.js';
import type { NativeBinding } from './native.js';

/** The contract of native.ts that this code was written for; native/addon.cc exports the same number. */
export const NATIVE_CONTRACT = 1;

const ELSEWHERE = 'devpolicy reads live hosts on Linux only; elsewhere use --snapshot FILE';
let loaded: NativeBinding | undefined;

/**
 * The addon, loaded at the first call: the prebuilt one of this platform, else one built from source. Its functions throw KernelError.
 * @throws UnsupportedError on anything but Linux, when there is none for this processor, or the one that is there does not load or has another contract.
 */
export function loadBinding(): NativeBinding {
  if (process.platform !== 'linux')
    throw new UnsupportedError(`${process.platform} has no device programs to read`, ELSEWHERE);
  loaded ??= loadBindingFrom(firstExisting(candidatePaths()));
  return loaded;
}

/** Where the addon is looked for, in this order: absolute paths. */
export function candidatePaths(): string[] {
  const root = packageRoot(dirname(fileURLToPath(import.meta.url)));
  return [
    join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'devpolicy.node'),
    join(root, 'build', 'Release', 'devpolicy.node'),
    join(root, 'build', 'cmake', 'Release', 'devpolicy.node'),
  ];
}

/** Loads one given file; for tests of particular builds. */
export function loadBindingFrom(path: string): NativeBinding {
  let addon: unknown;
  try {
    addon = createRequire(import.meta.url)(path);
  } catch (error) {
    throw new UnsupportedError(`the native addon ${path} does not load: ${messageOf(error)}`);
  }
  return withKernelErrors(checkShape(addon, path));
}

function firstExisting(paths: string[]): string {
  const path = paths.find((candidate) => existsSync(candidate));
  if (path !== undefined) return path;
  throw new UnsupportedError(
    `no native addon for ${process.platform}-${process.arch}; looked for ${paths.join(', ')}`,
    'Build it: npm run build:native',
  );
}

/** The nearest directory upwards whose package.json is ours: the same from src, from dist and from a bundle in dist. */
function packageRoot(start: string): string {
  for (let directory = start; ; directory = dirname(directory)) {
    const manifest = join(directory, 'package.json');
    if (existsSync(manifest)) {
      const parsed: unknown = JSON.parse(readFileSync(manifest, 'utf8'));
      if (isRecord(parsed) && parsed['name'] === 'devpolicy') return directory;
    }
    if (dirname(directory) === directory) return start;
  }
}

const FUNCTIONS: readonly Exclude<keyof NativeBinding, 'contract'>[] = [
  'openDirectory',
  'close',
  'queryPrograms',
  'getProgramFd',
  'getMapFd',
  'getLinkFd',
  'nextProgramId',
  'nextLinkId',
  'programInfo',
  'mapInfo',
  'linkInfo',
  'mapLookup',
  'mapNextKey',
  'scan',
  'bootTimeNs',
  'clockSynchronised',
];

/** What can be checked at load time: the contract number and that every function is there. The shapes of results are held by tests. */
function checkShape(addon: unknown, path: string): NativeBinding {
  const built = isRecord(addon) ? addon['contract'] : undefined;
  if (built !== NATIVE_CONTRACT) {
    throw new UnsupportedError(
      `the native addon ${path} was built for another version (contract ${String(built)}, expected ${String(NATIVE_CONTRACT)})`,
      'rebuild it: npm run build:native',
    );
  }
  if (!isBinding(addon)) throw new UnsupportedError(`the native addon ${path} lacks a function`);
  return addon;
}

function isBinding(addon: unknown): addon is NativeBinding {
  return isRecord(addon) && FUNCTIONS.every((name) => typeof addon[name] === 'function');
}

function withKernelErrors(native: NativeBinding): NativeBinding {
  return {
    contract: native.contract,
    openDirectory: (path) => guard(() => native.openDirectory(path)),
    close: (fd) => {
      guard(() => {
        native.close(fd);
      });
    },
    queryPrograms: (fd, effective) => guard(() => native.queryPrograms(fd, effective)),
    getProgramFd: (id) => guard(() => native.getProgramFd(id)),
    getMapFd: (id) => guard(() => native.getMapFd(id)),
    getLinkFd: (id) => guard(() => native.getLinkFd(id)),
    nextProgramId: (id) => guard(() => native.nextProgramId(id)),
    nextLinkId: (id) => guard(() => native.nextLinkId(id)),
    programInfo: (fd) => guard(() => native.programInfo(fd)),
    mapInfo: (fd) => guard(() => native.mapInfo(fd)),
    linkInfo: (fd) => guard(() => native.linkInfo(fd)),
    mapLookup: (fd, key) => guard(() => native.mapLookup(fd, key)),
    mapNextKey: (fd, key) => guard(() => native.mapNextKey(fd, key)),
    scan: (rootPath) =>
      guard(() => native.scan(rootPath)).catch((error: unknown) => {
        throw toKernelError(error);
      }),
    bootTimeNs: () => guard(() => native.bootTimeNs()),
    clockSynchronised: () => guard(() => native.clockSynchronised()),
  };
}

function guard<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toKernelError(error);
  }
}

function toKernelError(error: unknown): unknown {
  if (!isRecord(error)) return error;
  const { errno, code, syscall } = error;
  if (typeof errno !== 'number' || typeof code !== 'string' || typeof syscall !== 'string') return error;
  return new KernelError(syscall, errno, code);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

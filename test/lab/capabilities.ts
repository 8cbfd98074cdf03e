/** What nested test machines lack, and how the labs live with it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../kernel/loader-process.js';

const CAP_SYS_RESOURCE_BIT = 24n;

/** Without it in the bounding set no runtime can grant it to a container, and RLIMIT_MEMLOCK cannot be lifted. */
export function maySetResourceLimits(): boolean {
  const set = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${set}`) >> CAP_SYS_RESOURCE_BIT) & 1n) === 1n;
}

/** Path of the library to preload (see memlock-shim.c), or undefined where none is needed. */
export function memlockShim(): string | undefined {
  return maySetResourceLimits() ? undefined : compiledShim('memlock-shim');
}

/** Path of the library to preload into Slurm (see unified-shim.c), or undefined where cgroup v2 is alone. */
export function unifiedShim(): string | undefined {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trimEnd().split('\n');
  return lines.length === 1 ? undefined : compiledShim('unified-shim');
}

function compiledShim(name: string): string {
  const source = path.join(projectRoot, `test/lab/${name}.c`);
  const target = path.join(projectRoot, `build/loader/${name}.so`);
  if (!existsSync(target) || statSync(target).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(path.dirname(target), { recursive: true });
    const result = spawnSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', '-nostartfiles', '-o', target, source], {
      encoding: 'utf8',
    });
    if (result.status !== 0) throw new Error(`${name}.c does not compile: ${result.stderr}`);
  }
  return target;
}

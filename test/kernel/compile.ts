/** Compiles the C test programs of programs/ with clang. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './loader-process.js';

const sources = path.join(projectRoot, 'test/kernel/programs');
const objects = path.join(projectRoot, 'build/bpf');

/** Instruction set levels that the installed clang can write: v4 came with clang 17. */
export function levels(): string[] {
  const version = Number(
    /version (\d+)/.exec(spawnSync('clang', ['--version'], { encoding: 'utf8' }).stdout)?.[1] ?? '0',
  );
  return ['v1', 'v2', 'v3', ...(version >= 17 ? ['v4'] : [])];
}

/** Names without ".bpf.c". */
export function sourceNames(): string[] {
  return readdirSync(sources)
    .filter((name) => name.endsWith('.bpf.c'))
    .map((name) => name.slice(0, -'.bpf.c'.length));
}

/** Path of the object file. Throws with the compiler's words. */
export function compile(name: string, level: string): string {
  mkdirSync(objects, { recursive: true });
  const target = path.join(objects, `${name}-${level}.o`);
  const machine = spawnSync('cc', ['-dumpmachine'], { encoding: 'utf8' }).stdout.trim();
  const flags = ['-O2', '-g', '-Wall', '-target', 'bpf', `-mcpu=${level}`, `-I/usr/include/${machine}`];
  const result = spawnSync('clang', [...flags, '-c', path.join(sources, `${name}.bpf.c`), '-o', target], {
    encoding: 'utf8',
  });
  if (result.error) throw new Error(`cannot run clang: ${result.error.message}`);
  if (result.status !== 0) throw new Error(`${name}.bpf.c does not compile for ${level}:\n${result.stderr}`);
  return target;
}

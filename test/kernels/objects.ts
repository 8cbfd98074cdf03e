/** The C programs of test/fixtures/ebpf/c, compiled here for every instruction set level; the kernels under test have no compiler. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { levels } from '../kernel/compile.js';
import { projectRoot } from '../kernel/loader-process.js';

const sources = path.join(projectRoot, 'test/fixtures/ebpf/c');

const extensions = path.join(projectRoot, 'test/kernels/programs');
const objectFolder = path.join(projectRoot, 'build/kernels/objects');

/** "stack.v3.o" -> path; the pair for freplace without a level. */
export function clangObjects(): Map<string, string> {
  mkdirSync(objectFolder, { recursive: true });
  const objects = new Map<string, string>();
  for (const file of readdirSync(sources).filter((name) => name.endsWith('.c'))) {
    for (const level of levels()) {
      // Atomic operations that give back the old value are of v3.
      if (file === 'atomics.c' && (level === 'v1' || level === 'v2')) continue;
      const name = `${path.basename(file, '.c')}.${level}.o`;
      objects.set(name, compile(path.join(sources, file), level, name));
    }
  }
  for (const file of readdirSync(extensions).filter((name) => name.endsWith('.bpf.c'))) {
    const name = `${path.basename(file, '.c')}.o`;
    objects.set(name, compile(path.join(extensions, file), 'v2', name));
  }
  return objects;
}

function compile(source: string, level: string, name: string): string {
  const object = path.join(objectFolder, name);
  const machine = execFileSync('cc', ['-dumpmachine'], { encoding: 'utf8' }).trim();
  const flags = ['-O2', '-g', '-target', 'bpf', `-mcpu=${level}`, `-I/usr/include/${machine}`];
  execFileSync('clang', [...flags, '-c', source, '-o', object], { stdio: ['ignore', 'ignore', 'inherit'] });
  return object;
}

/** Recordings of programs on other kernels: dumps with everything a verdict depends on, and that kernel's verdicts. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../kernel/loader-process.js';

export const fixtures: string = path.join(projectRoot, 'test/fixtures/kernels');

export function writeFixture(release: string, name: string, record: unknown): void {
  const directory = path.join(fixtures, release);
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, `${name}.json`), `${JSON.stringify(record)}\n`);
}

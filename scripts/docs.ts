/** npm run docs, first half: makes the snapshots of docs/examples anew, and the outputs in README.md and docs/ as the commands print them now. */
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../test/kernel/loader-process.js';
import { EXAMPLES, pages, PROGRAM, readPage, refreshed, runExample, SNAPSHOTS } from './docs/console.js';

export async function main(): Promise<number> {
  for (const [name, recording] of Object.entries(SNAPSHOTS)) {
    const { stdout } = await runExample(['snapshot', '--from', recording]);
    writeFileSync(path.join(EXAMPLES, name), stdout);
  }
  copyFileSync(PROGRAM[1], path.join(EXAMPLES, PROGRAM[0]));
  for (const page of pages()) {
    const before = readPage(page);
    const after = await refreshed(before);
    if (after === before) continue;
    writeFileSync(path.join(projectRoot, page), after);
    console.log(`${page}: outputs renewed`);
  }
  return 0;
}

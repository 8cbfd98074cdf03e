/**
 * Writes the manual pages from the definition of the command line and the JSON Schemas.
 *   node scripts/run-ts.mjs scripts/manual.ts [DIRECTORY]        (default build/man)
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { processIo } from '../src/cli/io.js';
import { buildProgram } from '../src/cli/program.js';
import { jsonPage, type SchemaFile } from './manual/json-page.js';
import { commandPages, type Manual } from './manual/pages.js';

/** All pages. `root` is the checkout. */
export function manualPages(root: string): Manual[] {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  const release = { version, date: releaseDate(root, version) };
  const program = buildProgram(processIo(), () => undefined);
  const schemas = readdirSync(path.join(root, 'docs/schemas'))
    .filter((file) => file.endsWith('.schema.json'))
    .sort()
    .map((file): SchemaFile => {
      const schema = JSON.parse(readFileSync(path.join(root, 'docs/schemas', file), 'utf8')) as SchemaFile['schema'];
      return { file, schema };
    });
  return [...commandPages(program, release), jsonPage(schemas, release)];
}

/** Day of the release as the change log has it; before the first release there is none. */
function releaseDate(root: string, version: string): string {
  const log = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8');
  const line = log.split('\n').find((each) => each.startsWith('## ') && each.includes(version)) ?? '';
  return /\d{4}-\d{2}-\d{2}/.exec(line)?.[0] ?? '';
}

export function main([directory]: readonly string[]): number {
  const root = process.cwd();
  const target = directory ?? path.join(root, 'build/man');
  mkdirSync(target, { recursive: true });
  for (const { file, text } of manualPages(root)) writeFileSync(path.join(target, file), text);
  return 0;
}

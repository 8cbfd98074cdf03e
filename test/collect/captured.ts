/** The folders of test/fixtures that hold a captured or recorded case. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const FIXTURES: string = fileURLToPath(new URL('../fixtures', import.meta.url));

/** Every folder with a case.json or a program, by its path below test/fixtures. */
export const CASES: string[] = ['captures', 'recorded'].flatMap((top) => find(top)).sort();

function find(relative: string): string[] {
  const directory = path.join(FIXTURES, relative);
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { withFileTypes: true });
  const isCase = entries.some(({ name }) => name === 'case.json' || name === 'prog-1.json');
  const below = entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => find(path.join(relative, name)));
  return isCase ? [relative, ...below] : below;
}

export function caseDirectory(name: string): string {
  return path.join(FIXTURES, name);
}

import { escapeShort, escapeText } from './escape.js';

/** Ids of containers are 64 hexadecimal digits; twelve of them tell containers apart, as in `docker ps`. */
const LONG_ID = /[0-9a-f]{32,64}/g;

/** A path, unit or cgroup as people can read it: long ids cut, hostile characters escaped. For reading, not for copying. */
export function shortPath(path: string): string {
  return escapeText(path.replace(LONG_ID, (id) => `${id.slice(0, 12)}…`));
}

/** As `shortPath`, and cut to so many characters: what is nameless has its cgroup's path for a name. */
export function shortName(name: string, limit: number): string {
  return escapeShort(
    name.replace(LONG_ID, (id) => `${id.slice(0, 12)}…`),
    limit,
  );
}

/** The last part of the first path, and how many more there are. */
export function shortPaths(paths: readonly string[]): string {
  const [first, ...others] = paths;
  if (first === undefined) return '';
  const name = shortPath(first.slice(first.lastIndexOf('/') + 1));
  return others.length === 0 ? name : `${name} and ${String(others.length)} more`;
}

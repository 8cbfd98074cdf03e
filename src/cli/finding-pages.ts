import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FindingPage } from '../report/run-facts.js';
import { packageDirectory } from './package-files.js';

/** The pages of docs/findings, one for each code, in their order. */
export function readFindingPages(): FindingPage[] {
  const directory = join(packageDirectory(), 'docs', 'findings');
  return readdirSync(directory)
    .filter((name) => /^DP[0-9]{3}\.md$/.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(join(directory, name), 'utf8');
      return {
        code: name.slice(0, -'.md'.length),
        title: /^# DP[0-9]{3}: (.*)$/m.exec(text)?.[1] ?? '',
        severity: /^Severity: (.*)$/m.exec(text)?.[1] ?? '',
        text,
      };
    });
}

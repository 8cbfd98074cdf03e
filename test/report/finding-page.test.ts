import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pageBlocks, pageText } from '../../src/report/finding-page.js';
import { PLAIN } from '../../src/report/style.js';
import { displayWidth } from '../../src/report/table.js';

const PAGE = `# DP999: a page

One paragraph
on two lines.

- an item
  of two lines
- another

| what | when   |
| ---- | ------ |
| \`a\`  | always |

\`\`\`
$ a command
\`\`\`
`;

test('the blocks of a page', () => {
  expect(pageBlocks(PAGE)).toEqual([
    { kind: 'heading', level: 1, text: 'DP999: a page' },
    { kind: 'paragraph', text: 'One paragraph on two lines.' },
    { kind: 'list', items: ['an item of two lines', 'another'] },
    { kind: 'table', heading: ['what', 'when'], rows: [['`a`', 'always']] },
    { kind: 'code', lines: ['$ a command'] },
  ]);
});

test('a table where there is room for it, else its rows as items', () => {
  expect(pageText(PAGE, PLAIN, 40)).toContain('\nwhat  when\n----  ----\n`a`   always\n');
  expect(pageText(PAGE, PLAIN, 11)).toContain('\n- `a`\n  when:\n    always\n');
});

const FINDINGS = join(import.meta.dirname, '../../docs/findings');

test.each(readdirSync(FINDINGS))('%s fits a terminal, and lacks nothing', (name) => {
  const text = readFileSync(join(FINDINGS, name), 'utf8');
  const words = (some: string): string => some.replace(/^#+ |^-(?= )|^\|[ |-]*\|$/gm, '').replace(/[|\s]+/g, '');
  for (const columns of [60, 80, 200]) {
    const shown = pageText(text, PLAIN, columns);
    expect(Math.max(...shown.split('\n').map(displayWidth))).toBeLessThanOrEqual(Math.min(columns, 100));
    if (!text.includes('|')) expect(words(shown)).toBe(words(text));
  }
});

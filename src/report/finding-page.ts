import type { Style } from './style.js';
import { displayWidth, table, wrap } from './table.js';

/** What the pages of findings use of Markdown. Text of paragraphs, items and cells is one line, with code between backquotes. */
export type PageBlock =
  | { kind: 'heading'; level: number; text: string }
  | { kind: 'paragraph'; text: string }
  | { kind: 'list'; items: string[] }
  | { kind: 'table'; heading: string[]; rows: string[][] }
  | { kind: 'code'; lines: string[] };

const ITEM = /^(?:[-*]|\d+\.) /;

/** The blocks of a page of docs/findings, in their order. */
export function pageBlocks(markdown: string): PageBlock[] {
  return markdown
    .trim()
    .split(/\n{2,}/)
    .map(block);
}

function block(text: string): PageBlock {
  const [, marks, heading] = /^(#+) (.*)$/.exec(text) ?? [];
  if (marks !== undefined && heading !== undefined) return { kind: 'heading', level: marks.length, text: heading };
  const lines = text.split('\n');
  if (text.startsWith('```')) return { kind: 'code', lines: lines.slice(1, lines.at(-1) === '```' ? -1 : undefined) };
  if (text.startsWith('|')) {
    const [first = [], , ...rows] = lines.map(cellsOf);
    return { kind: 'table', heading: first, rows };
  }
  if (ITEM.test(text))
    return { kind: 'list', items: text.split(/\n(?=(?:[-*]|\d+\.) )/).map((item) => oneLine(item.replace(ITEM, ''))) };
  return { kind: 'paragraph', text: oneLine(text) };
}

function cellsOf(row: string): string[] {
  return row
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim());
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}

/** Longer lines are hard to read, however wide the terminal is. */
const WIDEST = 100;

/** A page for a terminal of `columns`. */
export function pageText(markdown: string, style: Style, columns: number): string {
  const width = Math.min(columns, WIDEST);
  return `${pageBlocks(markdown)
    .map((each) => blockLines(each, style, width).join('\n'))
    .join('\n\n')}\n`;
}

function blockLines(each: PageBlock, style: Style, width: number): string[] {
  switch (each.kind) {
    case 'heading':
      return wrap(each.text, width).map(style.bold);
    case 'paragraph':
      return wrap(each.text, width);
    case 'list':
      return each.items.flatMap((item) => wrap(`- ${item}`, width, 2));
    case 'code':
      return each.lines;
    case 'table':
      return tableLines(each, width);
  }
}

/** Columns where there is room for them; else each row as an item, with the heading of each cell before it. */
function tableLines({ heading, rows }: Extract<PageBlock, { kind: 'table' }>, width: number): string[] {
  const rule = heading.map((cell) => '-'.repeat(displayWidth(cell)));
  const lines = table([heading, rule, ...rows]);
  if (lines.every((line) => displayWidth(line) <= width)) return lines;
  return rows.flatMap(([first = '', ...others]) => [
    ...wrap(`- ${first}`, width, 2),
    ...others.flatMap((cell, index) =>
      wrap(`${heading[index + 1] ?? ''}: ${cell}`, width - 2, 2).map((line) => `  ${line}`),
    ),
  ]);
}

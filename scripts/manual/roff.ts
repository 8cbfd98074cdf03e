/** Text as groff's man macros take it (groff_man(7)). */
import { wrap } from '../../src/report/table.js';

/** Every backslash, hyphen and leading control character is literal. */
export function escapeRoff(text: string): string {
  return text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/'/g, '\\(aq')
    .replace(/`/g, '\\(ga')
    .replace(/~/g, '\\(ti')
    .replace(/\^/g, '\\(ha')
    .replace(/^\./gm, '\\&.');
}

export function heading(text: string): string {
  return `.SH ${escapeRoff(text.toUpperCase())}`;
}

/** Blank lines begin paragraphs; indented lines keep their form. */
export function paragraphs(text: string): string[] {
  return text
    .trim()
    .split(/\n{2,}/)
    .flatMap((part) => (/^\s{2,}/m.test(part) ? literal(part) : ['.PP', filled(part)]));
}

/** Text that man fills: lines of the source end at blanks (mandoc(1) asks for at most 80 bytes). */
function filled(text: string): string {
  return wrap(text.replace(/\s*\n\s*/g, ' '), 72)
    .map(escapeRoff)
    .join('\n');
}

/** Lines as they are. */
export function literal(text: string): string[] {
  return ['.PP', '.RS 4', '.nf', ...text.replace(/\n+$/, '').split('\n').map(escapeRoff), '.fi', '.RE'];
}

/** A term and what it is. */
export function item(term: string, text: string): string[] {
  return ['.TP', `.B ${escapeRoff(term)}`, filled(text)];
}

export interface PageHead {
  name: string;
  section: 1 | 5;
  about: string;
  /** ISO date of the release; man pages of one release are equal on every machine. */
  date: string;
  version: string;
}

export function page(head: PageHead, body: readonly string[]): string {
  const title = `.TH ${escapeRoff(head.name.toUpperCase())} ${String(head.section)} "${head.date}" "devpolicy ${head.version}" "devpolicy"`;
  const lines = [title, heading('name'), `${escapeRoff(head.name)} \\- ${escapeRoff(head.about)}`, ...body, ''];
  // A heading begins a paragraph itself.
  return lines.filter((line, index) => line !== '.PP' || lines[index - 1]?.startsWith('.SH ') !== true).join('\n');
}

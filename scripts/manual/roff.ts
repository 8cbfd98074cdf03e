/** Text as groff's man macros take it (groff_man(7)). */

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
    .flatMap((part) => (/^\s{2,}/m.test(part) ? literal(part) : ['.PP', escapeRoff(part.replace(/\s*\n\s*/g, ' '))]));
}

/** Lines as they are. */
export function literal(text: string): string[] {
  return ['.PP', '.RS 4', '.nf', ...text.replace(/\n+$/, '').split('\n').map(escapeRoff), '.fi', '.RE'];
}

/** A term and what it is. */
export function item(term: string, text: string): string[] {
  return ['.TP', `.B ${escapeRoff(term)}`, escapeRoff(text.replace(/\s*\n\s*/g, ' '))];
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
  return [title, heading('name'), `${escapeRoff(head.name)} \\- ${escapeRoff(head.about)}`, ...body, ''].join('\n');
}

import { escapeText } from '../escape.js';

/** Text that is HTML already. Only `markup` makes it, so that nothing reaches a page that was not escaped. */
export class Markup {
  readonly #html: string;

  private constructor(html: string) {
    this.#html = html;
  }

  toString(): string {
    return this.#html;
  }

  /** From the literal parts of this program's own templates. */
  static of(strings: readonly string[], values: readonly MarkupValue[]): Markup {
    return new Markup(strings.map((text, index) => text + toHtml(values[index] ?? '')).join(''));
  }
}

export type MarkupValue = string | number | Markup | readonly MarkupValue[];

/** A template whose values are escaped, but for those that are markup themselves; lists are joined. */
export function markup(strings: TemplateStringsArray, ...values: MarkupValue[]): Markup {
  return Markup.of(strings, values);
}

/** Lines one below the other, for `pre`: a line break inside a line is no line break but an escape. */
export function lineBreaks(lines: readonly string[]): Markup[] {
  return lines.map((line, index) => (index === 0 ? markup`${line}` : markup`\n${line}`));
}

function toHtml(value: MarkupValue): string {
  if (value instanceof Markup) return value.toString();
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  return value.map(toHtml).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** For text and for quoted attributes. Control characters become visible escapes, as on a terminal. */
function escapeHtml(text: string): string {
  return escapeText(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

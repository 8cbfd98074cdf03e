/** Colour is an addition, never the only carrier of meaning: with it off, every line says the same in words. */
export interface Style {
  bold: (text: string) => string;
  dim: (text: string) => string;
  bad: (text: string) => string;
  warn: (text: string) => string;
  good: (text: string) => string;
}

const plain = (text: string): string => text;
export const PLAIN: Style = { bold: plain, dim: plain, bad: plain, warn: plain, good: plain };

const sgr =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${String(on)}m${text}\u001b[${String(off)}m`;

export const COLOUR: Style = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  bad: sgr(31, 39),
  warn: sgr(33, 39),
  good: sgr(32, 39),
};

/** Select Graphic Rendition, ECMA-48 8.3.117. */
const CHANGE_OF_COLOUR = /\u001b\[[\d;]*m/g;

export function withoutColours(text: string): string {
  return text.replace(CHANGE_OF_COLOUR, '');
}

/** The changes of colour in a text, without the text. */
export function coloursOf(text: string): string {
  return (text.match(CHANGE_OF_COLOUR) ?? []).join('');
}

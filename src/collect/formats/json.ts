import { InputError } from '../../errors.js';
import type { Decoder } from '../../snapshot/decode.js';
import { array, fallback, nullable, plainObject, property, string } from '../../snapshot/decode.js';

/** A text that may be missing. */
export const optionalText: Decoder<string | null> = nullable(string(65_536));
/** A text that Go left out because it was empty. */
export const plainText: Decoder<string> = fallback(string(65_536), () => '');
/** A list of texts; Go writes an empty one as null. */
export const textList: Decoder<string[]> = fallback(array(string(65_536), 100_000), () => []);

/** An object inside another; an empty one if it is missing. */
export function section(source: Record<string, unknown>, key: string, path: string = key): Record<string, unknown> {
  const value = property(source, key);
  return value === null || value === undefined ? {} : plainObject(value, path);
}

/** The object of a document that is one, or of a list with one in it, as engines' `inspect` commands print. @throws InputError */
export function inspected(content: string): Record<string, unknown> {
  const document = parseJson(content);
  const first: unknown = Array.isArray(document) ? document[0] : document;
  if (first === undefined) throw new InputError('an empty list');
  return plainObject(first, '');
}

/**
 * Parses JSON that a runtime wrote. The seccomp profile, three quarters of a state.json, is skipped unread: parsing it was the largest single
 * cost of looking at a thousand containers, and nothing in it bears on devices.
 * @throws InputError
 */
export function parseRuntimeJson(text: string): Record<string, unknown> {
  try {
    return plainObject(JSON.parse(withoutObject(text, '"seccomp":{')), '');
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('not valid JSON');
  }
}

/** As parseRuntimeJson, for a file that holds an array at the top or one object. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError('not valid JSON');
  }
}

/**
 * Replaces the object that follows `start` by null. `start` ends a key with a bare quote, which cannot occur inside a JSON string, so what follows is
 * that key's value. If the braces do not balance the text stays as it is, for the parser to refuse.
 */
function withoutObject(text: string, start: string): string {
  const at = text.indexOf(start);
  if (at < 0) return text;
  const end = endOfObject(text, at + start.length - 1);
  return end === null ? text : `${text.slice(0, at + start.length - 1)}null${text.slice(end)}`;
}

/** The index behind the object that begins at `start`, or null. Strings are skipped: they may hold braces. */
function endOfObject(text: string, start: number): number | null {
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === 0x7b) depth++;
    else if (unit === 0x7d && --depth === 0) return index + 1;
    else if (unit === 0x22) {
      index = endOfString(text, index);
      if (index < 0) return null;
    }
  }
  return null;
}

/** The index of the quote that ends the string beginning at `start`, or -1. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

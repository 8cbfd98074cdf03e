/**
 * JSON text that is safe on a terminal: JSON.stringify leaves DEL, the C1 controls, the bidirectional and the invisible characters as they are; written as
 * \u escapes the value is the same.
 */
export function escapeJson(text: string): string {
  return text.replace(UNSAFE, (found) =>
    Array.from({ length: found.length }, (_, index) => {
      const unit = found.charCodeAt(index).toString(16);
      return `\\u${unit.padStart(4, '0')}`;
    }).join(''),
  );
}

/** Outside of strings JSON has none of these. The last range are tag characters, two UTF-16 units each. */
const UNSAFE =
  /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]|[\u{e0000}-\u{e0fff}]/gu;

/**
 * Text from containers, files and the kernel is untrusted: a container may be called "\x1b]0;owned\x07". Every string that was not written by this
 * program goes through `escapeText` on its way to a terminal or a line of a report.
 */

/**
 * What must never reach a terminal as it is: C0 and C1 control characters and DEL; the bidirectional controls that reorder what a person reads
 * (Unicode TR 36, "Trojan Source"); zero-width and invisible characters that make two names look equal; line and paragraph separators; the byte
 * order mark; lone surrogates; tag characters.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff]|[\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

/** Replaces each unsafe character by a visible escape: `\x1b` below 256, `\u{202e}` above. Safe text is returned unchanged. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** As `escapeText`, and cut to `limit` characters with an ellipsis, for names in tables and messages. */
export function escapeShort(text: string, limit: number): string {
  const escaped = escapeText(text.length > 4 * limit ? text.slice(0, 4 * limit) : text);
  const characters = Array.from(escaped);
  return characters.length <= limit ? escaped : `${characters.slice(0, limit - 1).join('')}…`;
}

/**
 * A word as a POSIX shell takes it back unchanged: in single quotes, in which nothing is special, unless it is plain (XCU 2.2.2).
 *
 * @throws RangeError for control characters: they must not reach a terminal, so such a word cannot be printed to be copied
 */
export function shellWord(text: string): string {
  if (/\p{Cc}/u.test(text)) throw new RangeError('a word with control characters cannot be printed');
  return /^[A-Za-z0-9_./:@%+,-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}

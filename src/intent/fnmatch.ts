/**
 * POSIX fnmatch(3) without flags, as systemd matches DeviceAllow=char-PATTERN against /proc/devices: `*` and `?` match any character
 * ('/' and a leading '.' too), brackets with ranges, negation and classes, backslash quotes. Linear in pattern times text.
 */
export function fnmatch(pattern: string, text: string): boolean {
  const tokens = tokenise(Array.from(pattern));
  const letters = Array.from(text);
  let at = 0;
  let token = 0;
  let star: { token: number; at: number } | null = null;
  while (at < letters.length) {
    const current = tokens[token];
    if (current?.kind === 'star') {
      star = { token: token + 1, at };
      token++;
    } else if (current !== undefined && matches(current, letters[at] ?? '')) {
      token++;
      at++;
    } else if (star !== null) {
      star.at++;
      at = star.at;
      token = star.token;
    } else return false;
  }
  while (tokens[token]?.kind === 'star') token++;
  return token === tokens.length;
}

type Token =
  | { kind: 'star' }
  | { kind: 'any' }
  | { kind: 'letter'; letter: string }
  | { kind: 'set'; negated: boolean; tests: ((letter: string) => boolean)[] };

const CLASSES: ReadonlyMap<string, RegExp> = new Map([
  ['alnum', /^[A-Za-z0-9]$/],
  ['alpha', /^[A-Za-z]$/],
  ['blank', /^[ \t]$/],
  ['cntrl', /^[\u0000-\u001f\u007f]$/],
  ['digit', /^[0-9]$/],
  ['graph', /^[!-~]$/],
  ['lower', /^[a-z]$/],
  ['print', /^[ -~]$/],
  ['punct', /^[!-/:-@[-`{-~]$/],
  ['space', /^[ \t\n\v\f\r]$/],
  ['upper', /^[A-Z]$/],
  ['xdigit', /^[0-9A-Fa-f]$/],
]);

function matches(token: Token, letter: string): boolean {
  switch (token.kind) {
    case 'star':
      return false;
    case 'any':
      return true;
    case 'letter':
      return token.letter === letter;
    case 'set':
      return token.tests.some((test) => test(letter)) !== token.negated;
  }
}

function tokenise(pattern: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at] ?? '';
    if (letter === '*') tokens.push({ kind: 'star' });
    else if (letter === '?') tokens.push({ kind: 'any' });
    else if (letter === '\\' && at + 1 < pattern.length) tokens.push({ kind: 'letter', letter: pattern[++at] ?? '' });
    else {
      const bracket = letter === '[' ? parseBracket(pattern, at) : null;
      tokens.push(bracket?.token ?? { kind: 'letter', letter });
      if (bracket !== null) at = bracket.end;
    }
  }
  return tokens;
}

/** The bracket expression that starts at `start`; null when it is never closed, and '[' is then an ordinary letter. */
function parseBracket(pattern: readonly string[], start: number): { token: Token; end: number } | null {
  let at = start + 1;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at++;
  const tests: ((letter: string) => boolean)[] = [];
  for (let first = true; at < pattern.length; first = false) {
    if (pattern[at] === ']' && !first) return { token: { kind: 'set', negated, tests }, end: at };
    const named = /^\[:([a-z]+):\]/.exec(pattern.slice(at, at + 16).join(''));
    if (named !== null) {
      const members = CLASSES.get(named[1] ?? '');
      tests.push((letter) => members?.test(letter) === true);
      at += named[0].length;
      continue;
    }
    if (pattern[at] === '\\') at++;
    const low = pattern[at] ?? '';
    const ranged = pattern[at + 1] === '-' && pattern[at + 2] !== undefined && pattern[at + 2] !== ']';
    const high = ranged ? (pattern[at + 2] ?? '') : low;
    tests.push((letter) => letter >= low && letter <= high);
    at += ranged ? 3 : 1;
  }
  return null;
}

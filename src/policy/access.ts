import { ACCESS_NAMES, type AccessName } from './types.js';

/**
 * A set of the five accesses the kernel asks for, one bit each in the order of ACCESS_NAMES: `-` 1, `m` 2, `r` 4, `w` 8, `rw` 16.
 * Not to be confused with an access value (0 to 7), which is one request's letters.
 */
export type AccessSet = number;
const NO_ACCESS: AccessSet = 0;
const CHECK: AccessSet = 1;
const BRACED = /^\{([^{}]*)\}$/;

/**
 * How letters are meant. In a `policy` letters stand for every subset of themselves, the check without access bits (F_OK) included, as
 * container runtimes mean them. In a `difference` they stand for their non-empty subsets, and F_OK is said by a `-` of its own.
 */
export type Notation = 'policy' | 'difference';

/** Every access whose bits are among those of `mask` (0 to 7), access 0 included: what a rule of that mask allows in runtimes of today. */
export function accessesWithin(mask: number): AccessSet {
  return collect((access) => (access & mask) === access);
}

/** Every access that shares a bit with `mask`: what a rule of that mask meant to runtimes that tested for overlap, and denies in cgroup v1. */
export function accessesTouching(mask: number): AccessSet {
  return collect((access) => (access & mask) !== 0);
}

/** The members in the order of ACCESS_NAMES. */
export function accessNames(set: AccessSet): AccessName[] {
  return ACCESS_NAMES.filter((_, index) => (set & (1 << index)) !== 0).map(({ name }) => name);
}

/** The set of these accesses. */
export function accessSetFromNames(names: readonly AccessName[]): AccessSet {
  return collect((_, name) => names.includes(name));
}

/** The letters mask (0 to 7) whose subsets are exactly this set, or null. */
export function lettersOf(set: AccessSet): number | null {
  for (let mask = 0; mask < 8; mask++) if (accessesWithin(mask) === set) return mask;
  return null;
}

/** Letters of a mask in the kernel's own order (v1 devices.list): "rwm". */
export function maskText(mask: number): string {
  return `${(mask & 2) === 0 ? '' : 'r'}${(mask & 4) === 0 ? '' : 'w'}${(mask & 1) === 0 ? '' : 'm'}`;
}

/**
 * The text of a non-empty set: letters where they say it exactly, else the members in braces. `rw` in a policy is {-,r,w,rw}; in a
 * difference {r,w,rw}, and `rw-` adds the F_OK check. No two sets have the same text within one notation.
 */
export function formatAccessSet(set: AccessSet, notation: Notation): string {
  if (notation === 'policy') {
    const mask = lettersOf(set);
    if (mask !== null) return mask === 0 ? '-' : maskText(mask);
  } else {
    const mask = lettersOf(set | CHECK);
    if (mask !== null) return `${maskText(mask)}${(set & CHECK) === 0 ? '' : '-'}`;
  }
  return `{${accessNames(set).join(',')}}`;
}

/** The set a text stands for, or null if it is none. Letters may come in any order, each at most once. */
export function parseAccessSet(text: string, notation: Notation): AccessSet | null {
  const braced = BRACED.exec(text);
  if (braced !== null) return parseMembers(braced[1] ?? '');
  if (text === '-') return CHECK;
  const alone = notation === 'difference' && text.endsWith('-');
  const mask = parseLetters(alone ? text.slice(0, -1) : text);
  if (mask === null) return null;
  const within = accessesWithin(mask);
  return notation === 'policy' || alone ? within : within & ~CHECK;
}

/** The mask of one to three different letters out of r, w, m in any order, else null. */
export function parseLetters(text: string): number | null {
  let mask = 0;
  for (const letter of text) {
    const bit = letter === 'm' ? 1 : letter === 'r' ? 2 : letter === 'w' ? 4 : 0;
    if (bit === 0 || (mask & bit) !== 0) return null;
    mask |= bit;
  }
  return mask === 0 ? null : mask;
}

function parseMembers(text: string): AccessSet | null {
  let set = NO_ACCESS;
  for (const word of text.split(',')) {
    const member = collect((_, name) => name === word);
    if (member === NO_ACCESS || (set & member) !== 0) return null;
    set |= member;
  }
  return set;
}

function collect(wanted: (access: number, name: AccessName) => boolean): AccessSet {
  let set = NO_ACCESS;
  ACCESS_NAMES.forEach(({ access, name }, index) => {
    if (wanted(access, name)) set |= 1 << index;
  });
  return set;
}

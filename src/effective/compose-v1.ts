import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import {
  accessVariable,
  MAJOR_BITS,
  majorVariable,
  MINOR_BITS,
  minorVariable,
  TYPE_VARIABLE,
} from '../policy/variables.js';
import type { Partition } from '../symbolic/partition.js';

const ACCESS_BIT: Readonly<Record<string, number>> = { m: 0, r: 1, w: 2 };
const ENTRY = /^([abc]) (\d+|\*):(\d+|\*) ([rwm]*)$/;

/**
 * What the cgroup v1 devices controller decides for the contents of a `devices.list` (security/device_cgroup.c).
 * A list of exceptions to "deny": a request passes if one entry matches its type and numbers and covers all its access bits. `a *:* rwm` means
 * "allow" with exceptions that the file does not show: undecided, except that a test without access bits always passes and that the
 * unqualified root has no exceptions.
 */
export function v1Partition(m: BddManager, list: string, isRoot: boolean): Partition {
  const lines = list
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (isRoot) return { allowed: TRUE, denied: FALSE, undecided: [] };
  if (lines.some((line) => line === 'a *:* rwm')) {
    const noAccess = m.andAll([0, 1, 2].map((bit) => m.not(m.variable(accessVariable(bit)))));
    return { allowed: noAccess, denied: FALSE, undecided: [{ region: m.not(noAccess), reason: 'v1:hidden-denies' }] };
  }
  const entries = lines.map((line) => entryRegion(m, line));
  const readable = m.orAll(entries.filter((entry) => entry !== null));
  if (!entries.includes(null)) return { allowed: readable, denied: m.not(readable), undecided: [] };
  return { allowed: readable, denied: FALSE, undecided: [{ region: m.not(readable), reason: 'v1:unreadable' }] };
}

/** Requests that one line lets through; null if it is none that the kernel writes. */
function entryRegion(m: BddManager, line: string): Ref | null {
  const match = ENTRY.exec(line);
  if (match === null) return null;
  const [, type, major, minor, access] = match;
  const parts: Ref[] = [];
  if (type !== 'a') parts.push(type === 'c' ? m.variable(TYPE_VARIABLE) : m.not(m.variable(TYPE_VARIABLE)));
  parts.push(numberRegion(m, major!, MAJOR_BITS, majorVariable), numberRegion(m, minor!, MINOR_BITS, minorVariable));
  for (const [letter, bit] of Object.entries(ACCESS_BIT)) {
    if (!access!.includes(letter)) parts.push(m.not(m.variable(accessVariable(bit))));
  }
  return m.andAll(parts);
}

function numberRegion(m: BddManager, text: string, bits: number, variable: (bit: number) => number): Ref {
  if (text === '*') return TRUE;
  const value = Number(text);
  if (value >= 2 ** bits) return FALSE;
  let region: Ref = TRUE;
  for (let bit = 0; bit < bits; bit++) {
    const one = m.variable(variable(bit));
    region = m.and(((value >> bit) & 1) === 1 ? one : m.not(one), region);
  }
  return region;
}

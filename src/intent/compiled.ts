import type { DeviceRequest, DeviceType } from '../policy/types.js';
import { MAX_MAJOR, MAX_MINOR } from '../policy/types.js';

/**
 * A device program as its writer thought of it, before it became instructions: tests in order, first match decides, a default behind
 * them. Emulators of runtimes produce this; `set.ts` turns it into a set, `decideCompiled` answers one request without diagrams.
 */
export interface CompiledPolicy {
  readonly rules: readonly CompiledRule[];
  readonly defaultAllow: boolean;
}

/** One test of such a program. A request matches if all that is tested fits. */
export interface CompiledRule {
  /** "any": the block has no type test. */
  readonly type: DeviceType | 'any';
  /** null: not tested. Otherwise as compiled; a value no request has (negative after an int32 cast, above 4095) never matches. */
  readonly major: number | null;
  readonly minor: number | null;
  /** Mask of access bits (m 1, r 2, w 4). 7 emits no access test in any known writer, so every access matches, F_OK included. */
  readonly access: number;
  /** `subset`: (request & mask) == request. `overlap`: (request & mask) != 0, which refuses F_OK and takes O_RDWR for a rule "r". */
  readonly test: 'subset' | 'overlap';
  readonly allow: boolean;
}

const EVERY_BIT = 7;
const LETTER_BITS: ReadonlyMap<string, number> = new Map([
  ['m', 1],
  ['r', 2],
  ['w', 4],
]);

/** The mask of access letters in any order; null when there is any other letter. "" is 0. */
export function accessMask(letters: string): number | null {
  let mask = 0;
  for (const letter of letters) {
    const bit = LETTER_BITS.get(letter);
    if (bit === undefined) return null;
    mask |= bit;
  }
  return mask;
}

/** Whether a rule's access test lets an access value (0 to 7) through. */
export function accessMatches(rule: Pick<CompiledRule, 'access' | 'test'>, access: number): boolean {
  if (rule.access === EVERY_BIT) return true;
  return rule.test === 'subset' ? (access & rule.access) === access : (access & rule.access) !== 0;
}

/** Whether the rule's number can be a request's at all. */
export function numberCanMatch(value: number | null, max: number): boolean {
  return value === null || (Number.isInteger(value) && value >= 0 && value <= max);
}

export function ruleMatches(rule: CompiledRule, request: DeviceRequest): boolean {
  return (
    (rule.type === 'any' || rule.type === request.type) &&
    (rule.major === null || rule.major === request.major) &&
    (rule.minor === null || rule.minor === request.minor) &&
    accessMatches(rule, request.access)
  );
}

/** The verdict of the list on one request: the first rule that matches, else the default. */
export function decideCompiled(
  policy: CompiledPolicy,
  request: DeviceRequest,
): { allow: boolean; rule: CompiledRule | null } {
  for (const rule of policy.rules) if (ruleMatches(rule, request)) return { allow: rule.allow, rule };
  return { allow: policy.defaultAllow, rule: null };
}

/** True for a rule that no request of the kernel can match. */
export function isDead(rule: CompiledRule): boolean {
  return !numberCanMatch(rule.major, MAX_MAJOR) || !numberCanMatch(rule.minor, MAX_MINOR);
}

/** C's conversion of a 64-bit number to int: what a runtime keeps of a number it stores in 32 bits. */
export function toInt32(value: number): number {
  return Number(BigInt.asIntN(32, BigInt(Math.trunc(value))));
}

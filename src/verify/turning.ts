import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import { requestBits } from '../policy/device-set.js';
import type { DeviceRequest, Range } from '../policy/types.js';
import {
  ACCESS_VARIABLES,
  MAJOR_VARIABLES,
  MINOR_VARIABLES,
  REQUEST_VARIABLES,
  TYPE_VARIABLE,
} from '../policy/variables.js';
import type { Arrivals } from '../symbolic/arrivals.js';
import { unlessTooLarge } from '../symbolic/limits.js';

/** A field of the request that alone turns the way, the others being as they are. */
export interface TurningField {
  name: 'type' | 'access' | 'major' | 'minor';
  /** Type: 1 block, 2 character (enum BPF_DEVCG_DEV_*, include/uapi/linux/bpf.h). */
  value: number;
  /** Values that go the same way; null: too many to list. */
  same: Range[] | null;
  /** Values that go the other way, if any come here at all; null: too many to list. Never empty. */
  other: Range[] | null;
}

/** What turned a request's way: at the last conditional jump, and in what was computed behind it. */
export interface Turning {
  jump: TurningField[];
  value: TurningField[];
}

const FIELDS = [
  { name: 'type', variables: [TYPE_VARIABLE] },
  { name: 'access', variables: ACCESS_VARIABLES },
  { name: 'major', variables: MAJOR_VARIABLES },
  { name: 'minor', variables: MINOR_VARIABLES },
] as const;

/** A list of more intervals tells a person nothing. */
const MOST_INTERVALS = 6;
/** Steps that an explanation may cost. */
const BUDGET = { steps: 2_000_000, nodes: 1_000_000 };

/**
 * What turned the way of one request, whatever the program computed on the way: the exact condition of the jump that is watched, as the evaluator has
 * it, and the verdict among those that went the same way there. null where either depends on something besides the request.
 */
export function turningOf(arrivals: Arrivals, request: DeviceRequest): Turning | null {
  const { manager } = arrivals;
  return unlessTooLarge(
    () => manager.withBudget(BUDGET, () => turning(arrivals, request)),
    () => null,
  );
}

function turning({ manager: m, partings, verdict, watched }: Arrivals, request: DeviceRequest): Turning | null {
  const bits = requestBits(request);
  const isOfRequest = (...refs: Ref[]): boolean =>
    m.supportOfAll(refs).every((variable) => variable < REQUEST_VARIABLES);
  const has = (ref: Ref): boolean => m.evaluate(ref, (variable) => bits[variable] === true);
  if (!isOfRequest(verdict)) return null;
  if (partings.some(({ taken, rest }) => !isOfRequest(taken, rest))) return null;
  const parting = partings.findLast(({ taken, rest }) => has(taken) || has(rest));
  if (parting === undefined && watched !== null) return null;
  const [side, across] = sidesOf(parting, has);
  const alike = has(verdict) ? m.and(side, verdict) : m.difference(side, verdict);
  return {
    jump: turningFields(m, side, across, request),
    value: turningFields(m, alike, m.difference(side, alike), request),
  };
}

/** Those that went with the request, and those that parted from them. Without a jump: all, and none. */
function sidesOf(parting: Arrivals['partings'][number] | undefined, has: (ref: Ref) => boolean): [Ref, Ref] {
  if (parting === undefined) return [TRUE, FALSE];
  const { taken, rest } = parting;
  return has(taken) ? [taken, rest] : [rest, taken];
}

function turningFields(m: BddManager, same: Ref, other: Ref, request: DeviceRequest): TurningField[] {
  const bits = requestBits(request);
  return FIELDS.flatMap(({ name, variables }) => {
    const fixed = new Map(
      bits
        .map((bit, variable): [number, boolean] => [variable, bit])
        .filter(([variable]) => !(variables as readonly number[]).includes(variable)),
    );
    const others = m.restrict(other, fixed);
    if (others === FALSE) return [];
    const value = name === 'type' ? (request.type === 'c' ? 2 : 1) : request[name];
    return [
      {
        name,
        value,
        same: intervals(m, m.restrict(same, fixed), name, variables),
        other: intervals(m, others, name, variables),
      },
    ];
  }).filter(({ other: others }) => others?.length !== 0);
}

/** Values of a field as intervals; null: more than are worth listing. Accesses that the kernel never asks (3, 5, 7) are left out. */
function intervals(m: BddManager, f: Ref, name: TurningField['name'], variables: readonly number[]): Range[] | null {
  const found: Range[] = [];
  const add = (low: number, high: number): void => {
    const last = found.at(-1);
    if (last !== undefined && last[1] + 1 === low) last[1] = high;
    else found.push([low, high]);
  };
  const walk = (ref: Ref, depth: number, prefix: number): boolean => {
    const left = variables.length - depth;
    if (ref === FALSE) return true;
    if (left === 0 || (ref === TRUE && name !== 'access')) {
      const isAsked = name !== 'access' || ![3, 5, 7].includes(prefix);
      if (isAsked) add(prefix * 2 ** left, (prefix + 1) * 2 ** left - 1);
      return found.length <= MOST_INTERVALS;
    }
    const isTested = m.level(ref) === variables[depth];
    const [low, high] = isTested ? [m.low(ref), m.high(ref)] : [ref, ref];
    return walk(low, depth + 1, prefix * 2) && walk(high, depth + 1, prefix * 2 + 1);
  };
  const isComplete = walk(f, 0, 0);
  if (!isComplete) return null;
  return name === 'type' ? found.map(([low, high]): Range => [low + 1, high + 1]) : found;
}

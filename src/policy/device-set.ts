import { FALSE, TRUE, type BddManager } from '../bdd/manager.js';
import type { Ref } from '../bdd/types.js';
import { accessSetFromNames, type AccessSet } from './access.js';
import {
  ACCESS_NAMES,
  MAX_MAJOR,
  MAX_MINOR,
  type DeviceRequest,
  type DeviceRule,
  type DeviceType,
  type Range,
} from './types.js';
import { ACCESS_VARIABLES, MAJOR_VARIABLES, MINOR_VARIABLES, REQUEST_VARIABLES, TYPE_VARIABLE } from './variables.js';

/** Which requests an entry of some runtime's list speaks of. Null is "any number", type `a` any type. */
export interface RequestPattern {
  type: DeviceType | 'a';
  major: number | null;
  minor: number | null;
  /** Predicate on the access value, asked for 0 to 7. */
  access: (access: number) => boolean;
}

/**
 * The request space of one run: type b or c, access 0 to 7, major 0 to 4095, minor 0 to 1048575, over the variables of variables.ts of one
 * diagram manager. It makes DeviceSets; sets of different spaces must not meet. The access values 3, 5 and 7, which the kernel never
 * asks (all callers of devcgroup_check_permission), exist in the diagrams but count in no comparison, number or printed rule.
 */
export class DeviceSpace {
  readonly manager: BddManager;
  /** Diagram of the accesses the kernel asks: 0, 1, 2, 4, 6. */
  readonly askable: Ref;
  readonly nothing: DeviceSet;
  readonly everything: DeviceSet;
  /**
   * Requests the kernel never hands to a device program: a node numbered 0:0 is not checked on open or access (fs/namei.c,
   * inode_permission -> devcgroup_inode_permission returns early for a zero rdev) and `mknod c 0:0` is overlayfs' whiteout. `mknod b 0:0` is asked.
   */
  readonly neverAsked: DeviceSet;

  constructor(manager: BddManager) {
    this.manager = manager;
    const asked = new Set(ACCESS_NAMES.map(({ access }) => access));
    this.askable = this.#accessPredicate((access) => asked.has(access));
    this.nothing = new DeviceSet(this, FALSE);
    this.everything = new DeviceSet(this, TRUE);
    const zero = (type: DeviceType, access: (a: number) => boolean): DeviceSet =>
      this.forPattern({ type, major: 0, minor: 0, access });
    this.neverAsked = zero('c', () => true).union(zero('b', (access) => access !== 1));
  }

  /** The set whose members satisfy a diagram over the request variables. */
  fromRef(ref: Ref): DeviceSet {
    return ref === FALSE ? this.nothing : ref === TRUE ? this.everything : new DeviceSet(this, ref);
  }

  /** The requests a rule names: exactly its accesses, each said. Ranges must lie within the space. */
  forRule(rule: DeviceRule): DeviceSet {
    const accesses = new Set(ACCESS_NAMES.filter(({ name }) => rule.access.includes(name)).map(({ access }) => access));
    return this.fromRef(
      this.#product(
        rule.type,
        this.#accessPredicate((access) => accesses.has(access)),
        this.#field(MAJOR_VARIABLES, rule.major, MAX_MAJOR, rule.majorMask),
        this.#field(MINOR_VARIABLES, rule.minor, MAX_MINOR, rule.minorMask),
      ),
    );
  }

  /** Union of many rules. */
  forRules(rules: readonly DeviceRule[]): DeviceSet {
    return this.fromRef(this.manager.orAll(rules.map((rule) => this.forRule(rule).ref)));
  }

  /** The one-element set. */
  forRequest(request: DeviceRequest): DeviceSet {
    const { type, access, major, minor } = request;
    return this.forPattern({ type, major, minor, access: (each) => each === access });
  }

  /** Requests a runtime's rule matches. A number outside the space matches nothing: the kernel has no such device. */
  forPattern(pattern: RequestPattern): DeviceSet {
    if (outside(pattern.major, MAX_MAJOR) || outside(pattern.minor, MAX_MINOR)) return this.nothing;
    const access = this.#accessPredicate(pattern.access);
    const major = this.#field(MAJOR_VARIABLES, around(pattern.major, MAX_MAJOR), MAX_MAJOR);
    const minor = this.#field(MINOR_VARIABLES, around(pattern.minor, MAX_MINOR), MAX_MINOR);
    return this.fromRef(this.#product(pattern.type, access, major, minor));
  }

  /** Union of many sets, combined in pairs. */
  unionAll(sets: readonly DeviceSet[]): DeviceSet {
    return this.fromRef(this.manager.orAll(sets.map((set) => set.ref)));
  }

  /** Requests in all of them; everything where the list is empty. */
  intersectAll(sets: readonly DeviceSet[]): DeviceSet {
    return this.fromRef(this.manager.andAll(sets.map((set) => set.ref)));
  }

  #product(type: DeviceType | 'a', access: Ref, major: Ref, minor: Ref): Ref {
    const { manager } = this;
    const numbers = manager.and(access, manager.and(major, minor));
    if (type === 'a') return numbers;
    return type === 'c' ? manager.node(TYPE_VARIABLE, FALSE, numbers) : manager.node(TYPE_VARIABLE, numbers, FALSE);
  }

  #accessPredicate(wanted: (access: number) => boolean): Ref {
    const build = (depth: number, prefix: number): Ref => {
      const variable = ACCESS_VARIABLES[depth];
      if (variable === undefined) return wanted(prefix) ? TRUE : FALSE;
      return this.manager.node(variable, build(depth + 1, prefix << 1), build(depth + 1, (prefix << 1) | 1));
    };
    return build(0, 0);
  }

  #field(variables: readonly number[], range: Range, max: number, mask?: { mask: number; value: number }): Ref {
    const [low, high] = range;
    if (!(Number.isInteger(low) && Number.isInteger(high) && low >= 0 && low <= high && high <= max)) {
      throw new RangeError(`not a range within 0 to ${String(max)}: ${String(low)}-${String(high)}`);
    }
    const atLeast = this.#compare(variables, low, FALSE, TRUE);
    const atMost = this.#compare(variables, high, TRUE, FALSE);
    const within = this.manager.and(atLeast, atMost);
    return mask === undefined ? within : this.manager.and(within, this.#masked(variables, mask.mask, mask.value));
  }

  /** Compares a field with a constant, built from the lowest bit up: below it `smaller`, above it `larger`, equal TRUE. */
  #compare(variables: readonly number[], constant: number, smaller: Ref, larger: Ref): Ref {
    let result: Ref = TRUE;
    for (let bit = 0; bit < variables.length; bit++) {
      const variable = variables[variables.length - 1 - bit]!;
      const set = ((constant >> bit) & 1) === 1;
      result = set ? this.manager.node(variable, smaller, result) : this.manager.node(variable, result, larger);
    }
    return result;
  }

  #masked(variables: readonly number[], mask: number, value: number): Ref {
    let result: Ref = TRUE;
    for (let bit = 0; bit < variables.length; bit++) {
      if (((mask >> bit) & 1) === 0) continue;
      const variable = variables[variables.length - 1 - bit]!;
      const set = ((value >> bit) & 1) === 1;
      result = set ? this.manager.node(variable, FALSE, result) : this.manager.node(variable, result, FALSE);
    }
    return result;
  }
}

/** An exact set of requests. Immutable; all operations are between sets of one space. */
export class DeviceSet {
  readonly space: DeviceSpace;
  /** The diagram as it was built, access values 3, 5 and 7 included: evaluation of such a request on demand reads this. */
  readonly ref: Ref;

  constructor(space: DeviceSpace, ref: Ref) {
    this.space = space;
    this.ref = ref;
  }

  /** Requests in either. @throws TypeError for a set of another space, like all that combine two */
  union(other: DeviceSet): DeviceSet {
    return this.space.fromRef(this.space.manager.or(this.ref, this.#refOf(other)));
  }

  /** Requests in both. */
  intersect(other: DeviceSet): DeviceSet {
    return this.space.fromRef(this.space.manager.and(this.ref, this.#refOf(other)));
  }

  /** Requests in this set and not in the other. */
  subtract(other: DeviceSet): DeviceSet {
    return this.space.fromRef(this.space.manager.difference(this.ref, this.#refOf(other)));
  }

  /** All other requests. */
  complement(): DeviceSet {
    return this.space.fromRef(this.space.manager.not(this.ref));
  }

  /** Whether every request the kernel can ask that is in this set is in the other. */
  implies(other: DeviceSet): boolean {
    return this.subtract(other).isEmpty();
  }

  /** Whether the two hold the same requests the kernel can ask. */
  equals(other: DeviceSet): boolean {
    return this.canonical === other.space.manager.and(this.#refOf(other), other.space.askable);
  }

  /** Whether it holds no request that the kernel can ask. */
  isEmpty(): boolean {
    return this.canonical === FALSE;
  }

  /** Any request, access values 3, 5 and 7 included. */
  contains(request: DeviceRequest): boolean {
    const values = requestBits(request);
    return this.space.manager.evaluate(this.ref, (variable) => values[variable] === true);
  }

  /** The diagram without what the kernel never asks: equal sets of one space have equal references here. */
  get canonical(): Ref {
    return this.space.manager.and(this.ref, this.space.askable);
  }

  /** How many requests the kernel can ask are in the set; at most 2 * 5 * 2^32. */
  count(): bigint {
    return this.space.manager.count(this.canonical, [...Array(REQUEST_VARIABLES).keys()]);
  }

  /** For one type and access value, the diagram over major and minor alone. */
  numbersFor(type: DeviceType, access: number): Ref {
    const { manager } = this.space;
    const values = requestBits({ type, access, major: 0, minor: 0 });
    let at = this.ref;
    for (const variable of [TYPE_VARIABLE, ...ACCESS_VARIABLES]) {
      if (manager.level(at) === variable) at = values[variable] === true ? manager.high(at) : manager.low(at);
    }
    return at;
  }

  /** The accesses, of those the kernel asks, that are in the set for one device number. */
  accessesOf(type: DeviceType, major: number, minor: number): AccessSet {
    return accessSetFromNames(
      ACCESS_NAMES.filter(({ access }) => this.contains({ type, access, major, minor })).map(({ name }) => name),
    );
  }

  #refOf(other: DeviceSet): Ref {
    if (other.space !== this.space) throw new TypeError('device sets of different spaces cannot be combined');
    return other.ref;
  }
}

/** @throws RangeError for what is no request: another type than b and c, numbers outside the space */
export function assertRequest({ type, access, major, minor }: DeviceRequest): void {
  if (!['b', 'c'].includes(type)) throw new RangeError(`no such request: type ${JSON.stringify(type)}`);
  for (const [value, max] of [
    [access, 7],
    [major, MAX_MAJOR],
    [minor, MAX_MINOR],
  ] as const) {
    if (!Number.isInteger(value) || outside(value, max)) throw new RangeError(`no such request: ${String(value)}`);
  }
}

/** Value of each request variable. Throws RangeError as `assertRequest` does. */
export function requestBits(request: DeviceRequest): boolean[] {
  assertRequest(request);
  const { type, access, major, minor } = request;
  const bits = new Array<boolean>(REQUEST_VARIABLES).fill(false);
  bits[TYPE_VARIABLE] = type === 'c';
  for (const [variables, value] of [
    [ACCESS_VARIABLES, access],
    [MAJOR_VARIABLES, major],
    [MINOR_VARIABLES, minor],
  ] as const) {
    variables.forEach((variable, index) => {
      bits[variable] = ((value >> (variables.length - 1 - index)) & 1) === 1;
    });
  }
  return bits;
}

function outside(value: number | null, max: number): boolean {
  return value !== null && (value < 0 || value > max);
}

function around(value: number | null, max: number): Range {
  return value === null ? [0, max] : [value, value];
}

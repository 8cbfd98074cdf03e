/** What is a number for some requests and an address for others, against what it is for each of them. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { constant } from '../../src/symbolic/bitvector.js';
import {
  isOnePiece,
  isScalarWhere,
  pointer,
  Regions,
  scalar,
  scalarWord,
  selectPointers,
  selectValue,
  simplifyUnder,
  type PointerAlternative,
  type Region,
  type Value,
} from '../../src/symbolic/value.js';
import { ALL_BITS, NULL_WORD, wordOf } from '../../src/symbolic/word.js';
import { Random } from '../property/random.js';
import { numberUnder, underAssignment } from './expressions.js';

const VARIABLES = 3;
const ASSIGNMENTS = Array.from({ length: 1 << VARIABLES }, (_, assignment) => assignment);

const regions = new Regions();
const STACK = regions.get('stack');
const PLACES = [STACK, regions.get('stack', 1), regions.get('values', 7), regions.get('context')];
const name = ({ kind, id }: Region): string => `${kind} ${String(id)}`;

function hex(m: BddManager, bits: readonly Ref[], assignment: number): string {
  return numberUnder(m, bits, assignment).toString(16);
}

/** What the value is: a number, or an address. */
function meaning(m: BddManager, { word, pointers }: Value, assignment: number): string {
  const here = pointers.filter(({ guard }) => m.evaluate(guard, underAssignment(assignment)));
  if (here.length > 1) return 'two addresses';
  return here.length === 0
    ? hex(m, word.need(ALL_BITS), assignment)
    : `${name(here[0]!.region)} + ${hex(m, here[0]!.offset, assignment)}`;
}

const meanings = (m: BddManager, value: Value): string[] =>
  ASSIGNMENTS.map((assignment) => meaning(m, value, assignment));

class RandomValues {
  readonly m: BddManager;
  readonly #random: Random;

  constructor(m: BddManager, seed: number) {
    this.m = m;
    this.#random = new Random(seed);
  }

  /** True for any of the assignments. */
  condition(): Ref {
    if (this.#random.chance(10)) return this.#random.pick([TRUE, FALSE]);
    return this.m.orAll(
      ASSIGNMENTS.filter(() => this.#random.chance(50)).map((assignment) =>
        this.m.andAll(
          Array.from({ length: VARIABLES }, (_, variable) =>
            underAssignment(assignment)(variable) ? this.m.variable(variable) : this.m.not(this.m.variable(variable)),
          ),
        ),
      ),
    );
  }

  bits(): Ref[] {
    return Array.from({ length: 64 }, (_, bit) =>
      bit < 6 ? this.condition() : this.#random.chance(50) ? TRUE : FALSE,
    );
  }

  pointers(): PointerAlternative[] {
    let left: Ref = TRUE;
    return PLACES.flatMap((region) => {
      if (this.#random.chance(50)) return [];
      const guard = this.m.and(left, this.condition());
      left = this.m.difference(left, guard);
      return guard === FALSE ? [] : [{ guard, region, offset: this.bits() }];
    });
  }

  value(): Value {
    const kind = this.#random.below(4);
    if (kind === 0) return scalar(this.bits());
    if (kind === 1) return pointer(this.#random.pick(PLACES), this.bits());
    return { word: wordOf(this.bits()), pointers: this.pointers() };
  }
}

/** Guards hold somewhere, and no region is named twice. */
function expectWellFormed({ pointers }: Value): void {
  expect(pointers.filter(({ guard }) => guard === FALSE)).toEqual([]);
  expect(new Set(pointers.map(({ region }) => region)).size).toBe(pointers.length);
}

describe('regions', () => {
  it('are the same objects for the same kind and number', () => {
    const own = new Regions();
    expect(own.get('map', 3)).toEqual({ kind: 'map', id: 3 });
    expect(own.get('map', 3)).toBe(own.get('map', 3));
    expect(own.get('context')).toBe(own.get('context', 0));
    expect(own.get('map', 4)).not.toBe(own.get('map', 3));
    expect(own.get('values', 3)).not.toBe(own.get('map', 3));
  });
});

it('an offset means one place but in what goes by one name only: memory of helpers and of CPUs', () => {
  const kinds = [
    'context',
    'stack',
    'arguments',
    'map',
    'values',
    'element',
    'percpu',
    'function',
    'code',
    'key',
  ] as const;
  expect(kinds.filter((kind) => !isOnePiece(regions.get(kind)))).toEqual([]);
  expect([isOnePiece(regions.get('opaque')), isOnePiece(regions.get('cpu'))]).toEqual([false, false]);
});

describe('one value or another', () => {
  it('is for each request what the one chosen is', () => {
    const m = new BddManager();
    const random = new RandomValues(m, 1);
    for (let round = 0; round < 250; round++) {
      const [condition, a, b] = [random.condition(), random.value(), random.value()];
      const chosen = selectValue(m, condition, a, b);
      expect(meanings(m, chosen)).toEqual(
        ASSIGNMENTS.map((at) => meaning(m, m.evaluate(condition, underAssignment(at)) ? a : b, at)),
      );
      expectWellFormed(chosen);
    }
  });
  it('is the same object where there is nothing to choose', () => {
    const m = new BddManager();
    const condition = m.variable(0);
    const five = scalar(constant(64, 5n));
    const again = scalar(constant(64, 5n));
    const place = pointer(STACK, constant(64, 0n));
    expect(selectValue(m, condition, place, place)).toBe(place);
    expect(selectValue(m, condition, five, again)).toBe(five);
    expect(selectValue(m, TRUE, five, place)).toBe(five);
    expect(selectValue(m, FALSE, five, place)).toBe(place);
    const { pointers } = place;
    expect(selectPointers(m, condition, pointers, pointers)).toBe(pointers);
  });
  it('has the only number there is as it is: nothing needs to be worked out for an address', () => {
    const m = new BddManager();
    const { word } = scalar([m.variable(1), ...constant(63, 0n)]);
    const place = pointer(STACK, constant(64, 0n));
    const number = scalarWord(word);
    expect(selectValue(m, m.variable(0), number, place).word).toBe(word);
    expect(selectValue(m, m.variable(0), place, number).word).toBe(word);
    // Two regions, or one for some requests only, may leave a number to either side.
    const sometimes: Value = {
      word: wordOf(constant(64, 9n)),
      pointers: [{ ...place.pointers[0]!, guard: m.variable(2) }],
    };
    expect(meanings(m, selectValue(m, m.variable(0), sometimes, number))).toEqual(
      ASSIGNMENTS.map((at) => ((at & 1) === 0 ? ((at >> 1) & 1).toString() : at & 4 ? 'stack 0 + 0' : '9')),
    );
  });
  it('names a region once, with an offset for each side', () => {
    const m = new BddManager();
    const at = (offset: bigint): Value => pointer(STACK, constant(64, offset));
    const { pointers, word } = selectValue(m, m.variable(0), at(8n), at(-8n));
    expect(pointers.map(({ guard, region }) => ({ guard, region }))).toEqual([{ guard: TRUE, region: STACK }]);
    expect(word).toBe(NULL_WORD);
  });
});

describe('where a value is a number', () => {
  it('no guard holds', () => {
    const m = new BddManager();
    const random = new RandomValues(m, 2);
    for (let round = 0; round < 200; round++) {
      const value = random.value();
      const where = isScalarWhere(m, value);
      expect(ASSIGNMENTS.map((at) => m.evaluate(where, underAssignment(at)))).toEqual(
        meanings(m, value).map((text) => !text.includes('+')),
      );
    }
  });
});

describe('a value under a path', () => {
  it('is what it was there, without addresses that it cannot be', () => {
    const m = new BddManager();
    const random = new RandomValues(m, 3);
    for (let round = 0; round < 250; round++) {
      const [path, value] = [random.condition(), random.value()];
      if (path === FALSE) continue;
      const within = ASSIGNMENTS.filter((at) => m.evaluate(path, underAssignment(at)));
      const simple = simplifyUnder(m, path, value);
      expect(within.map((at) => meaning(m, simple, at))).toEqual(within.map((at) => meaning(m, value, at)));
      const found = new Set(
        within
          .map((at) => meaning(m, value, at).split(' + '))
          .map(([place, offset]) => (offset === undefined ? 'number' : place)),
      );
      expect(simple.pointers.map(({ region }) => name(region)).sort()).toEqual(
        [...found].filter((place) => place !== 'number').sort(),
      );
      if (found.size === 1 && !found.has('number')) expect(simple.pointers[0]!.guard).toBe(TRUE);
    }
  });
  it('is the same object where nothing is left out', () => {
    const m = new BddManager();
    const both = selectValue(m, m.variable(0), pointer(STACK, constant(64, 0n)), scalar(constant(64, 1n)));
    const number = scalar(constant(64, 1n));
    expect(simplifyUnder(m, m.variable(1), both)).toBe(both);
    expect(simplifyUnder(m, m.variable(1), number)).toBe(number);
    expect(simplifyUnder(m, m.not(m.variable(0)), both)).toEqual(number);
  });
});

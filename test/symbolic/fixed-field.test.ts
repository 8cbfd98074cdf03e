/** Which majors or minors a set of requests has, against lists of requests. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { accessVariable, majorVariable, minorVariable, TYPE_VARIABLE } from '../../src/policy/variables.js';
import { fewValues, NOTHING_FIXED, whereFixed, type Fixed } from '../../src/symbolic/fixed-field.js';
import { bitOfRequest } from './agreement.js';

const variableOf = { major: majorVariable, minor: minorVariable };
const bitsOf = { major: 12, minor: 20 };
type Field = keyof typeof bitsOf;

function fixed(field: Field, number: number): Fixed {
  return new Map(
    Array.from({ length: bitsOf[field] }, (_, bit) => [variableOf[field](bit), ((number >> bit) & 1) === 1]),
  );
}

/** "major 1, major 8": what was found, each as one number of one field. */
function found(values: readonly Fixed[] | null): string | null {
  return (
    values
      ?.map((value) => {
        const field = value.has(majorVariable(0)) ? 'major' : 'minor';
        expect([...value.keys()].sort((a, b) => a - b)).toEqual([...fixed(field, 0).keys()].sort((a, b) => a - b));
        const number = [...value].reduce((sum, [variable, bit]) => {
          const position = Array.from({ length: bitsOf[field] }, (_, at) => at).find(
            (at) => variableOf[field](at) === variable,
          );
          return bit ? sum + 2 ** position! : sum;
        }, 0);
        return { field, number };
      })
      .sort((a, b) => a.number - b.number)
      .map(({ field, number }) => `${field} ${String(number)}`)
      .join(', ') ?? null
  );
}

const numbers = (count: number, first = 0): number[] => Array.from({ length: count }, (_, i) => first + i);
const anyOf = (m: BddManager, field: Field, values: readonly number[]): Ref =>
  m.orAll(values.map((value) => whereFixed(m, fixed(field, value))));
const listed = (field: Field, values: readonly number[]): string =>
  values.map((value) => `${field} ${String(value)}`).join(', ');

describe('requests with fixed values', () => {
  it('are those with each of them', () => {
    const m = new BddManager();
    expect(whereFixed(m, NOTHING_FIXED)).toBe(TRUE);
    const where = whereFixed(m, new Map([...fixed('major', 8), ...fixed('minor', 3), [TYPE_VARIABLE, false]]));
    for (const major of [0, 8, 9, 2056]) {
      for (const minor of [2, 3]) {
        for (const type of ['b', 'c'] as const) {
          expect(m.evaluate(where, bitOfRequest({ type, access: 2, major, minor }))).toBe(
            major === 8 && minor === 3 && type === 'b',
          );
        }
      }
    }
  });
});

describe('few values', () => {
  it.each<[string, (m: BddManager) => Ref, string | null]>([
    ['of no requests', () => FALSE, ''],
    ['of all requests', () => TRUE, null],
    ['of one major', (m) => anyOf(m, 'major', [8]), 'major 8'],
    ['of three minors', (m) => anyOf(m, 'minor', [0, 5, 1048575]), 'minor 0, minor 5, minor 1048575'],
    ['of 32 majors', (m) => anyOf(m, 'major', numbers(32)), listed('major', numbers(32))],
    ['of 33 majors', (m) => anyOf(m, 'major', numbers(33)), null],
    ['of 32 minors', (m) => anyOf(m, 'minor', numbers(32, 7)), listed('minor', numbers(32, 7))],
    ['of 33 minors', (m) => anyOf(m, 'minor', numbers(33, 7)), null],
    ['of fewer majors', (m) => m.and(anyOf(m, 'major', [1, 2]), anyOf(m, 'minor', [3, 4, 5])), 'major 1, major 2'],
    ['of fewer minors', (m) => m.and(anyOf(m, 'major', [1, 2, 9]), anyOf(m, 'minor', [3, 4])), 'minor 3, minor 4'],
    ['of as many of both', (m) => m.and(anyOf(m, 'major', [1, 2]), anyOf(m, 'minor', [3, 4])), 'major 1, major 2'],
    [
      'of numbers that depend on type and access',
      (m) =>
        m.ite(
          m.variable(TYPE_VARIABLE),
          m.and(anyOf(m, 'major', [1]), m.variable(accessVariable(2))),
          m.and(anyOf(m, 'major', [4095]), anyOf(m, 'minor', numbers(40))),
        ),
      'major 1, major 4095',
    ],
    // A block of numbers is a path on which some bits do not occur: they are gone through nevertheless.
    [
      'of blocks of majors',
      (m) => m.not(m.orAll([4, 5, 6, 7, 8, 9, 10, 11].map((bit) => m.variable(majorVariable(bit))))),
      listed('major', numbers(16)),
    ],
  ])('%s', (_, region, expected) => {
    const m = new BddManager();
    expect(found(fewValues(m, region(m)))).toBe(expected);
  });
});

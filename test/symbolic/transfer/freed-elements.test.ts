/**
 * Addresses of hash elements that were deleted or replaced: the element that is put next may be the same memory. On Linux 6.18 the program of the first
 * test finds the second key's value behind the first key's address.
 */
import { expect, it } from 'vitest';
import { compareBoth, environmentWith, mapWith } from '../agreement.js';
import { call as callHelper, EXIT, move, programOf, reference, set, type Row } from './judged.js';

const MAP = 7;
const ENVIRONMENT = environmentWith({
  helpers: new Map([
    [1, 'bpf_map_lookup_elem'],
    [2, 'bpf_map_update_elem'],
    [3, 'bpf_map_delete_elem'],
  ]),
  maps: new Map([
    [MAP, mapWith({ id: MAP, type: 'hash', entries: new Map([['01000000', Uint8Array.of(5, 0, 0, 0)]]) })],
  ]),
});

/** A call with the key and a value on the stack. */
function call(helper: 1 | 2 | 3, key: number, value = 0): Row[] {
  return [
    [0x62, 10, -4, key],
    [0x62, 10, -8, value],
    ...reference(1, 1, MAP),
    move(2, 10),
    [0x07, 2, 0, -4],
    move(3, 10),
    [0x07, 3, 0, -8],
    set(4, 0),
    callHelper(helper),
  ];
}
/** r6 = the value's address, or the end of the program. */
const keepAddress: Row[] = [...call(1, 1), [0x55, 0, 2, 0], set(0, 0), EXIT, move(6, 0)];
/** Allow if what r6 leads to is the number. */
const allowIf = (number: number): Row[] => [[0x61, 0x62, 0, 0], set(0, 0), [0x55, 2, 1, number], set(0, 1), EXIT];

function verdicts(...rows: Row[]): string[] {
  const { counts, disagreements } = compareBoth(programOf(rows), ENVIRONMENT, 20);
  expect(disagreements).toEqual([]);
  return [...counts.keys()];
}

it('a deleted element may be put again as another key’s', () => {
  expect(verdicts(...keepAddress, ...call(3, 1), ...call(2, 9, 77), ...allowIf(5))).toEqual([
    'undecided: kernel-memory',
  ]);
});

it('a replaced one as well, by the next that is put', () => {
  const twice = [...call(2, 1, 70), ...call(2, 1, 71)];
  expect(verdicts(...keepAddress, ...twice, ...allowIf(5))).toEqual(['undecided: kernel-memory']);
});

it('until then it keeps what it had', () => {
  expect(verdicts(...keepAddress, ...call(3, 1), ...allowIf(5))).toEqual(['allow']);
  expect(verdicts(...keepAddress, ...call(2, 1, 70), ...allowIf(5))).toEqual(['allow']);
});

it('an address on the stack is kept, too', () => {
  const stored: Row[] = [...keepAddress, [0x7b, 0x6a, -16, 0], set(6, 0)];
  const again: Row[] = [[0x79, 0xa6, -16, 0], ...allowIf(5)];
  expect(verdicts(...stored, ...call(3, 1), ...call(2, 9, 77), ...again)).toEqual(['undecided: kernel-memory']);
});

it('nothing is lost where no address is kept', () => {
  const changes = [...call(3, 1), ...call(2, 1, 70), ...call(2, 1, 71), ...call(2, 2, 72)];
  expect(verdicts(...changes, ...keepAddress, ...allowIf(71))).toEqual(['allow']);
});

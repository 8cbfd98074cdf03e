/** What a function of the kernel that is not modelled may have changed behind its arguments. */
import { describe, expect, it } from 'vitest';
import { clobberReachable } from '../../../src/ebpf/interpreter/clobber.js';
import type { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { arrayPointer, readableKeyed } from '../../../src/ebpf/interpreter/maps.js';
import { known, partlyKnown, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import { hexOf, machineWith, mapOf, onStack, stackHex } from './machines.js';

const WHY: readonly string[] = ['helper:x'];

interface Left {
  readonly stack: boolean;
  readonly first: boolean;
  readonly second: boolean;
}
const ALL: Left = { stack: true, first: true, second: true };

/** What is still known after a call with `value` in a register. */
function after(register: number, value: Value, mayRunCallback = true): Left & { machine: Machine } {
  const machine = machineWith({
    maps: [mapOf('array', { '00000000': '11111111' }), mapOf('hash', { '00000000': '22222222' }, { id: 8 })],
  });
  arrayPointer(machine, 7, 0);
  onStack(machine, -8, '0102030405060708');
  for (let number = 1; number <= 5; number++) machine.setRegister(number, known(0n));
  machine.setRegister(register, value);
  clobberReachable(machine, WHY, mayRunCallback);
  return {
    machine,
    stack: stackHex(machine, -8, 8) === '0102030405060708',
    first: hexOf(machine, 'array:7', 0, 4) === '11111111',
    second: readableKeyed(machine, 8) !== null,
  };
}

describe.each([1, 2, 3, 4, 5])('behind r%i', (register) => {
  it('is the stack', () => {
    const { machine, ...left } = after(register, pointer('stack:0', -4));
    expect(left).toEqual({ ...ALL, stack: false });
    expect(machine.memories.get('stack:0')?.cell(-8)).toMatchObject({ unknown: 0xff, reasons: WHY });
  });
});
it.each([0, 6, 10])('nothing is behind r%i, which is no argument', (register) => {
  expect(after(register, pointer('array:7', 0))).toMatchObject(ALL);
});

describe('behind an argument', () => {
  const unknown = (...reasons: string[]): Value => unknownScalar(reasons);
  const rows: [name: string, value: Value, left: Partial<Left>][] = [
    ['a value of a map', pointer('array:7', 0), { first: false }],
    ['an element of a map', { kind: 'element', memory: 'value:8:00000000' }, { second: false }],
    ['a map', { kind: 'map', mapId: 8 }, { second: false }],
    ['the context', pointer('context', 0), {}],
    ['something in a map', { kind: 'opaque', points: 7, reasons: [] }, { first: false }],
    ['something in any map', { kind: 'opaque', points: 'any-map', reasons: [] }, { first: false, second: false }],
    ['something elsewhere', { kind: 'opaque', points: 'elsewhere', reasons: [] }, {}],
    ['a small number', known(5n), {}],
    ['the highest number that is no address', known(0xfffe_ffff_ffff_ffffn), {}],
    ['an address in the clear', known(0xffff_0000_0000_0000n), { first: false, second: false }],
    ['a number from the kernel', unknown('kernel-memory'), { first: false, second: false }],
    ['a number from a map', unknown('depends:map:9'), { first: false, second: false }],
    ['who asks', unknown('depends:uid', 'depends:gid'), {}],
    ['who asks and something else', unknown('depends:uid', 'kernel-memory'), { first: false, second: false }],
    ['the clock', unknown('depends:time'), {}],
    ['nothing that was written', unknown('uninitialised'), {}],
    ['half a number from the kernel', partlyKnown(0n, 1n, ['kernel-memory']), { first: false, second: false }],
  ];
  it.each(rows)('%s', (_, value, left) => {
    expect(after(3, value)).toMatchObject({ ...ALL, ...left });
  });
});

describe('a callback among the arguments', () => {
  const code: Value = { kind: 'code', slot: 0 };
  it('may change whatever the program can', () => {
    const { machine, ...left } = after(2, code);
    expect(left).toEqual({ stack: false, first: false, second: false });
    expect([machine.retval, machine.usedRetval]).toEqual([unknownScalar(WHY), true]);
    expect(machine.memories.get('context')?.cell(4)).toMatchObject({ value: 1, unknown: 0 });
  });
  it('is not called by a function that calls none', () => {
    const { machine, ...left } = after(2, code, false);
    expect([left, machine.usedRetval, machine.retval]).toEqual([ALL, false, known(0n)]);
  });
  it('is none in r6', () => {
    expect(after(6, code)).toMatchObject(ALL);
  });
});

it('without a callback the result of the list stays', () => {
  const { machine } = after(1, pointer('stack:0', -8));
  expect([machine.retval, machine.usedRetval]).toEqual([known(0n), false]);
});

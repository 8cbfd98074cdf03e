/** Number iterators (kernel/bpf/bpf_iter.c) and functions of the kernel that are not known. */
import { describe, expect, it } from 'vitest';
import { callKfunc } from '../../../src/ebpf/interpreter/kfuncs.js';
import type { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { known, partlyKnown, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import { machineWith, onStack, ORDERS, stackHex } from './machines.js';

const [NEW, NEXT, DESTROY, OTHER, THROW] = [1, 2, 3, 4, 5];
const helpers = new Map([
  [NEW, 'bpf_iter_num_new'],
  [NEXT, 'bpf_iter_num_next'],
  [DESTROY, 'bpf_iter_num_destroy'],
  [OTHER, 'bpf_other'],
  [THROW, 'bpf_throw'],
]);
const AT = pointer('stack:0', -8);
const UPPER = 0xffff_ffff_0000_0000n;
const [MIN, MAX] = [-0x8000_0000, 0x7fff_ffff];
const MOST = 8 * 1024 * 1024;

function call(machine: Machine, imm: number): unknown {
  const result = callKfunc(machine, imm);
  return result === 'continue' ? machine.register(0) : result;
}
function created(start: bigint, end: bigint, iterator: Value = AT): Machine {
  const machine = machineWith({ environment: { helpers }, registers: { 1: iterator, 2: known(start), 3: known(end) } });
  onStack(machine, -12, 'ee'.repeat(12));
  return machine;
}
/** The numbers an iterator gives, at most five. */
function numbers(start: number, end: number): number[] {
  const machine = created(BigInt(start), BigInt(end));
  expect(call(machine, NEW)).toEqual(known(0n));
  const found: number[] = [];
  for (let i = 0; i < 5; i++) {
    machine.setRegister(1, AT);
    const at = call(machine, NEXT) as Value;
    if (at.kind !== 'pointer') {
      expect(at).toEqual(known(0n));
      expect(stackHex(machine, -8, 8)).toBe('00'.repeat(8));
      break;
    }
    expect(at).toEqual(AT);
    found.push(Buffer.from(stackHex(machine, -8, 4), 'hex').readInt32LE());
  }
  expect(stackHex(machine, -12, 4)).toBe('ee'.repeat(4));
  return found;
}

it.each([
  [3, 6, [3, 4, 5]],
  [0, 0, []],
  [0, 1, [0]],
  [-2, 1, [-2, -1, 0]],
  [MAX - 2, MAX, [MAX - 2, MAX - 1]],
  [MIN, MIN + 2, [MIN, MIN + 1]],
  [MAX, MAX, []],
  [0, MOST, [0, 1, 2, 3, 4]],
])('from %i to %i', (start, end, expected) => {
  expect(numbers(start, end)).toEqual(expected);
});

describe('an iterator that cannot be', () => {
  it.each([
    [5, 3, -22],
    [0, -1, -22],
    [MAX, MIN, -22],
    [0, MOST + 1, -7],
    [MIN, MAX, -7],
  ])('from %i to %i is an error, of which the low half is sure, and gives no number', (start, end, code) => {
    const machine = created(BigInt(start), BigInt(end));
    expect(call(machine, NEW)).toEqual(
      partlyKnown(BigInt.asUintN(32, BigInt(code)), UPPER, ['helper:bpf_iter_num_new']),
    );
    expect(stackHex(machine, -12, 12)).toBe('ee'.repeat(4) + '00'.repeat(8));
    machine.setRegister(1, AT);
    expect(call(machine, NEXT)).toEqual(known(0n));
  });
});

it('takes 32 bits of its numbers', () => {
  const machine = created(0xffff_ffff_0000_0003n, 0x1_0000_0004n);
  expect(call(machine, NEW)).toEqual(known(0n));
  expect(stackHex(machine, -8, 8)).toBe('0200000004000000');
  const open = created(0n, 0n);
  open.setRegister(2, partlyKnown(3n, 1n << 32n, ['depends:uid']));
  open.setRegister(3, partlyKnown(4n, 1n << 32n, ['depends:uid']));
  expect([call(open, NEW), stackHex(open, -8, 8)]).toEqual([known(0n), '0200000004000000']);
});
it('leaves nothing in the arguments, and is done with when destroyed', () => {
  const machine = created(0n, 1n);
  call(machine, NEW);
  for (let i = 1; i <= 5; i++) expect(machine.register(i)).toEqual(unknownScalar(['uninitialised']));
  expect(call(machine, DESTROY)).toEqual(unknownScalar(['helper:bpf_iter_num_destroy']));
  machine.setRegister(1, AT);
  expect(call(machine, DESTROY)).toEqual(known(0n));
  expect(stackHex(machine, -12, 12)).toBe('ee'.repeat(4) + '00'.repeat(8));
});
it.each(ORDERS)('is two numbers in the byte order of the machine: %s endian', (order) => {
  const machine = machineWith({ order, environment: { helpers }, registers: { 1: AT, 2: known(1n), 3: known(3n) } });
  call(machine, NEW);
  expect(stackHex(machine, -8, 8)).toBe(order === 'little' ? '0000000003000000' : '0000000000000003');
  machine.setRegister(1, AT);
  expect(call(machine, NEXT)).toEqual(AT);
  expect(stackHex(machine, -8, 4)).toBe(order === 'little' ? '01000000' : '00000001');
});

describe('what is not known', () => {
  const somewhere: Value = { kind: 'pointer', memory: 'stack:0', offset: null, reasons: ['depends:uid'] };
  it.each<[string, Record<number, Value>]>([
    ['the start', { 2: unknownScalar(['depends:uid']) }],
    ['the end', { 3: unknownScalar(['depends:uid']) }],
    ['the place', { 1: somewhere }],
  ])('%s of an iterator makes it and its result unknown', (_, registers) => {
    const machine = created(0n, 2n);
    for (const [number, value] of Object.entries(registers)) machine.setRegister(Number(number), value);
    expect(call(machine, NEW)).toMatchObject({ unknown: (1n << 64n) - 1n, reasons: ['helper:bpf_iter_num_new'] });
    expect(stackHex(machine, -8, 8)).toBe('??'.repeat(8));
  });
  it('an iterator without an address', () => {
    const machine = created(0n, 2n, known(0xffff_8881_0000_0000n));
    expect(call(machine, NEW)).toMatchObject({ reasons: ['helper:bpf_iter_num_new'] });
    for (const iterator of [known(0xffff_8881_0000_0000n), somewhere, pointer('stack:9', 0)]) {
      const next = created(0n, 0n, iterator);
      onStack(next, 0, '0000000005000000');
      expect(call(next, NEXT)).toEqual(unknownScalar(['helper:bpf_iter_num_next']));
    }
  });
  it.each([-8, -4])('half of its numbers, at %i', (at) => {
    const machine = created(0n, 2n);
    call(machine, NEW);
    machine.memories.get('stack:0')?.store(at, 4, unknownScalar(['depends:uid']), 'little');
    machine.setRegister(1, AT);
    expect(call(machine, NEXT)).toEqual(unknownScalar(['helper:bpf_iter_num_next']));
  });
  it('a function may change all that it is given, and by a callback everything', () => {
    const machine = created(0n, 0n);
    expect(call(machine, OTHER)).toEqual(unknownScalar(['helper:bpf_other']));
    expect([stackHex(machine, -12, 4), machine.usedRetval]).toEqual(['????????', false]);
    const other = created(0n, 0n, { kind: 'code', slot: 0 });
    call(other, OTHER);
    expect([stackHex(other, -12, 4), other.usedRetval]).toEqual(['????????', true]);
  });
  it('which function it is ends the run: it may throw', () => {
    expect(call(created(0n, 0n), THROW)).toEqual({ undecided: ['kfunc:bpf_throw'] });
    expect(call(created(0n, 0n), 0)).toEqual({ undecided: ['kfunc:unresolved'] });
    expect(call(created(0n, 0n), 99)).toEqual({ undecided: ['kfunc:unresolved'] });
    const zero = machineWith({ environment: { helpers: new Map([[0, 'bpf_other']]) } });
    expect(call(zero, 0)).toEqual({ undecided: ['kfunc:unresolved'] });
  });
});

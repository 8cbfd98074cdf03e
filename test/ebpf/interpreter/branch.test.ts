/** Conditional jumps on addresses: what is certain of two of them, of one and NULL, and of neither. */
import { describe, expect, it } from 'vitest';
import { branch } from '../../../src/ebpf/interpreter/branch.js';
import { known, partlyKnown, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import type { JmpOp, Width } from '../../../src/ebpf/types.js';
import { EXIT, join, mov } from '../bytes.js';
import { machineWith } from './machines.js';
import { JMP_OPS } from '../../symbolic/alu-reference.js';

/** Whether `r2 OP r3` is taken; null: both ways are followed. */
function taken(jmp: JmpOp, left: Value, right: Value, width: Width = 64): boolean | null {
  const machine = machineWith({ bytes: join(mov(0, 0), EXIT, EXIT), registers: { 2: left, 3: right } });
  machine.position = 1;
  const result = branch(machine, {
    op: 'branch',
    index: 0,
    opcode: 0,
    jmp,
    width,
    dst: 2,
    src: { reg: 3 },
    target: 2,
  });
  if (typeof result === 'string') return machine.position === 2;
  if (!('fork' in result)) throw new Error('neither way');
  expect(result.fork.map(({ position, lastBranch }) => [position, lastBranch?.taken])).toEqual([
    [1, false],
    [2, true],
  ]);
  return null;
}
const all = (answer: (jmp: JmpOp) => boolean | null): Record<string, boolean | null> =>
  Object.fromEntries(JMP_OPS.map((jmp) => [jmp, answer(jmp)]));
const OPEN = all(() => null);

describe('two addresses in one memory', () => {
  const unsigned = (a: number, b: number): Record<string, boolean | null> => ({
    ...OPEN,
    eq: a === b,
    ne: a !== b,
    gt: a > b,
    ge: a >= b,
    lt: a < b,
    le: a <= b,
  });
  it.each([
    [-16, -8],
    [-8, -16],
    [5, 4],
    [4, 4],
  ])('are in the order of their offsets %i and %i', (a, b) => {
    expect(all((jmp) => taken(jmp, pointer('stack:0', a), pointer('stack:0', b)))).toEqual(unsigned(a, b));
  });
  it('are the same or not, but in no known order, in a per-cpu array', () => {
    const [a, b] = [pointer('percpu:7', 8), pointer('percpu:7', 0)];
    expect(all((jmp) => taken(jmp, a, b))).toEqual({ ...OPEN, eq: false, ne: true });
    expect(all((jmp) => taken(jmp, a, a))).toEqual({ ...OPEN, eq: true, ne: false });
  });
  it('somewhere in it may be the same', () => {
    const somewhere: Value = { kind: 'pointer', memory: 'stack:0', offset: null, reasons: ['depends:uid'] };
    expect(all((jmp) => taken(jmp, somewhere, pointer('stack:0', 0)))).toEqual(OPEN);
    expect(all((jmp) => taken(jmp, pointer('stack:0', 0), somewhere))).toEqual(OPEN);
  });
});

describe('nothing is known', () => {
  it.each<[string, Value, Value, Width]>([
    ['of addresses in two memories', pointer('array:7', 0), pointer('array:8', 0), 64],
    ['of an address and a number', pointer('context', 0), known(1n), 64],
    ['of an address and a number that may be 0', pointer('context', 0), partlyKnown(0n, 1n, ['depends:uid']), 64],
    ['of NULL and an address', known(0n), pointer('context', 0), 64],
    ['of halves of addresses', pointer('context', 0), pointer('context', 0), 32],
    ['of half an address and 0', pointer('context', 0), known(0n), 32],
    ['of an address that may be NULL', { kind: 'opaque', points: 7, reasons: ['depends:map:7'] }, known(0n), 64],
    ['of two maps', { kind: 'map', mapId: 7 }, { kind: 'map', mapId: 7 }, 64],
    ['of a hash element and its value', { kind: 'element', memory: 'value:7:00' }, pointer('value:7:00', 0), 64],
    ['of a value and its hash element', pointer('value:7:00', 0), { kind: 'element', memory: 'value:7:00' }, 64],
    ['of a number and an address', unknownScalar(['depends:uid']), pointer('context', 0), 64],
  ])('%s', (_, left, right, width) => {
    expect(all((jmp) => taken(jmp, left, right, width))).toEqual(OPEN);
  });
});

describe('an address and NULL', () => {
  const ABOVE = { ...OPEN, eq: false, ne: true, gt: true, ge: true, lt: false, le: false };
  it.each<[string, Value]>([
    ['a known place', pointer('context', 0)],
    ['an unknown place', { kind: 'pointer', memory: 'stack:0', offset: null, reasons: [] }],
    ['a map', { kind: 'map', mapId: 7 }],
    ['a hash element', { kind: 'element', memory: 'value:7:00' }],
    ['code', { kind: 'code', slot: 0 }],
  ])('%s', (_, address) => {
    expect(all((jmp) => taken(jmp, address, known(0n)))).toEqual(ABOVE);
  });
});

describe('the record of a branch', () => {
  const record = (left: Value, right: Value, width: Width): unknown => {
    const machine = machineWith({ bytes: join(mov(0, 0), EXIT, EXIT), registers: { 2: left, 3: right } });
    branch(machine, { op: 'branch', index: 5, opcode: 0, jmp: 'ne', width, dst: 2, src: { reg: 3 }, target: 2 });
    return machine.lastBranch;
  };
  it('has the numbers as they were compared', () => {
    const [left, right] = [known(0x1_0000_0005n), known(-1n)];
    expect(record(left, right, 32)).toEqual({
      index: 5,
      jmp: 'ne',
      width: 32,
      taken: true,
      left: 5n,
      right: 0xffff_ffffn,
    });
    expect(record(left, right, 64)).toMatchObject({ left: 0x1_0000_0005n, right: 0xffff_ffff_ffff_ffffn });
  });
  it('has no number for addresses and unknown bits', () => {
    expect(record(pointer('context', 0), known(0n), 64)).toMatchObject({ left: null, right: 0n });
    expect(record(partlyKnown(1n, 2n, ['depends:uid']), known(0n), 64)).toMatchObject({ left: null, right: 0n });
    expect(record(partlyKnown(1n, 1n << 40n, ['depends:uid']), known(0n), 32)).toMatchObject({ left: 1n, right: 0n });
  });
  it('says what an open branch depends on', () => {
    const machine = machineWith({
      bytes: join(mov(0, 0), EXIT, EXIT),
      registers: { 2: unknownScalar(['depends:uid']), 3: unknownScalar(['depends:gid']) },
    });
    expect(
      branch(machine, { op: 'branch', index: 0, opcode: 0, jmp: 'eq', width: 64, dst: 2, src: { reg: 3 }, target: 2 }),
    ).toMatchObject({ reasons: ['depends:gid', 'depends:uid'] });
  });
});

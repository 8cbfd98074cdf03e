/** Loads, stores and atomic operations through every kind of address (RFC 9669 sections 5.1 to 5.3). */
import { describe, expect, it } from 'vitest';
import { loadFrom, storeTo, updateAtomically } from '../../../src/ebpf/interpreter/access.js';
import type { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { arrayPointer } from '../../../src/ebpf/interpreter/maps.js';
import { known, partlyKnown, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import type { AtomicOp } from '../../../src/ebpf/types.js';
import { referenceAlu } from '../../symbolic/alu-reference.js';
import { hexOf, machineWith, mapOf, onStack, ORDERS, stackHex } from './machines.js';

const ARRAY = mapOf('array', { '00000000': '11111111', '01000000': '22222222' });
const OTHER = mapOf('array', { '00000000': '33333333' }, { id: 8 });
const SOMEWHERE: readonly string[] = ['depends:uid'];

/** A machine that has touched both maps and has bytes on its stack. */
function touched(): Machine {
  const machine = machineWith({ maps: [ARRAY, OTHER] });
  arrayPointer(machine, 7, 0);
  arrayPointer(machine, 8, 0);
  onStack(machine, -8, '0102030405060708');
  return machine;
}
const state = (machine: Machine): string[] => [
  hexOf(machine, 'array:7', 0, 4),
  hexOf(machine, 'array:8', 0, 4),
  stackHex(machine, -8, 8),
];
const opaque = (points: number | 'any-map' | 'elsewhere'): Value => ({ kind: 'opaque', points, reasons: SOMEWHERE });

describe('a store', () => {
  const UNCHANGED = ['11111111', '33333333', '0102030405060708'];
  const rows: [name: string, base: (machine: Machine) => Value, after: string[]][] = [
    ['to the stack', ({ frame }) => pointer(frame.stack, -4), ['11111111', '33333333', '01020304ff060708']],
    [
      'to somewhere on the stack',
      ({ frame }) => ({ kind: 'pointer', memory: frame.stack, offset: null, reasons: SOMEWHERE }),
      ['11111111', '33333333', '????????????????'],
    ],
    ['to a value of a map', () => pointer('array:7', 0), ['ff111111', '33333333', '0102030405060708']],
    ['to somewhere in a map', () => opaque(7), ['????????', '33333333', '0102030405060708']],
    ['to somewhere in any map', () => opaque('any-map'), ['????????', '????????', '0102030405060708']],
    ['to what the program cannot reach otherwise', () => opaque('elsewhere'), UNCHANGED],
    ['to a number', () => known(0xffff_8881_0000_0000n), ['????????', '????????', '0102030405060708']],
    ['to an unknown number', () => unknownScalar(SOMEWHERE), ['????????', '????????', '0102030405060708']],
    ['to the mark of a hash element', () => ({ kind: 'element', memory: 'array:7' }), UNCHANGED],
    ['to a map', () => ({ kind: 'map', mapId: 7 }), UNCHANGED],
    ['to code', () => ({ kind: 'code', slot: 0 }), UNCHANGED],
  ];
  it.each(rows)('%s', (_, base, after) => {
    const machine = touched();
    storeTo(machine, base(machine), 0, 1, known(0xffn));
    expect(state(machine)).toEqual(after);
  });
  it('adds its offset, and says why what it may have hit is unknown', () => {
    const machine = touched();
    storeTo(machine, pointer(machine.frame.stack, -4), -3, 1, known(0xffn));
    expect(stackHex(machine, -8, 8)).toBe('01ff030405060708');
    storeTo(machine, known(0xffff_8881_0000_0000n), 0, 1, known(0n));
    expect(loadFrom(machine, pointer('array:7', 0), 0, 1, false)).toEqual(unknownScalar(['kernel-memory'], 0xffn));
    storeTo(
      machine,
      { kind: 'pointer', memory: machine.frame.stack, offset: null, reasons: SOMEWHERE },
      0,
      1,
      known(0n),
    );
    expect(loadFrom(machine, pointer(machine.frame.stack, -8), 0, 1, false)).toEqual(unknownScalar(SOMEWHERE, 0xffn));
  });
  it('to a stack that is gone does nothing', () => {
    const machine = touched();
    storeTo(machine, pointer('stack:99', 0), 0, 1, known(1n));
    storeTo(machine, { kind: 'pointer', memory: 'stack:99', offset: null, reasons: [] }, 0, 1, known(1n));
    expect(state(machine)).toEqual(UNCHANGED);
  });
});

describe('a load', () => {
  it('through a known address', () => {
    const machine = touched();
    expect(loadFrom(machine, pointer(machine.frame.stack, -4), -2, 2, false)).toEqual(known(0x0403n));
    expect(loadFrom(machine, pointer(machine.frame.stack, 0), -1, 1, false)).toEqual(known(8n));
  });
  it.each<[string, Value, string[]]>([
    ['an unknown place', { kind: 'pointer', memory: 'stack:0', offset: null, reasons: SOMEWHERE }, ['depends:uid']],
    ['a stack that is gone', pointer('stack:99', 0), ['address']],
    ['an address that is not modelled', opaque('elsewhere'), ['depends:uid']],
    ['a number', known(4096n), ['kernel-memory']],
    ['an unknown number', unknownScalar(SOMEWHERE), ['depends:uid']],
    ['a map', { kind: 'map', mapId: 7 }, ['address']],
  ])('through %s is unknown in the bits it has', (_, base, reasons) => {
    const machine = touched();
    for (const size of [1, 2, 4, 8] as const) {
      expect(loadFrom(machine, base, 0, size, false)).toEqual(unknownScalar(reasons, (1n << BigInt(8 * size)) - 1n));
      expect(loadFrom(machine, base, 0, size, true)).toEqual(unknownScalar(reasons));
    }
  });
  it('of the mark of an LRU element finds it set', () => {
    // kernel/bpf/hashtab.c, htab_lru_map_gen_lookup: only then nothing is written.
    expect(loadFrom(touched(), { kind: 'element', memory: 'array:7' }, 20, 1, false)).toEqual(known(1n));
  });
});

describe.each(ORDERS)('an atomic operation, %s endian', (order) => {
  const FORMER = 0x8182_8384_8586_8788n;
  const OPERAND = 0xf0f1_0203_f4f5_0607n;
  const run = (op: AtomicOp, size: 4 | 8, r0 = 0n): [former: Value, stored: Value, beside: string] => {
    const machine = machineWith({ order, registers: { 0: known(r0) } });
    const base = onStack(machine, -8, '1122334455667788');
    storeTo(machine, base, 0, size, known(FORMER));
    const former = updateAtomically(machine, op, size, pointer('stack:0', -16), 8, known(OPERAND));
    return [former, loadFrom(machine, base, 0, size, false), size === 4 ? stackHex(machine, -4, 4) : ''];
  };
  for (const size of [4, 8] as const) {
    const width = size * 8;
    const cut = (n: bigint): bigint => BigInt.asUintN(width, n);
    const beside = size === 4 ? '55667788' : '';
    it.each(['add', 'or', 'and', 'xor'] as const)(`%s, ${String(size)} bytes`, (op) => {
      const result = cut(referenceAlu(op, width, cut(FORMER), cut(OPERAND)));
      expect(run(op, size)).toEqual([known(cut(FORMER)), known(result), beside]);
    });
    it(`xchg and cmpxchg, ${String(size)} bytes`, () => {
      expect(run('xchg', size)).toEqual([known(cut(FORMER)), known(cut(OPERAND)), beside]);
      expect(run('cmpxchg', size, FORMER)).toEqual([known(cut(FORMER)), known(cut(OPERAND)), beside]);
      expect(run('cmpxchg', size, FORMER ^ 1n)).toEqual([known(cut(FORMER)), known(cut(FORMER)), beside]);
      // Four bytes are compared with the low half of r0.
      const replaces = size === 4;
      for (const bit of [32n, 40n])
        expect(run('cmpxchg', size, FORMER ^ (1n << bit))[1]).toEqual(known(cut(replaces ? OPERAND : FORMER)));
    });
  }
});

describe('an atomic operation with something unknown', () => {
  const stored = (op: AtomicOp, former: Value, r0: Value, operand: Value): Value => {
    const machine = machineWith({ registers: { 0: r0 } });
    const base = pointer(machine.frame.stack, -8);
    storeTo(machine, base, 0, 8, former);
    expect(updateAtomically(machine, op, 8, base, 0, operand)).toEqual(former);
    return loadFrom(machine, base, 0, 8, false);
  };
  it('leaves open what depends on it', () => {
    const half = partlyKnown(1n, 2n, ['depends:uid']);
    expect(stored('or', half, known(0n), known(4n))).toMatchObject(partlyKnown(5n, 2n, ['depends:uid']));
    expect(stored('cmpxchg', half, known(1n), unknownScalar(['depends:gid']))).toMatchObject(
      unknownScalar(['depends:gid', 'depends:uid']),
    );
    expect(stored('cmpxchg', known(1n), unknownScalar(['depends:pid']), known(2n))).toMatchObject(
      unknownScalar(['depends:pid']),
    );
    // Bit 0 alone tells that they differ.
    expect(stored('cmpxchg', half, known(0n), known(4n))).toMatchObject(half);
  });
  it('keeps an address that is exchanged', () => {
    const address = pointer('context', 0);
    expect(stored('xchg', known(1n), known(0n), address)).toBe(address);
    expect(stored('add', address, known(0n), known(1n))).toMatchObject({ kind: 'scalar', reasons: ['address'] });
  });
});

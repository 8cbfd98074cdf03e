/** One instruction at a time: which register it writes, and with what of its operands. */
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ebpf/decode.js';
import { interpret } from '../../../src/ebpf/interpreter/interpret.js';
import type { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { known, partlyKnown, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { step } from '../../../src/ebpf/interpreter/step.js';
import { pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import { EXIT, imm64, join, mov, slot } from '../bytes.js';
import { environmentOf } from '../captures.js';
import { after, machineWith, mapOf, onStack, stackHex, type Setting } from './machines.js';

const UID: Value = unknownScalar(['depends:uid']);
const AT = pointer('stack:0', -8);
const MAP: Value = { kind: 'map', mapId: 7 };
const CODE: Value = { kind: 'code', slot: 2 };

const r2 = (bytes: Uint8Array, registers: Setting['registers'] = {}): Value => after(bytes, registers).register(2);

describe('arithmetic', () => {
  const rows: [name: string, bytes: Uint8Array, registers: Setting['registers'], result: Value][] = [
    ['mov of an address', slot(0xbf, { dst: 2, src: 3 }), { 3: AT }, AT],
    ['mov of half an address', slot(0xbc, { dst: 2, src: 3 }), { 3: AT }, unknownScalar(['address'], 0xffff_ffffn)],
    ['mov of a number that is sign-extended', slot(0xb7, { dst: 2, imm: -1 }), {}, known(-1n)],
    ['mov of 32 bits', slot(0xb4, { dst: 2, imm: -1 }), {}, known(0xffff_ffffn)],
    ['xor of a register with itself', slot(0xaf, { dst: 2, src: 2 }), { 2: UID }, known(0n)],
    ['the same in 32 bits, never written', slot(0xac, { dst: 2, src: 2 }), {}, known(0n)],
    ['sub of an address from itself', slot(0x1f, { dst: 2, src: 2 }), { 2: AT }, known(0n)],
    ['or of a register with itself', slot(0x4f, { dst: 2, src: 2 }), { 2: known(5n) }, known(5n)],
    ['xor with another register', slot(0xaf, { dst: 2, src: 3 }), { 2: known(5n), 3: known(4n) }, known(1n)],
    ['sub with another register', slot(0x1f, { dst: 2, src: 3 }), { 2: known(5n), 3: known(4n) }, known(1n)],
    ['add to an address', slot(0x07, { dst: 2, imm: 4 }), { 2: AT }, pointer('stack:0', -4)],
    ['add of an address', slot(0x0f, { dst: 2, src: 3 }), { 2: known(4n), 3: AT }, pointer('stack:0', -4)],
    ['add to half an address', slot(0x04, { dst: 2, imm: 4 }), { 2: AT }, unknownScalar(['address'], 0xffff_ffffn)],
    ['mul of an address', slot(0x27, { dst: 2, imm: 3 }), { 2: AT }, unknownScalar(['address'])],
    ['neg', slot(0x87, { dst: 2 }), { 2: known(5n) }, known(-5n)],
    ['mov with sign extension', slot(0xbf, { dst: 2, src: 3, off: 8 }), { 3: known(0x80n) }, known(-128n)],
    ['the same to 32 bits', slot(0xbc, { dst: 2, src: 3, off: 8 }), { 3: known(0x80n) }, known(0xffff_ff80n)],
    ['a byte swap', slot(0xd7, { dst: 2, imm: 16 }), { 2: known(0xaa_1234n) }, known(0x3412n)],
    ['to little endian', slot(0xd4, { dst: 2, imm: 16 }), { 2: known(0xaa_1234n) }, known(0x1234n)],
    ['to big endian', slot(0xdc, { dst: 2, imm: 16 }), { 2: known(0xaa_1234n) }, known(0x3412n)],
  ];
  it.each(rows)('%s', (_, bytes, registers, result) => {
    expect(r2(bytes, registers)).toEqual(result);
  });
});

describe('constants', () => {
  const pair = (src: number, imm: number, next = 0): Uint8Array =>
    join(slot(0x18, { dst: 2, src, imm }), slot(0, { imm: next }));
  it.each<[string, Uint8Array, Value]>([
    ['a number', imm64(2, 0x1122_3344_5566_7788n), known(0x1122_3344_5566_7788n)],
    ['a map', pair(1, 7), MAP],
    ['a value of a map', pair(2, 7, 12), pointer('array:7', 12)],
    ['a function', pair(4, 2), { kind: 'code', slot: 3 }],
  ])('%s', (_, bytes, result) => {
    expect(r2(bytes)).toEqual(result);
  });
});

describe('memory', () => {
  it('is loaded from base and offset', () => {
    const registers = { 3: pointer('stack:0', -4) };
    expect(r2(slot(0x61, { dst: 2, src: 3, off: -4 }), registers)).toEqual(known(0x4433_2211n));
    expect(r2(slot(0x71, { dst: 2, src: 3, off: 3 }), registers)).toEqual(known(0x88n));
    expect(r2(slot(0x91, { dst: 2, src: 3, off: 3 }), registers)).toEqual(known(-0x78n));
  });
  it('is stored to base and offset', () => {
    const registers = { 2: pointer('stack:0', -4), 3: known(0xaabb_ccddn) };
    const stored = (bytes: Uint8Array): string => stackHex(after(bytes, registers), -8, 8);
    expect(stored(slot(0x6b, { dst: 2, src: 3, off: -4 }))).toBe('ddcc334455667788');
    expect(stored(slot(0x72, { dst: 2, imm: 0x1ee, off: 3 }))).toBe('11223344556677ee');
    expect(stored(slot(0x7a, { dst: 2, imm: -2, off: -4 }))).toBe('feffffffffffffff');
  });
  const [ADD, FETCH, XCHG, CMPXCHG] = [0, 1, 0xe1, 0xf1];
  const atomic = (imm: number): Machine =>
    after(slot(0xc3, { dst: 2, src: 3, off: -4, imm }), {
      0: known(0x4433_2211n),
      2: pointer('stack:0', -4),
      3: known(0x0101_0101n),
    });
  it.each([
    [ADD, '1223344555667788', 0x4433_2211n, 0x0101_0101n],
    [ADD | FETCH, '1223344555667788', 0x4433_2211n, 0x4433_2211n],
    [XCHG, '0101010155667788', 0x4433_2211n, 0x4433_2211n],
    [CMPXCHG, '0101010155667788', 0x4433_2211n, 0x0101_0101n],
  ])('is changed by atomic operation %i', (imm, stack, r0, r3) => {
    const machine = atomic(imm);
    expect([stackHex(machine, -8, 8), machine.register(0), machine.register(3)]).toEqual([stack, known(r0), known(r3)]);
  });
  it('is told to r0 by cmpxchg, whatever it was', () => {
    const machine = after(slot(0xdb, { dst: 2, src: 3, imm: CMPXCHG }), { 0: known(1n), 2: AT, 3: known(5n) });
    expect(machine.register(0)).toEqual(known(0x8877_6655_4433_2211n));
    expect([stackHex(machine, -8, 8), machine.register(3)]).toEqual(['1122334455667788', known(5n)]);
  });
});

describe('an address of the kernel’s own', () => {
  const perCpu = slot(0xbf, { dst: 2, src: 3, off: -1 });
  it('of this CPU is what all CPUs have, where that is known', () => {
    expect(r2(perCpu, { 3: pointer('percpu:7', 8) })).toEqual(pointer('percpu:7', 8));
    expect(r2(perCpu, { 3: known(0x1234n) })).toEqual(unknownScalar(['depends:cpu']));
  });
  it('in another address space is not known', () => {
    expect(r2(slot(0xbf, { dst: 2, src: 3, off: 1, imm: 1 }), { 3: AT })).toEqual(unknownScalar(['kernel-memory']));
  });
});

describe('a jump', () => {
  it.each<[string, Uint8Array]>([
    ['by 16 bits', slot(0x05, { off: 1 })],
    ['by 32 bits', slot(0x06, { imm: 1 })],
  ])('%s goes on at its target', (_, bytes) => {
    expect(after(bytes).position).toBe(2);
  });
  it('to a register goes to the code it points at', () => {
    const gotox = join(slot(0x0d, { dst: 3 }), EXIT, mov(0, 0), EXIT);
    const machine = machineWith({ bytes: gotox, registers: { 3: CODE } });
    expect([step(machine), machine.position]).toEqual(['continue', 2]);
    for (const value of [known(2n), AT, UID]) {
      const other = machineWith({ bytes: gotox, registers: { 3: value } });
      expect(step(other)).toEqual({ undecided: ['jump-target'] });
    }
    const inside = join(slot(0x0d, { dst: 3 }), imm64(2, 5n), EXIT);
    const second = machineWith({ bytes: inside, registers: { 3: CODE } });
    expect(step(second)).toEqual({ undecided: ['jump-target'] });
    const behind = machineWith({ bytes: inside, registers: { 3: { kind: 'code', slot: 99 } } });
    expect(step(behind)).toEqual({ undecided: ['jump-target'] });
    const first = machineWith({ bytes: inside, registers: { 3: { kind: 'code', slot: 0 } } });
    expect([step(first), first.position]).toEqual(['continue', 0]);
  });
  it('where the program ends is none', () => {
    const machine = machineWith({});
    machine.position = 2;
    expect(step(machine)).toEqual({ undecided: ['end-of-program'] });
  });
});

it('a speculation barrier does nothing', () => {
  const machine = after(slot(0xc2), { 2: known(5n) });
  expect([machine.position, machine.register(2)]).toEqual([1, known(5n)]);
});
it('an instruction outside what is modelled leaves its result open', () => {
  // Legacy packet access (BPF_LD | BPF_ABS) leaves its result in r0.
  const machine = after(slot(0x30, { imm: 4 }), { 2: known(5n), 0: known(1n) });
  expect(machine.register(0)).toMatchObject({ unknown: (1n << 64n) - 1n });
  expect(machine.register(2)).toEqual(known(5n));
});

describe('the path', () => {
  const path = (recordPath: boolean): number[] => {
    const machine = machineWith({ bytes: join(imm64(2, 5n), mov(0, 0), EXIT), options: { recordPath } });
    step(machine);
    step(machine);
    return machine.path;
  };
  it('has the slots that ran, if asked for', () => {
    expect([path(true), path(false)]).toEqual([[0, 2], []]);
  });
});

describe('a machine', () => {
  it.each([
    ['b', 1, 0x0001_0001n],
    ['c', 6, 0x0006_0002n],
    ['c', 0xffff, 0xffff_0002n],
    ['b', 0, 1n],
  ] as const)('has %s, access %i in its context', (type, access, word) => {
    const bytes = join(
      slot(0x61, { dst: 2, src: 1 }),
      imm64(3, word),
      slot(0xb7, { dst: 0, imm: 1 }),
      slot(0x1d, { dst: 2, src: 3, off: 1 }),
      mov(0, 0),
      EXIT,
    );
    const result = interpret(decode(bytes, 'little'), environmentOf(new Map()), { type, access, major: 1, minor: 2 });
    expect(result).toMatchObject({ outcome: 'return', r0: 1n });
  });
  it('has a context of 12 bytes', () => {
    const { memories } = machineWith({});
    const context = memories.get('context');
    for (const at of [-1, 12]) expect(context?.cell(at)).toMatchObject({ unknown: 0xff, reasons: ['kernel-memory'] });
    for (const at of [0, 11]) expect(context?.cell(at)).toMatchObject({ unknown: 0 });
  });
  it('starts with the context in r1, the stack in r10, and nothing else', () => {
    const machine = machineWith({});
    const empty = unknownScalar(['uninitialised']);
    expect([0, 1, 2, 9, 10, 11, 12].map((number) => machine.register(number))).toEqual([
      empty,
      pointer('context', 0),
      empty,
      empty,
      pointer('stack:0', 0),
      empty,
      empty,
    ]);
    expect(machine.memories.get('stack:0')?.cell(-1)).toMatchObject({ unknown: 0xff, reasons: ['uninitialised'] });
  });
  it('starts with what the list has decided', () => {
    expect(machineWith({}).retval).toEqual(known(0n));
    expect(machineWith({ options: { retvalIn: -13 } }).retval).toEqual(known(-13n));
    expect(machineWith({ options: { retvalIn: null } }).retval).toEqual(unknownScalar(['depends:retval']));
  });
  it('of which there is a copy changes for itself', () => {
    const machine = machineWith({ maps: [mapOf('hash', { '01000000': '11111111' })] });
    onStack(machine, -8, '1122334455667788');
    const copy = machine.clone();
    copy.setRegister(2, known(5n));
    copy.memories.get('stack:0')?.store(-8, 8, known(0n), 'little');
    copy.memories.set('x', copy.memories.get('stack:0')!);
    copy.maps.set(7, { readable: false, changes: new Map() });
    copy.path.push(1);
    copy.dependsOn.add('uid');
    copy.pushFrame({ ...copy.frame });
    copy.retval = partlyKnown(0n, 1n, ['x']);
    expect(machine.register(2)).toEqual(unknownScalar(['uninitialised']));
    expect(stackHex(machine, -8, 8)).toBe('1122334455667788');
    expect([machine.memories.has('x'), machine.maps.size, machine.path, machine.dependsOn.size]).toEqual([
      false,
      0,
      [],
      0,
    ]);
    expect([machine.frames.length, machine.retval, machine.register(10)]).toEqual([
      1,
      known(0n),
      pointer('stack:0', 0),
    ]);
    machine.maps.set(7, { readable: true, changes: new Map() });
    const other = machine.clone();
    other.maps.get(7)?.changes.set('01', null);
    const state = other.maps.get(7);
    if (state !== undefined) state.readable = false;
    expect(machine.maps.get(7)).toEqual({ readable: true, changes: new Map() });
  });
  it('keeps nothing of the stack of a function that has returned', () => {
    const machine = machineWith({});
    machine.pushFrame({ ...machine.frame, saved: machine.savedRegisters(), returnPosition: 1 });
    expect([...machine.memories.keys()]).toEqual(['context', 'stack:0', 'stack:1']);
    machine.popFrame();
    expect([...machine.memories.keys()]).toEqual(['context', 'stack:0']);
    expect([machine.register(10), machine.position]).toEqual([pointer('stack:0', 0), 1]);
  });
  it('follows 33 tail calls in a run', () => {
    const bytes = join(
      slot(0x18, { dst: 2, src: 1, imm: 7 }),
      slot(0),
      mov(3, 0),
      slot(0x85, { imm: 12 }),
      mov(0, 1),
      EXIT,
    );
    const program = decode(bytes, 'little');
    const programs = new Map();
    const environment = {
      ...environmentOf(new Map([[7, mapOf('prog_array', { '00000000': '2a000000' })]])),
      programs,
    };
    programs.set(42, { program, environment });
    expect(interpret(program, environment, { type: 'c', access: 2, major: 1, minor: 3 })).toMatchObject({
      r0: 1n,
      trace: { steps: 33 * 3 + 5, programId: 42 },
    });
  });
});

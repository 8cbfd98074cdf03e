/** Which function a call is, what of its result is sure, and the one call that the kernel itself puts into loops. */
import { describe, expect, it } from 'vitest';
import { callHelper, mayHaveSetRetval } from '../../../src/ebpf/interpreter/helper-calls.js';
import type { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { known, partlyKnown, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { asScalar, pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import { join, slot } from '../bytes.js';
import { machineWith, mapOf, onStack, ORDERS, stackHex, type Setting } from './machines.js';

const IMM = 77;
const CODE: Value = { kind: 'code', slot: 0 };
function call(machine: Machine, imm = IMM): unknown {
  const result = callHelper(machine, { op: 'call-helper', index: 0, opcode: 0x85, imm });
  return result === 'continue' ? machine.register(0) : result;
}
const named = (name: string, release: string | null = '6.18.0', more: Setting = {}): Machine =>
  machineWith({ ...more, environment: { helpers: new Map([[IMM, name]]), kernelRelease: release } });

describe('a call', () => {
  it.each(['bpf_made_up', null])('of %s with a callback may change everything', (name) => {
    const machine = machineWith({
      environment: { helpers: new Map(name === null ? [] : [[IMM, name]]), kernelRelease: '5.10.0' },
      registers: { 2: CODE },
    });
    onStack(machine, -4, '01020304');
    const why = `helper:${name ?? 'unresolved'}`;
    expect(call(machine)).toEqual(unknownScalar([why]));
    expect([stackHex(machine, -4, 4), machine.usedRetval]).toEqual(['????????', true]);
    expect(machine.retval).toEqual(unknownScalar([why]));
  });
  it('leaves r6 and above, and nothing in the arguments', () => {
    const registers = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [i + 1, known(BigInt(i))]));
    const machine = named('bpf_get_smp_processor_id', '6.18.0', { registers });
    call(machine);
    for (let i = 1; i <= 5; i++) expect(machine.register(i)).toEqual(unknownScalar(['uninitialised']));
    for (let i = 6; i <= 9; i++) expect(machine.register(i)).toEqual(known(BigInt(i - 1)));
  });
  it('with immediate 0 is not named, whatever the table says', () => {
    const machine = machineWith({ environment: { helpers: new Map([[0, 'bpf_get_smp_processor_id']]) } });
    expect(call(machine, 0)).toEqual(unknownScalar(['helper:unresolved']));
  });
});

describe('an address that is returned', () => {
  it('is not cut', () => {
    const machine = named('htab_map_lookup_elem', '5.10.0', {
      maps: [mapOf('hash', { fffe1011: '11111111' })],
      registers: { 1: { kind: 'map', mapId: 7 } },
    });
    machine.setRegister(2, onStack(machine, -4, 'fffe1011'));
    expect(call(machine)).toEqual(pointer('value:7:fffe1011', 0));
  });
});

describe('the result of a map’s own function', () => {
  const update = (release: string, flags: bigint, key = '01000000', type = 'hash'): unknown => {
    const machine = named('htab_map_update_elem', release, {
      maps: [mapOf(type, { '01000000': '11111111' })],
      registers: { 1: { kind: 'map', mapId: 7 }, 4: known(flags) },
    });
    machine.setRegister(2, onStack(machine, -4, key));
    machine.setRegister(3, onStack(machine, -8, '22222222'));
    return call(machine);
  };
  const UPPER = 0xffff_ffff_0000_0000n;
  it('is sure where it is 0', () => {
    expect(update('5.10.0', 0n)).toEqual(known(0n));
  });
  it('of before 6.4 has an upper half that is not sure where it is negative', () => {
    expect(update('5.10.0', 1n)).toEqual(partlyKnown(0xffff_ffefn, UPPER, ['helper:htab_map_update_elem']));
    expect(update('6.4.0', 1n)).toEqual(known(-17n));
  });
  it('that is not known at all may be negative', () => {
    expect(update('5.10.0', 0n, '01000000', 'percpu_hash')).toMatchObject({
      unknown: (1n << 64n) - 1n,
      reasons: ['depends:map:7', 'helper:htab_map_update_elem'],
    });
  });
  it('may be a number with bit 31 set and no other', () => {
    const machine = named('bpf_iter_num_new');
    machine.setRegister(1, unknownScalar(['depends:uid']));
    expect(call(machine)).toMatchObject({ unknown: (1n << 64n) - 1n });
  });
});

it.each([
  ['5.17.9', false],
  ['5.18.0', true],
  ['5.9.0', false],
  ['4.19.0', false],
  ['6.0.0', true],
  ['6.1.0-44-amd64', true],
  ['', true],
  ['unknown', true],
  [null, true],
])('bpf_set_retval on %s: %s', (release, has) => {
  expect(mayHaveSetRetval(release)).toBe(has);
  const machine = machineWith({ environment: { kernelRelease: release } });
  call(machine, 0);
  expect([machine.usedRetval, machine.retval]).toEqual([has, has ? unknownScalar(['helper:unresolved']) : known(0n)]);
});

describe.each(ORDERS)('the call that refills the counter of may_goto, %s endian', (order) => {
  /** scratch = -16; call; *(r10 - 16) = scratch, with one thing changed. */
  interface Change {
    readonly before?: Uint8Array;
    readonly after?: Uint8Array;
  }
  const machineFor = ({ before, after }: Change, scratch = 11): Machine => {
    const bytes = join(
      before ?? slot(0xb7, { dst: scratch, imm: -16 }, order),
      slot(0x85, {}, order),
      after ?? slot(0x7b, { dst: 10, src: scratch, off: -16 }, order),
      slot(0x95, {}, order),
    );
    const machine = machineWith({ order, bytes, registers: { 3: known(5n), [scratch]: known(-16n) } });
    machine.position = 2;
    return machine;
  };
  const isRefill = (change: Change, scratch?: number): boolean => {
    const machine = machineFor(change, scratch);
    onStack(machine, -24, '00'.repeat(24));
    expect(callHelper(machine, { op: 'call-helper', index: 1, opcode: 0x85, imm: 0 })).toBe('continue');
    // Any other call leaves nothing in r3.
    const { reasons } = asScalar(machine.register(3));
    return reasons.length === 0 && !machine.usedRetval;
  };
  it('is known by what stands around it', () => {
    expect([isRefill({}), isRefill({}, 12)]).toEqual([true, true]);
  });
  it.each<[string, Change]>([
    ['another instruction before it', { before: slot(0x95, {}, order) }],
    ['an addition before it', { before: slot(0x07, { dst: 11, imm: -16 }, order) }],
    ['a 32-bit move before it', { before: slot(0xb4, { dst: 11, imm: -16 }, order) }],
    ['a move of a register before it', { before: slot(0xbf, { dst: 11, src: 3 }, order) }],
    [
      'a move into another register',
      { before: slot(0xb7, { dst: 9, imm: -16 }, order), after: slot(0x7b, { dst: 10, src: 9, off: -16 }, order) },
    ],
    ['no store after it', { after: slot(0xb7, { dst: 3 }, order) }],
    ['a store of four bytes', { after: slot(0x63, { dst: 10, src: 11, off: -16 }, order) }],
    ['a store below another register', { after: slot(0x7b, { dst: 9, src: 11, off: -16 }, order) }],
    ['a store at another place', { after: slot(0x7b, { dst: 10, src: 11, off: -24 }, order) }],
    ['a store of a number', { after: slot(0x7a, { dst: 10, imm: 5, off: -16 }, order) }],
    ['a store of another register', { after: slot(0x7b, { dst: 10, src: 3, off: -16 }, order) }],
  ])('is not one with %s', (_, change) => {
    expect(isRefill(change)).toBe(false);
  });
  // kernel/bpf/core.c, bpf_check_timed_may_goto.
  it('allows 65535 rounds the first time, and notes when that was', () => {
    const machine = machineFor({});
    onStack(machine, -24, '00'.repeat(24));
    callHelper(machine, { op: 'call-helper', index: 1, opcode: 0x85, imm: 0 });
    expect(machine.register(11)).toEqual(known(0xffffn));
    expect(machine.register(3)).toEqual(known(5n));
    const stack = machine.memories.get(machine.frame.stack);
    // A time that is not 0: its lowest bit stands for that.
    expect(stack?.load(-8, 8, false, order)).toEqual(partlyKnown(1n, ~1n, ['depends:time']));
    expect([stackHex(machine, -24, 16), stackHex(machine, 0, 1)]).toEqual(['00'.repeat(16), '??']);
    // It was some other time when it is asked again.
    callHelper(machine, { op: 'call-helper', index: 1, opcode: 0x85, imm: 0 });
    expect(machine.register(11)).toEqual(unknownScalar(['depends:time'], 0xffffn));
  });
  it.each<[string, string]>([
    ['a time that was noted', '0000000000000100'],
    ['a time that was noted, its lowest byte', '01'.padEnd(16, '0')],
  ])('later allows as many or none: %s', (_, time) => {
    const machine = machineFor({});
    onStack(machine, -16, `${'00'.repeat(8)}${time}`);
    callHelper(machine, { op: 'call-helper', index: 1, opcode: 0x85, imm: 0 });
    expect(machine.register(11)).toEqual(unknownScalar(['depends:time'], 0xffffn));
    expect(stackHex(machine, -8, 8)).toBe(time);
  });
  it('allows as many or none where the time is not known', () => {
    const machine = machineFor({});
    callHelper(machine, { op: 'call-helper', index: 1, opcode: 0x85, imm: 0 });
    expect(machine.register(11)).toEqual(unknownScalar(['depends:time'], 0xffffn));
    const half = machineFor({});
    half.memories.get(half.frame.stack)?.store(-8, 8, unknownScalar(['depends:uid'], 1n), order);
    callHelper(half, { op: 'call-helper', index: 1, opcode: 0x85, imm: 0 });
    expect(half.register(11)).toEqual(unknownScalar(['depends:time'], 0xffffn));
  });
});

/** Whole programs: what they call, and the maps that they look into. */
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ebpf/decode.js';
import type { MapContents, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { EXIT, join, mov, slot } from '../bytes.js';
import { environmentOf, NO_ENVIRONMENT } from '../captures.js';
import { mapOf } from './machines.js';
import { bitOf, helper, HELPERS, isEqual, run, UID, verdict, withHelpers } from './verdicts.js';

const NEXT = 200;
const map = (...[type, entries, more]: Parameters<typeof mapOf>): MapContents =>
  mapOf(type, entries, { valueSize: 8, ...more });
const withMap = (contents: MapContents, helpers: ReadonlyMap<number, string> = new Map()): ProgramEnvironment => ({
  ...environmentOf(new Map([[contents.id, contents]])),
  helpers,
});
const addressOf = (dst: number, id: number): Uint8Array => join(slot(0x18, { dst, src: 1, imm: id }), slot(0));

describe('helpers', () => {
  it('that nobody named may change what they can reach, and the result of the list since 5.18', () => {
    const bytes = join(
      slot(0x7a, { dst: 10, off: -8, imm: 1 }),
      slot(0xbf, { dst: 1, src: 10 }),
      helper(0),
      mov(0, 1),
      EXIT,
    );
    expect(run(bytes, { ...NO_ENVIRONMENT, kernelRelease: '5.17.3' })).toMatchObject({
      r0: 1n,
      retval: 0,
      usedRetval: false,
    });
    for (const kernelRelease of ['5.18.0', '6.1.0-44-amd64', null]) {
      expect(run(bytes, { ...NO_ENVIRONMENT, kernelRelease })).toMatchObject({
        r0: 1n,
        retval: null,
        usedRetval: true,
      });
    }
    const read = join(bytes.slice(0, 24), slot(0x79, { dst: 2, src: 10, off: -8 }), bitOf(2));
    expect(verdict(read)).toBe('helper:unresolved');
  });
  it('that are known by name only leave the rest alone', () => {
    const bytes = join(
      slot(0x7a, { dst: 10, off: -8, imm: 1 }),
      mov(1, 5),
      helper(102),
      slot(0x79, { dst: 2, src: 10, off: -8 }),
    );
    expect(verdict(join(bytes, bitOf(2)), HELPERS)).toBe('1');
    expect(verdict(join(bytes, bitOf(0)), HELPERS)).toBe('helper:bpf_made_up');
  });
  it('leave nothing in the argument registers', () => {
    expect(verdict(join(mov(3, 1), helper(UID), bitOf(3)), HELPERS)).toBe('uninitialised');
  });
  it('read and write what the list has decided', () => {
    const environment = withHelpers([1, 'bpf_get_retval'], [2, 'bpf_set_retval']);
    const undo = join(helper(1), slot(0x55, { dst: 0, imm: -1, off: 2 }), mov(1, 0), helper(2), mov(0, 1), EXIT);
    expect(run(undo, environment, { retvalIn: -1 })).toMatchObject({ r0: 1n, retval: 0, usedRetval: true });
    expect(run(undo, environment, { retvalIn: -6 })).toMatchObject({ r0: 1n, retval: -6 });
    expect(run(undo, environment, { retvalIn: null })).toMatchObject({ r0: 1n, retval: null });
    expect(run(join(mov(1, -5000), helper(2), mov(0, 1), EXIT), environment)).toMatchObject({ retval: -5000 });
  });
});

describe('maps', () => {
  const key = (dst: number, imm: number): Uint8Array =>
    join(slot(0x62, { dst: 10, off: -4, imm }), slot(0xbf, { dst, src: 10 }), slot(0x07, { dst, imm: -4 }));
  const lookup = (imm: number): Uint8Array => join(addressOf(1, 7), key(2, imm), helper(NEXT));
  const named = new Map([[NEXT, 'bpf_map_lookup_elem']]);
  const loadIfThere = join(slot(0x15, { dst: 0, off: 2 }), slot(0x79, { dst: 0, src: 0 }), EXIT, mov(0, 0), EXIT);

  it('are exact for the contents read', () => {
    const environment = withMap(map('hash', { '05000000': '0100000000000000' }), named);
    expect(run(join(lookup(5), loadIfThere), environment)).toMatchObject({ r0: 1n, dependsOn: ['map:7'] });
    expect(verdict(join(lookup(6), loadIfThere), environment)).toBe('0');
  });
  it('are unknown by id where their contents were not read', () => {
    const there = join(lookup(5), loadIfThere);
    for (const contents of [map('hash', null), map('percpu_hash', { '05000000': '01' }), map('hash', {}, { id: 8 })]) {
      expect(verdict(there, withMap(contents, named))).toBe('depends:map:7');
    }
  });
  it('of hostile sizes are not looked into', () => {
    const huge = map('hash', {}, { keySize: 0x7fff_ffff });
    expect(verdict(join(lookup(5), loadIfThere), withMap(huge, named))).toBe('depends:map:7');
  });
  it('are known by their first value directly', () => {
    const direct = join(
      slot(0x18, { dst: 1, src: 2, imm: 7 }),
      slot(0, { imm: 4 }),
      slot(0x61, { dst: 0, src: 1 }),
      EXIT,
    );
    const array = map('array', { '00000000': '0000000001000000' }, { maxEntries: 1 });
    expect(verdict(direct, withMap(array))).toBe('1');
    expect(verdict(direct, NO_ENVIRONMENT)).toBe('depends:map:7');
  });
  it('that an unknown address may point into are unknown after a write there', () => {
    const bytes = join(
      slot(0x18, { dst: 6, src: 2, imm: 7 }),
      slot(0),
      slot(0x79, { dst: 2, src: 1, off: 64 }),
      slot(0x7a, { dst: 2, imm: 9 }),
      slot(0x61, { dst: 0, src: 6 }),
      EXIT,
    );
    const array = map('array', { '00000000': '0100000000000000' }, { maxEntries: 1 });
    expect(verdict(bytes, withMap(array))).toBe('kernel-memory');
  });
  it('of instructions are tables of jumps', () => {
    const table = map('insn_array', { '00000000': '00000000050000000000000000000000' }, { valueSize: 16 });
    const bytes = join(
      slot(0x18, { dst: 1, src: 2, imm: 7 }),
      slot(0),
      slot(0x79, { dst: 2, src: 1 }),
      slot(0x0d, { dst: 2 }),
      EXIT,
      mov(0, 1), // 5
      EXIT,
    );
    expect(verdict(bytes, withMap(table))).toBe('1');
    expect(verdict(bytes)).toBe('jump-target');
  });
});

describe('calls', () => {
  it('keep r6 to r9, give a stack of its own, and leave the result in r0', () => {
    const bytes = join(
      mov(6, 1), // 0
      slot(0x7a, { dst: 10, off: -8, imm: 5 }), // 1
      slot(0xbf, { dst: 1, src: 10 }), // 2
      slot(0x85, { src: 1, off: 3 }), // 3: call 7
      slot(0x79, { dst: 2, src: 10, off: -8 }), // 4
      slot(0x0f, { dst: 2, src: 6 }), // 5
      slot(0x05, { off: 5 }), // 6: goto 12
      mov(6, 99), // 7
      slot(0x7a, { dst: 10, off: -8, imm: 0 }), // 8: the callee's own stack
      slot(0x7a, { dst: 1, off: -8, imm: 41 }), // 9: the caller's
      mov(0, 0), // 10
      EXIT, // 11
      isEqual(2, 42n), // 12
    );
    expect(verdict(bytes)).toBe('1');
  });
  it('without a target, too deep or without end are undecided', () => {
    expect(verdict(join(slot(0x85, { src: 1 }), EXIT))).toBe('call-target');
    expect(verdict(join(mov(0, 0), slot(0x85, { src: 1, off: -2 }), EXIT))).toBe('call-depth');
    expect(verdict(join(slot(0x05, { off: -1 }), EXIT), NO_ENVIRONMENT, { stepLimit: 1000 })).toBe('steps');
  });
  it('of kernel functions that nobody named may end the program', () => {
    expect(verdict(join(slot(0x85, { src: 2, imm: 9 }), mov(0, 1), EXIT))).toBe('kfunc:unresolved');
    expect(verdict(join(slot(0x85, { src: 2, imm: 9 }), mov(0, 1), EXIT), withHelpers([9, 'bpf_throw']))).toBe(
      'kfunc:bpf_throw',
    );
  });
  it('count with a number iterator', () => {
    const environment = withHelpers([1, 'bpf_iter_num_new'], [2, 'bpf_iter_num_next']);
    const iterator = join(slot(0xbf, { dst: 1, src: 10 }), slot(0x07, { dst: 1, imm: -8 }));
    const kfunc = (imm: number): Uint8Array => slot(0x85, { src: 2, imm });
    const bytes = join(
      iterator, // 0, 1
      mov(2, 3), // 2
      mov(3, 7), // 3
      kfunc(1), // 4
      mov(7, 0), // 5
      iterator, // 6, 7
      kfunc(2), // 8
      slot(0x15, { dst: 0, off: 3 }), // 9: end -> 13
      slot(0x61, { dst: 2, src: 0 }), // 10
      slot(0x0f, { dst: 7, src: 2 }), // 11
      slot(0x05, { off: -7 }), // 12 -> 6
      isEqual(7, 3n + 4n + 5n + 6n), // 13
    );
    expect(verdict(bytes, environment)).toBe('1');
  });
  it('that refill the counter of may_goto change the scratch register only', () => {
    for (const scratch of [11, 12]) {
      const bytes = join(
        slot(0x7a, { dst: 10, off: -16, imm: 0 }),
        slot(0x7a, { dst: 10, off: -8, imm: 0 }),
        mov(3, 1),
        mov(scratch, -16),
        helper(0),
        slot(0x7b, { dst: 10, src: scratch, off: -16 }),
        slot(0x79, { dst: 4, src: 10, off: -16 }),
        slot(0x55, { dst: 4, imm: 0xffff, off: 1 }),
        bitOf(3),
        mov(0, 0),
        EXIT,
      );
      expect(run(bytes)).toMatchObject({ r0: 1n, retval: 0 });
    }
  });
});

describe('tail calls', () => {
  const jump = join(addressOf(2, 7), mov(3, 0), slot(0x85, { imm: 12 }), mov(0, 0), EXIT);
  const slots = map('prog_array', { '00000000': '2a000000' }, { valueSize: 4 });
  it('go on in the other program, and name it in the trace', () => {
    const target = {
      program: decode(join(slot(0x61, { dst: 2, src: 1, off: 4 }), isEqual(2, 0x123n)), 'little'),
      environment: NO_ENVIRONMENT,
    };
    const environment = { ...withMap(slots), programs: new Map([[42, target]]) };
    expect(run(jump, environment)).toMatchObject({ r0: 1n, dependsOn: ['map:7'], trace: { programId: 42, exit: 6 } });
    const replaced = { ...target, environment: { ...NO_ENVIRONMENT, freplaced: 'yes' as const } };
    expect(verdict(jump, { ...environment, programs: new Map([[42, replaced]]) })).toBe('freplace');
  });
  it('fall through an empty slot', () => {
    expect(verdict(jump, withMap({ ...slots, entries: new Map() }))).toBe('0');
  });
  it('to what is not there are undecided', () => {
    expect(verdict(jump, withMap(slots))).toBe('tail-call:7');
    expect(verdict(jump)).toBe('depends:map:7');
  });
});

/** Calls of subprograms and callbacks, round by round (kernel/bpf/bpf_iter.c, arraymap.c, hashtab.c). */
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ebpf/decode.js';
import { interpret, type InterpretOptions } from '../../../src/ebpf/interpreter/interpret.js';
import type { MapContents, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { EXIT, join, mov, slot } from '../bytes.js';
import { environmentOf } from '../captures.js';
import { mapOf } from './machines.js';

const [LOOP, EACH, RANDOM, NOTE] = [1, 2, 3, 4];
const HELPERS = new Map([
  [LOOP, 'bpf_loop'],
  [EACH, 'bpf_for_each_map_elem'],
  [RANDOM, 'bpf_get_prandom_u32'],
  [NOTE, 'bpf_set_retval'],
]);
const environment = (maps: readonly MapContents[]): ProgramEnvironment => ({
  ...environmentOf(new Map(maps.map((map) => [map.id, map]))),
  helpers: HELPERS,
});
const helper = (imm: number): Uint8Array => slot(0x85, { imm });
const copy = (dst: number, src: number): Uint8Array => slot(0xbf, { dst, src });
const mapInto = (dst: number, id: number): Uint8Array => join(slot(0x18, { dst, src: 1, imm: id }), slot(0));
/** Address of an instruction: `off` slots behind the first of these two, and one more. */
const code = (dst: number, off: number): Uint8Array => join(slot(0x18, { dst, src: 4, imm: off }), slot(0));
const stackAddress = (dst: number, off: number): Uint8Array => join(copy(dst, 10), slot(0x07, { dst, imm: off }));

/** What the program hands to bpf_set_retval, which takes any number; or why it is undecided. */
function noted(parts: readonly Uint8Array[], maps: readonly MapContents[] = [], options?: InterpretOptions): unknown {
  const program = decode(join(...parts), 'little');
  const result = interpret(program, environment(maps), { type: 'c', access: 2, major: 1, minor: 3 }, options);
  return result.outcome === 'return' ? (result.retval ?? result.retvalReasons) : result.reason;
}
/** bpf_set_retval(r6); return 1 */
const noteSum = join(copy(1, 6), helper(NOTE), mov(0, 1), EXIT);

describe('bpf_loop', () => {
  /** Adds a number made of the callback's arguments to the word at r10 - 8 of the caller, until `stop`. */
  const loop = (count: number, stop: number): Uint8Array[] => [
    slot(0x7a, { dst: 10, off: -8, imm: 0 }), // 0
    mov(1, count), // 1
    code(2, 10), // 2, 3: the callback at 13
    stackAddress(3, -8), // 4, 5
    mov(4, 0), // 6
    helper(LOOP), // 7
    slot(0x79, { dst: 6, src: 10, off: -8 }), // 8
    slot(0x67, { dst: 0, imm: 16 }), // 9: the result beside the sum
    slot(0x4f, { dst: 6, src: 0 }), // 10
    slot(0x05, { off: 6 }), // 11 -> 18
    slot(0x05, { off: 0 }), // 12
    slot(0x79, { dst: 3, src: 2 }), // 13: callback
    slot(0x0f, { dst: 3, src: 1 }), // 14
    slot(0x07, { dst: 3, imm: 100 }), // 15
    slot(0x7b, { dst: 2, src: 3 }), // 16
    slot(0x05, { off: 4 }), // 17 -> 22
    noteSum, // 18 to 21
    mov(0, 0), // 22
    slot(0x55, { dst: 1, imm: stop, off: 1 }), // 23
    mov(0, 1), // 24
    EXIT, // 25
  ];
  it.each([
    [0, 99, 0, 0],
    [1, 99, 100, 1],
    [3, 99, 303, 3],
    [10, 1, 201, 2],
    [2, 1, 201, 2],
  ])('of %i rounds, stopped by round %i', (count, stop, sum, rounds) => {
    expect(noted(loop(count, stop))).toBe((rounds << 16) | sum);
  });
  it('follows both answers of a callback where its answer is not known', () => {
    const parts = [
      mov(1, 2), // 0
      code(2, 7), // 1, 2: the callback at 9
      mov(3, 0), // 3
      mov(4, 0), // 4
      helper(LOOP), // 5
      copy(6, 0), // 6
      slot(0x05, { off: 3 }), // 7 -> 11
      mov(0, 0), // 8
      helper(RANDOM), // 9
      slot(0x05, { off: 4 }), // 10 -> 15
      noteSum, // 11 to 14
      slot(0x57, { dst: 0, imm: 1 }), // 15
      EXIT, // 16
    ];
    expect(noted(parts)).toEqual(['depends:random']);
    expect(noted(parts, [], { caller: { random: 0 } })).toBe(2);
    expect(noted(parts, [], { caller: { random: 1 } })).toBe(1);
  });
});

describe('bpf_for_each_map_elem', () => {
  const array = mapOf(
    'array',
    { '00000000': '01000000', '01000000': '02000000', '02000000': '03000000' },
    { maxEntries: 3 },
  );
  const hash = mapOf('hash', { '10000000': '01000000', '20000000': '02000000' });
  /** Sums keys * 256 + values, in r6 by way of the stack. */
  const walk = (stop: number): Uint8Array[] => [
    slot(0x7a, { dst: 10, off: -8, imm: 0 }), // 0
    mapInto(1, 7), // 1, 2
    code(2, 8), // 3, 4: the callback at 12
    stackAddress(3, -8), // 5, 6
    mov(4, 0), // 7
    helper(EACH), // 8
    slot(0x79, { dst: 6, src: 10, off: -8 }), // 9
    slot(0x67, { dst: 0, imm: 16 }), // 10
    slot(0x05, { off: 9 }), // 11 -> 21
    slot(0x61, { dst: 5, src: 2 }), // 12: callback
    slot(0x67, { dst: 5, imm: 8 }), // 13
    slot(0x61, { dst: 2, src: 3 }), // 14
    slot(0x0f, { dst: 5, src: 2 }), // 15
    slot(0x79, { dst: 1, src: 4 }), // 16
    slot(0x0f, { dst: 1, src: 5 }), // 17
    slot(0x7b, { dst: 4, src: 1 }), // 18
    mov(0, 0), // 19
    slot(0x05, { off: 5 }), // 20 -> 26
    slot(0x4f, { dst: 6, src: 0 }), // 21
    noteSum, // 22 to 25
    slot(0x55, { dst: 2, imm: stop, off: 1 }), // 26
    mov(0, 1), // 27
    EXIT, // 28
  ];
  it.each([
    ['array', array, 99, 3, 0x306],
    ['array, stopped', array, 2, 2, 0x103],
    ['hash', hash, 99, 2, 0x3003],
    ['hash, stopped', hash, 1, 1, 0x1001],
    ['empty hash', { ...hash, entries: new Map() }, 99, 0, 0],
  ])('of an %s', (_, map, stop, rounds, sum) => {
    expect(noted(walk(stop), [map])).toBe((rounds << 16) | sum);
  });
  it('shows its callback the map in every round, and of the key no byte too many', () => {
    const lookups = new Map([...HELPERS, [5, 'bpf_map_lookup_elem']]);
    const run = (read: Uint8Array): unknown => {
      const parts = [
        mapInto(1, 7), // 0, 1
        code(2, 8), // 2, 3: the callback at 11
        stackAddress(3, -8), // 4, 5
        slot(0x7a, { dst: 10, off: -8, imm: 0 }), // 6
        mov(4, 0), // 7
        helper(EACH), // 8
        slot(0x79, { dst: 6, src: 10, off: -8 }), // 9
        slot(0x05, { off: 7 }), // 10 -> 18
        copy(6, 4), // 11: callback
        read, // 12, 13
        slot(0x79, { dst: 1, src: 6 }), // 14
        slot(0x0f, { dst: 1, src: 0 }), // 15
        slot(0x7b, { dst: 6, src: 1 }), // 16
        slot(0x05, { off: 4 }), // 17 -> 22
        noteSum, // 18 to 21
        mov(0, 0), // 22
        EXIT,
      ];
      const given = { ...environment([hash]), helpers: lookups };
      const result = interpret(decode(join(...parts), 'little'), given, { type: 'c', access: 2, major: 1, minor: 3 });
      return result.outcome === 'return' ? (result.retval ?? result.retvalReasons) : result.reason;
    };
    expect(run(join(helper(5), slot(0x61, { dst: 0, src: 0 })))).toBe(3);
    expect(run(join(mov(5, 0), slot(0x71, { dst: 0, src: 2, off: 4 })))).toEqual(['kernel-memory']);
    expect(run(join(mov(5, 0), slot(0x71, { dst: 0, src: 2, off: 3 })))).toBe(0);
  });
  it('in a walk: each has a key of its own', () => {
    const parts = [
      mapInto(1, 7), // 0, 1
      code(2, 7), // 2, 3: the outer callback at 10
      stackAddress(3, -8), // 4, 5
      slot(0x7a, { dst: 10, off: -8, imm: 0 }), // 6
      mov(4, 0), // 7
      helper(EACH), // 8
      slot(0x05, { off: 15 }), // 9 -> 25
      copy(6, 2), // 10: outer callback
      copy(7, 4), // 11
      mapInto(1, 8), // 12, 13
      code(2, 8), // 14, 15: the inner callback at 23
      mov(3, 0), // 16
      mov(4, 0), // 17
      helper(EACH), // 18
      slot(0x61, { dst: 1, src: 6 }), // 19: the outer key, after the inner walk
      slot(0x7b, { dst: 7, src: 1 }), // 20
      mov(0, 0), // 21
      EXIT, // 22
      mov(0, 0), // 23: inner callback
      EXIT, // 24
      slot(0x79, { dst: 6, src: 10, off: -8 }), // 25
      noteSum,
    ];
    const inner = mapOf('hash', { '44000000': '01000000', '55000000': '01000000' }, { id: 8 });
    expect(noted(parts, [hash, inner])).toBe(0x20);
  });
  it('that adds a key on its way is not followed', () => {
    const environmentWithUpdate = {
      ...environment([hash]),
      helpers: new Map([...HELPERS, [5, 'bpf_map_update_elem']]),
    };
    const parts = [
      mapInto(1, 7), // 0, 1
      code(2, 6), // 2, 3: the callback at 9
      mov(3, 0), // 4
      mov(4, 0), // 5
      helper(EACH), // 6
      mov(0, 1), // 7
      EXIT, // 8
      slot(0x62, { dst: 10, off: -4, imm: 9 }), // 9
      stackAddress(2, -4),
      copy(3, 2),
      mov(4, 0),
      helper(5),
      mov(0, 0),
      EXIT,
    ];
    const result = interpret(decode(join(...parts), 'little'), environmentWithUpdate, {
      type: 'c',
      access: 2,
      major: 1,
      minor: 3,
    });
    expect(result).toMatchObject({ outcome: 'undecided', reason: 'helper:bpf_for_each_map_elem' });
  });
});

describe('a subprogram', () => {
  it('leaves nothing in the argument registers', () => {
    for (let register = 1; register <= 5; register++) {
      const parts = [
        mov(register, 1), // 0
        slot(0x85, { src: 1, off: 4 }), // 1: call 6
        copy(6, register), // 2
        copy(1, 6), // 3
        helper(NOTE), // 4
        slot(0x05, { off: 3 }), // 5 -> 9
        mov(register, 1), // 6
        mov(0, 0), // 7
        EXIT, // 8
        mov(0, 1), // 9
        EXIT, // 10
      ];
      expect(noted(parts)).toEqual(['uninitialised']);
    }
  });
  it('finds r6 to r9 as they were again, and the result in r0', () => {
    const parts = [
      mov(6, 1),
      mov(7, 2),
      mov(8, 4),
      mov(9, 8),
      slot(0x85, { src: 1, off: 9 }), // 4: call 14
      slot(0x0f, { dst: 6, src: 7 }),
      slot(0x0f, { dst: 6, src: 8 }),
      slot(0x0f, { dst: 6, src: 9 }),
      slot(0x0f, { dst: 6, src: 0 }),
      noteSum, // 9 to 12
      mov(0, 0), // 13
      mov(6, 64), // 14
      mov(7, 64),
      mov(8, 64),
      mov(9, 64),
      mov(0, 16),
      EXIT,
    ];
    expect(noted(parts)).toBe(31);
  });
  /** `depth` functions inside each other; the innermost notes 5. */
  const nested = (depth: number): Uint8Array[] => [
    ...Array.from({ length: depth - 1 }, () => join(slot(0x85, { src: 1, off: 2 }), mov(0, 1), EXIT)),
    mov(1, 5),
    helper(NOTE),
    mov(0, 1),
    EXIT,
  ];
  it('may be the eighth function, not the ninth', () => {
    expect([noted(nested(8)), noted(nested(9))]).toEqual([5, 'call-depth']);
  });
});

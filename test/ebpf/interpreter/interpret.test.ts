import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ebpf/decode.js';
import { interpret, type InterpretOptions, type InterpretResult } from '../../../src/ebpf/interpreter/interpret.js';
import type { ByteOrder, MapContents, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { EXIT, imm64, join, mov, slot } from '../bytes.js';
import { environmentOf, NO_ENVIRONMENT } from '../captures.js';

const REQUEST = { type: 'c', access: 6, major: 0x0123, minor: 0x045678 } as const;
const UID = 100;
const NEXT = 200;

function run(
  bytes: Uint8Array,
  environment = NO_ENVIRONMENT,
  options?: InterpretOptions,
  order: ByteOrder = 'little',
): InterpretResult {
  return interpret(decode(bytes, order), environment, REQUEST, options);
}

/** "0", "1", or the reason why not. */
function verdict(...args: Parameters<typeof run>): string {
  const result = run(...args);
  return result.outcome === 'return' ? String(result.r0) : result.reason;
}

function withHelpers(...names: [imm: number, name: string][]): ProgramEnvironment {
  return { ...NO_ENVIRONMENT, helpers: new Map(names) };
}
const HELPERS = withHelpers([UID, 'bpf_get_current_uid_gid'], [101, 'bpf_get_prandom_u32'], [102, 'bpf_made_up']);

function map(
  id: number,
  type: string,
  entries: [key: string, value: string][] | null,
  more: Partial<MapContents> = {},
): MapContents {
  const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
  return {
    id,
    type,
    keySize: 4,
    valueSize: 8,
    maxEntries: 4,
    flags: 0,
    frozen: false,
    asOf: null,
    entries: entries === null ? null : new Map(entries.map(([key, value]) => [key, bytes(value)])),
    ...more,
  };
}
const withMap = (contents: MapContents, helpers: ReadonlyMap<number, string> = new Map()): ProgramEnvironment => ({
  ...environmentOf(new Map([[contents.id, contents]])),
  helpers,
});

/** r0 = register == constant; exit */
function isEqual(register: number, constant: bigint, order: ByteOrder = 'little'): Uint8Array {
  return join(
    imm64(5, constant, order),
    slot(0xb7, { dst: 0, imm: 1 }, order),
    slot(0x1d, { dst: register, src: 5, off: 1 }, order),
    slot(0xb7, { dst: 0, imm: 0 }, order),
    slot(0x95, {}, order),
  );
}
/** r0 = 0 or 1 by bit 0 of a register; exit */
const bitOf = (register: number): Uint8Array =>
  join(slot(0xbf, { dst: 0, src: register }), slot(0x57, { dst: 0, imm: 1 }), EXIT);
const helper = (imm: number): Uint8Array => slot(0x85, { imm });
const mapOf = (dst: number, id: number): Uint8Array => join(slot(0x18, { dst, src: 1, imm: id }), slot(0));

describe('the context', () => {
  const loads: [name: string, opcode: number, off: number, little: bigint, big: bigint][] = [
    ['access_type', 0x61, 0, 0x0006_0002n, 0x0006_0002n],
    ['its first half', 0x69, 0, 2n, 6n],
    ['its second half', 0x69, 2, 6n, 2n],
    ['its third byte', 0x71, 2, 6n, 0n],
    ['major', 0x61, 4, 0x123n, 0x123n],
    ['minor, sign-extending', 0x81, 8, 0x45678n, 0x45678n],
  ];
  for (const [name, opcode, off, little, big] of loads) {
    it(`has ${name} in both byte orders`, () => {
      for (const order of ['little', 'big'] as const) {
        const bytes = join(
          slot(opcode, { dst: 2, src: 1, off }, order),
          isEqual(2, order === 'little' ? little : big, order),
        );
        expect(verdict(bytes, NO_ENVIRONMENT, {}, order)).toBe('1');
      }
    });
  }
  it('can be reached through a moved and spilled pointer', () => {
    const bytes = join(
      slot(0x07, { dst: 1, imm: 4 }),
      slot(0x7b, { dst: 10, src: 1, off: -16 }),
      slot(0x79, { dst: 3, src: 10, off: -16 }),
      slot(0x61, { dst: 2, src: 3, off: 4 }),
      isEqual(2, 0x45678n),
    );
    expect(verdict(bytes)).toBe('1');
  });
  it('ends after 12 bytes', () => {
    expect(verdict(join(slot(0x61, { dst: 2, src: 1, off: 12 }), bitOf(2)))).toBe('kernel-memory');
  });
});

describe('bytes of the stack', () => {
  it('are in the byte order of the machine', () => {
    for (const [order, expected] of [
      ['little', 0x88n],
      ['big', 0x11n],
    ] as const) {
      const bytes = join(
        imm64(2, 0x1122_3344_5566_7788n, order),
        slot(0x7b, { dst: 10, src: 2, off: -8 }, order),
        slot(0x71, { dst: 3, src: 10, off: -8 }, order),
        isEqual(3, expected, order),
      );
      expect(verdict(bytes, NO_ENVIRONMENT, {}, order)).toBe('1');
    }
  });
  it('never written are unknown, but the known ones beside them are not', () => {
    const bytes = join(slot(0x72, { dst: 10, off: -8, imm: 1 }), slot(0x79, { dst: 2, src: 10, off: -8 }));
    expect(verdict(join(bytes, bitOf(2)))).toBe('1');
    expect(verdict(join(bytes, isEqual(2, 1n)))).toBe('uninitialised');
  });
  it('of an address have no known value', () => {
    const bytes = join(slot(0x7b, { dst: 10, src: 10, off: -8 }), slot(0x71, { dst: 2, src: 10, off: -8 }), bitOf(2));
    expect(verdict(bytes)).toBe('address');
  });
  it('at an unknown offset make the frame unknown', () => {
    const bytes = join(
      slot(0x7a, { dst: 10, off: -8, imm: 1 }),
      helper(101),
      slot(0x57, { dst: 0, imm: -8 }),
      slot(0xbf, { dst: 2, src: 10 }),
      slot(0x1f, { dst: 2, src: 0 }),
      slot(0x7a, { dst: 2, imm: 0 }),
      slot(0x79, { dst: 3, src: 10, off: -8 }),
      bitOf(3),
    );
    expect(verdict(bytes, HELPERS)).toBe('depends:random');
  });
});

describe('what is unknown', () => {
  it('does not matter where both ways end alike', () => {
    const bytes = join(helper(101), slot(0x15, { dst: 0, imm: 7, off: 1 }), slot(0xb7, { dst: 3 }), mov(0, 1), EXIT);
    expect(verdict(bytes, HELPERS)).toBe('1');
  });
  it('is named where it decides', () => {
    const bytes = join(helper(101), slot(0x15, { dst: 0, imm: 7, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT);
    expect(verdict(bytes, HELPERS)).toBe('depends:random');
    expect(verdict(bytes, HELPERS, { caller: { random: 7 } })).toBe('1');
    expect(run(bytes, HELPERS, { caller: { random: 8 } })).toMatchObject({ r0: 0n, dependsOn: ['random'] });
  });
  it('is told bit by bit', () => {
    const group = join(helper(UID), slot(0xbf, { dst: 2, src: 0 }), slot(0x77, { dst: 2, imm: 32 }), isEqual(2, 5n));
    expect(verdict(group, HELPERS, { caller: { gid: 5 } })).toBe('1');
    expect(verdict(group, HELPERS, { caller: { uid: 5 } })).toBe('depends:gid');
    const random = join(helper(101), slot(0xbf, { dst: 2, src: 0 }), isEqual(2, 1n << 40n));
    expect(verdict(random, HELPERS)).toBe('0');
  });
  it.each([
    ['a 32-bit comparison', [slot(0x16, { dst: 0, imm: 0, off: 2 })], 'depends:uid'],
    ['a 64-bit comparison', [slot(0x15, { dst: 0, imm: 0, off: 2 })], 'depends:gid, depends:uid'],
    ['shifts', [slot(0x67, { dst: 0, imm: 32 }), slot(0x77, { dst: 0, imm: 32 })], 'depends:uid'],
    ['a shift', [slot(0x77, { dst: 0, imm: 32 })], 'depends:gid'],
    ['a mask', [slot(0x57, { dst: 0, imm: 0xff })], 'depends:uid'],
    ['a sign extension', [slot(0xbf, { dst: 0, src: 0, off: 32 })], 'depends:uid'],
    ['a byte swap', [slot(0xd7, { dst: 0, imm: 64 }), slot(0xbc, { dst: 0, src: 0 })], 'depends:gid'],
    ['a store', [slot(0x7b, { dst: 10, src: 0, off: -8 }), slot(0x61, { dst: 0, src: 10, off: -4 })], 'depends:gid'],
    [
      'a store and a load of both',
      [slot(0x7b, { dst: 10, src: 0, off: -8 }), slot(0x79, { dst: 0, src: 10, off: -8 }), slot(0xbc, { dst: 0 })],
      'depends:uid',
    ],
    ['a sum', [slot(0x07, { dst: 0, imm: 1 }), slot(0x77, { dst: 0, imm: 32 })], 'depends:gid, depends:uid'],
  ])('names what is behind the bits that %s leaves', (_, parts, reason) => {
    const isBranch = parts.length === 1 && (parts[0]![0]! & 7) > 4 && (parts[0]![0]! & 7) !== 7;
    const ending = isBranch ? [] : [slot(0x15, { dst: 0, imm: 0, off: 2 })];
    expect(verdict(join(helper(UID), ...parts, ...ending, mov(0, 0), EXIT, mov(0, 1), EXIT), HELPERS)).toBe(reason);
  });
  it('of a register that was never written is nothing when combined with itself', () => {
    expect(verdict(join(slot(0xac, { dst: 11, src: 11 }), isEqual(11, 0n)))).toBe('1');
    expect(verdict(bitOf(7))).toBe('uninitialised');
  });
  it('in memory of the kernel is never a value', () => {
    const bytes = join(imm64(2, 0xffff_8881_0000_0000n), slot(0x79, { dst: 3, src: 2 }), bitOf(3));
    expect(verdict(bytes)).toBe('kernel-memory');
  });
  it('ends in a limit on paths, not in endless work', () => {
    const flip = join(helper(101), slot(0x15, { dst: 0, imm: 0, off: 0 }));
    const bytes = join(...Array.from({ length: 64 }, () => flip), mov(0, 1), EXIT);
    expect(verdict(bytes, HELPERS, { pathLimit: 32 })).toMatch(/steps/);
  });
});

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
  const lookup = (imm: number): Uint8Array => join(mapOf(1, 7), key(2, imm), helper(NEXT));
  const named = new Map([[NEXT, 'bpf_map_lookup_elem']]);
  const loadIfThere = join(slot(0x15, { dst: 0, off: 2 }), slot(0x79, { dst: 0, src: 0 }), EXIT, mov(0, 0), EXIT);

  it('are exact for the contents read', () => {
    const environment = withMap(map(7, 'hash', [['05000000', '0100000000000000']]), named);
    expect(run(join(lookup(5), loadIfThere), environment)).toMatchObject({ r0: 1n, dependsOn: ['map:7'] });
    expect(verdict(join(lookup(6), loadIfThere), environment)).toBe('0');
  });
  it('are unknown by id where their contents were not read', () => {
    const there = join(lookup(5), loadIfThere);
    for (const contents of [map(7, 'hash', null), map(7, 'percpu_hash', [['05000000', '01']]), map(8, 'hash', [])]) {
      expect(verdict(there, withMap(contents, named))).toBe('depends:map:7');
    }
  });
  it('of hostile sizes are not looked into', () => {
    const huge = map(7, 'hash', [], { keySize: 0x7fff_ffff });
    expect(verdict(join(lookup(5), loadIfThere), withMap(huge, named))).toBe('depends:map:7');
  });
  it('are known by their first value directly', () => {
    const direct = join(
      slot(0x18, { dst: 1, src: 2, imm: 7 }),
      slot(0, { imm: 4 }),
      slot(0x61, { dst: 0, src: 1 }),
      EXIT,
    );
    const array = map(7, 'array', [['00000000', '0000000001000000']], { maxEntries: 1 });
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
    const array = map(7, 'array', [['00000000', '0100000000000000']], { maxEntries: 1 });
    expect(verdict(bytes, withMap(array))).toBe('kernel-memory');
  });
  it('of instructions are tables of jumps', () => {
    const table = map(7, 'insn_array', [['00000000', '00000000050000000000000000000000']], { valueSize: 16 });
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
  const jump = join(mapOf(2, 7), mov(3, 0), slot(0x85, { imm: 12 }), mov(0, 0), EXIT);
  const slots = map(7, 'prog_array', [['00000000', '2a000000']], { valueSize: 4 });
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

describe('the trace', () => {
  it('names the exit and the last branch with its operands', () => {
    const bytes = join(
      slot(0x61, { dst: 2, src: 1, off: 4 }), // 0
      slot(0x55, { dst: 2, imm: 136, off: 2 }), // 1
      mov(0, 1), // 2
      EXIT, // 3
      mov(0, 0), // 4
      EXIT, // 5
    );
    const result = run(bytes, NO_ENVIRONMENT, { recordPath: true });
    expect(result).toMatchObject({
      r0: 0n,
      trace: {
        programId: null,
        exit: 5,
        lastBranch: { index: 1, jmp: 'ne', width: 64, taken: true, left: 0x123n, right: 136n },
        steps: 4,
        path: [0, 1, 4, 5],
      },
    });
  });
});

describe('programs that are not what their bytes say', () => {
  it('are undecided when replaced, or perhaps replaced, by an extension', () => {
    for (const freplaced of ['yes', 'unknown'] as const) {
      expect(verdict(join(mov(0, 1), EXIT), { ...NO_ENVIRONMENT, freplaced })).toBe('freplace');
    }
  });
  it('return 0 or 1 or nothing that counts', () => {
    expect(verdict(join(mov(0, 2), EXIT))).toBe('return-value');
  });
});

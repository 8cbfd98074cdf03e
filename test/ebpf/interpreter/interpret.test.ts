/** Whole programs: what is read of the request and the stack, and what is unknown. */
import { describe, expect, it } from 'vitest';
import { EXIT, imm64, join, mov, slot } from '../bytes.js';
import { NO_ENVIRONMENT } from '../captures.js';
import { bitOf, helper, HELPERS, isEqual, run, UID, verdict } from './verdicts.js';

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

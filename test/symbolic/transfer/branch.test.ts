/** Conditional jumps (RFC 9669 section 4.3) against plain arithmetic; pointers against null and each other. */
import { describe, it } from 'vitest';
import { ALLOW, DENY, expectVerdicts, LOAD_MAJOR, LOAD_MINOR, move, set, wide, type Row } from './judged.js';

const OPS: Record<string, [code: number, holds: (a: bigint, b: bigint, width: number) => boolean]> = {
  eq: [0x10, (a, b) => a === b],
  ne: [0x50, (a, b) => a !== b],
  gt: [0x20, (a, b) => a > b],
  ge: [0x30, (a, b) => a >= b],
  lt: [0xa0, (a, b) => a < b],
  le: [0xb0, (a, b) => a <= b],
  set: [0x40, (a, b) => (a & b) !== 0n],
  sgt: [0x60, (a, b, width) => BigInt.asIntN(width, a) > BigInt.asIntN(width, b)],
  sge: [0x70, (a, b, width) => BigInt.asIntN(width, a) >= BigInt.asIntN(width, b)],
  slt: [0xc0, (a, b, width) => BigInt.asIntN(width, a) < BigInt.asIntN(width, b)],
  sle: [0xd0, (a, b, width) => BigInt.asIntN(width, a) <= BigInt.asIntN(width, b)],
};
const jump = (op: string, width: number, registers: number, immediate: number | null): Row => [
  (OPS[op]![0] | (width === 64 ? 5 : 6) | (immediate === null ? 8 : 0)) & 0xff,
  registers,
  2,
  immediate ?? 0,
];
const cases = Object.keys(OPS).flatMap((op) => [64, 32].map((width) => [op, width] as const));

describe('numbers', () => {
  const holds = (op: string, width: number, a: bigint, b: bigint): boolean =>
    OPS[op]![1](BigInt.asUintN(width, a), BigInt.asUintN(width, b), width);

  it.each(cases)('%s, %i bits, immediate, also on the sign bit', (op, width) => {
    // r2 = major << 52 | major: the sign of both halves varies
    const rows: Row[] = [LOAD_MAJOR, move(4, 2), [0x67, 4, 0, 52], [0x67, 2, 0, 24], [0x4f, 0x42, 0, 0]];
    for (const immediate of [0, 0x7000000, -1, -0x1000000]) {
      expectVerdicts([...rows, jump(op, width, 2, immediate), ...DENY, ...ALLOW], ({ major }) =>
        holds(op, width, (BigInt(major) << 52n) | (BigInt(major) << 24n), BigInt(immediate)),
      );
    }
  });
  it.each(cases)('%s, %i bits, two registers', (op, width) => {
    // The upper half of one is all ones: 32-bit jumps do not see it.
    const rows: Row[] = [LOAD_MAJOR, LOAD_MINOR, ...wide(4, 0xffff_ffff_0000_0000n), [0x4f, 0x43, 0, 0]];
    expectVerdicts([...rows, jump(op, width, 0x32, null), ...DENY, ...ALLOW], ({ major, minor }) =>
      holds(op, width, BigInt(major), 0xffff_ffff_0000_0000n | BigInt(minor)),
    );
  });
  it.each(cases)('%s, %i bits, a constant on the left of what is still to be worked out', (op, width) => {
    const rows: Row[] = [LOAD_MAJOR, LOAD_MINOR, [0x57, 2, 0, 15], [0x57, 3, 0, 15], [0x2f, 0x23, 0, 0], set(4, 14)];
    expectVerdicts([...rows, jump(op, width, 0x34, null), ...DENY, ...ALLOW], ({ major, minor }) =>
      holds(op, width, 14n, BigInt((major & 15) * (minor & 15))),
    );
  });
  it.each(cases)('%s, %i bits, both still to be worked out', (op, width) => {
    const rows: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      move(4, 2),
      move(5, 3),
      [0x57, 2, 0, 7],
      [0x57, 3, 0, 7],
      [0x2f, 0x23, 0, 0],
    ];
    const other: Row[] = [
      [0x57, 4, 0, 3],
      [0x57, 5, 0, 15],
      [0x2f, 0x45, 0, 0],
    ];
    expectVerdicts([...rows, ...other, jump(op, width, 0x35, null), ...DENY, ...ALLOW], ({ major, minor }) =>
      holds(op, width, BigInt((major & 3) * (minor & 15)), BigInt((major & 7) * (minor & 7))),
    );
  });
});

describe('pointers', () => {
  const bothWidths = [64, 32] as const;
  /** r4 = major 7: the frame pointer, else the minor. */
  const MIXED: Row[] = [LOAD_MAJOR, LOAD_MINOR, move(4, 3), [0x55, 2, 1, 7], move(4, 10)];

  it.each(Object.keys(OPS))('%s with null: only equality is known, of whole addresses', (op) => {
    for (const width of bothWidths) {
      const rows: Row[] = [...MIXED, jump(op, width, 4, 0), ...DENY, ...ALLOW];
      const known = width === 64 && (op === 'eq' || op === 'ne');
      expectVerdicts(
        rows,
        ({ major, minor }) =>
          major !== 7 ? OPS[op]![1](BigInt(minor), 0n, width) : known ? op === 'ne' : 'kernel-memory',
        // The interpreter also knows the order.
        { evaluatorOnly: true },
      );
    }
  });
  it('equality with null is known on either side', () => {
    for (const op of ['eq', 'ne']) {
      const right = ({ major, minor }: { major: number; minor: number }): boolean =>
        (major !== 7 && minor === 0) === (op === 'eq');
      expectVerdicts([...MIXED, jump(op, 64, 4, 0), ...DENY, ...ALLOW], right);
      expectVerdicts([...MIXED, set(5, 0), jump(op, 64, 0x45, null), ...DENY, ...ALLOW], right, {
        evaluatorOnly: true,
      });
    }
  });
  it('another number than null may be an address', () => {
    for (const immediate of [1, -1, 2, -4096]) {
      for (const op of ['eq', 'ne', 'gt']) {
        expectVerdicts(
          [...MIXED, jump(op, 64, 4, immediate), ...DENY, ...ALLOW],
          ({ major, minor }) =>
            major === 7 ? 'kernel-memory' : OPS[op]![1](BigInt(minor), BigInt.asUintN(64, BigInt(immediate)), 64),
          { evaluatorOnly: immediate !== 1 },
        );
      }
    }
    // Where the other side is null for some requests only, none of its comparisons with a pointer is known.
    const rows: Row[] = [LOAD_MAJOR, move(4, 10), jump('eq', 64, 0x24, null), ...DENY, ...ALLOW];
    expectVerdicts(rows, () => 'kernel-memory', { evaluatorOnly: true });
  });
  it('a number that is null for all requests that come here is null', () => {
    const rows: Row[] = [
      LOAD_MAJOR,
      move(4, 10),
      [0x15, 2, 2, 7],
      ...DENY,
      [0x17, 2, 0, 7],
      jump('ne', 64, 0x24, null),
    ];
    expectVerdicts([...rows, ...DENY, ...ALLOW], ({ major }) => major === 7);
  });
  it('both sides may be numbers or pointers', () => {
    // r5 = minor 8: the frame pointer, else 7
    const rows: Row[] = [...MIXED, set(5, 7), [0x55, 3, 1, 8], move(5, 10)];
    for (const op of ['eq', 'ne', 'lt']) {
      expectVerdicts(
        [...rows, jump(op, 64, 0x54, null), ...DENY, ...ALLOW],
        ({ major, minor }) => {
          const pointers = (major === 7 ? 1 : 0) + (minor === 8 ? 1 : 0);
          if (pointers === 0) return OPS[op]![1](BigInt(minor), 7n, 64);
          return pointers === 2 && op !== 'lt' ? op === 'eq' : 'kernel-memory';
        },
        { evaluatorOnly: true },
      );
    }
  });
  it('two into one region are equal where their offsets are', () => {
    // r4 = frame pointer - 8 * (minor & 3), r5 = frame pointer - 16
    const rows: Row[] = [LOAD_MINOR, [0x57, 3, 0, 3], [0x67, 3, 0, 3], move(4, 10), [0x1f, 0x34, 0, 0], move(5, 10)];
    for (const op of ['eq', 'ne']) {
      const program: Row[] = [...rows, [0x07, 5, 0, -16], jump(op, 64, 0x54, null), ...DENY, ...ALLOW];
      expectVerdicts(program, ({ minor }) => ((minor & 3) === 2) === (op === 'eq'));
    }
    for (const width of bothWidths) {
      const program: Row[] = [...rows, [0x07, 5, 0, -16], jump('gt', width, 0x54, null), ...DENY, ...ALLOW];
      expectVerdicts(program, () => 'kernel-memory', { evaluatorOnly: true });
    }
    expectVerdicts([...rows, jump('eq', 32, 0x54, null), ...DENY, ...ALLOW], () => 'kernel-memory');
  });
  it('two into different regions are not known to differ', () => {
    for (const op of ['eq', 'ne', 'lt'])
      expectVerdicts([jump(op, 64, 0x1a, null), ...DENY, ...ALLOW], () => 'kernel-memory');
  });
  it('one that is reached by part of the requests decides nothing for the others', () => {
    // r4 is a number again where the jump is reached.
    const rows: Row[] = [...MIXED, [0x55, 2, 1, 7], set(4, 3), jump('gt', 64, 4, 2), ...DENY, ...ALLOW];
    expectVerdicts(rows, ({ major, minor }) => major === 7 || minor > 2);
  });
});

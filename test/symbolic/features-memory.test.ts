/** One hand-written program per feature: memory, and forms that only the kernel writes. Expected verdicts are worked out by hand; the interpreter is asked about many more requests. */
import { describe, expect, it } from 'vitest';
import { EXIT, imm64, mov, slot } from '../ebpf/bytes.js';
import { compareBoth, programOf } from './agreement.js';
import { add, char, exact, loadMajor, loadMinor, move, returnEqual } from './feature-programs.js';
import { OP } from './program-bytes.js';

describe('memory', () => {
  it('keeps apart bytes of a slot written in different widths, and reloads them in others', () => {
    const { verdict } = exact([
      loadMinor(2),
      slot(OP.stxdw, { dst: 10, src: 2, off: -8 }),
      loadMajor(3),
      slot(OP.stxb, { dst: 10, src: 3, off: -7 }),
      slot(OP.stxh, { dst: 10, src: 3, off: -4 }),
      slot(OP.lddw, { dst: 4, src: 10, off: -8 }),
      slot(OP.ldh, { dst: 5, src: 10, off: -5 }),
      imm64(0, (0x0123n << 32n) | 0x2345n),
      slot(0x1d, { dst: 4, src: 0, off: 2 }),
      mov(0, 0),
      EXIT,
      slot(OP.jeq, { dst: 5, imm: 0x2300, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    ]);
    // byte 1 is the low byte of major (0x23), byte 4 and 5 are major (0x123)
    expect(verdict(char(0x123, 0x2345))).toBe('allow');
    expect(verdict(char(0x123, 0x5645))).toBe('allow');
    expect(verdict(char(0x123, 0x12345))).toBe('deny');
    expect(verdict(char(0x124, 0x2345))).toBe('deny');
  });
  it('spills and reloads the context, moves it by a constant, and follows pointers that differ at a join', () => {
    // r3 = major is odd ? context + 4 : stack slot holding 42; allow if *r3 is 41 or 42
    const { verdict } = exact([
      slot(OP.stxdw, { dst: 10, src: 1, off: -8 }),
      slot(OP.stw, { dst: 10, off: -16, imm: 42 }),
      loadMajor(2),
      slot(0x57, { dst: 2, imm: 1 }),
      move(3, 10),
      add(3, -16),
      slot(OP.jeq, { dst: 2, imm: 0, off: 2 }),
      slot(OP.lddw, { dst: 3, src: 10, off: -8 }),
      add(3, 4),
      slot(OP.ldw, { dst: 4, src: 3 }),
      slot(OP.jeq, { dst: 4, imm: 42, off: 3 }),
      slot(OP.jeq, { dst: 4, imm: 41, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    ]);
    expect(verdict(char(8, 0))).toBe('allow');
    expect(verdict(char(41, 0))).toBe('allow');
    expect(verdict(char(43, 0))).toBe('deny');
  });
  it('does atomics on the stack', () => {
    const atomic = (imm: number, fetchInto: number): Uint8Array =>
      slot(0xdb, { dst: 10, src: fetchInto, off: -8, imm });
    const { verdict } = exact([
      loadMinor(2),
      slot(OP.stxdw, { dst: 10, src: 2, off: -8 }),
      loadMajor(3),
      atomic(0x01, 3),
      mov(4, 9),
      atomic(0xe1, 4),
      // r3 = minor, r4 = minor + major, memory 9; compare-and-exchange: r0 = 9 equals, memory becomes 4
      mov(0, 9),
      mov(5, 4),
      atomic(0xf1, 5),
      slot(OP.lddw, { dst: 6, src: 10, off: -8 }),
      slot(OP.addReg, { dst: 6, src: 3 }),
      slot(OP.addReg, { dst: 6, src: 4 }),
      slot(OP.addReg, { dst: 6, src: 0 }),
      ...returnEqual(6, 113),
    ]);
    // 4 + minor + (minor + major) + 9 = 113
    expect(verdict(char(20, 40))).toBe('allow');
    expect(verdict(char(21, 40))).toBe('deny');
  });
  it.each(['little', 'big'] as const)('loads parts of the context (%s endian)', (order) => {
    const field = order === 'little' ? { type: 0, access: 2 } : { type: 2, access: 0 };
    const parts = (opcode: number, off: number, value: number): Uint8Array[] => [
      slot(opcode, { dst: 2, src: 1, off }, order),
      slot(OP.jeq, { dst: 2, imm: value, off: 2 }, order),
      slot(OP.mov, { dst: 0, imm: 0 }, order),
      slot(0x95, {}, order),
      slot(OP.mov, { dst: 0, imm: 1 }, order),
      slot(0x95, {}, order),
    ];
    const access = compareBoth(programOf(parts(OP.ldh, field.access, 6), order));
    expect(access.disagreements).toEqual([]);
    expect(access.verdict(char(1, 1, 6))).toBe('allow');
    expect(access.verdict(char(1, 1, 2))).toBe('deny');
    const type = compareBoth(programOf(parts(OP.ldh, field.type, 1), order));
    expect(type.disagreements).toEqual([]);
    expect(type.verdict({ ...char(1, 1), type: 'b' })).toBe('allow');
    const byte = compareBoth(programOf(parts(OP.ldb, order === 'little' ? 2 : 1, 4), order));
    expect(byte.disagreements).toEqual([]);
    expect(byte.verdict(char(1, 1, 4))).toBe('allow');
    const minor = compareBoth(programOf(parts(0x81, 8, 77), order));
    expect(minor.disagreements).toEqual([]);
    expect(minor.verdict(char(1, 77))).toBe('allow');
  });
});

describe('forms only the kernel writes', () => {
  it('clears an unwritten register with xor, passes speculation barriers, and reads blinded constants', () => {
    const { verdict } = exact([
      slot(0xac, { dst: 11, src: 11 }),
      slot(0xc2),
      slot(OP.mov, { dst: 11, imm: 0x1234 ^ 77 }),
      slot(0xa7, { dst: 11, imm: 0x1234 }),
      loadMinor(2),
      slot(0x1d, { dst: 2, src: 11, off: 2 }),
      mov(0, 0),
      EXIT,
      slot(0xaf, { dst: 0, src: 0 }),
      add(0, 1),
      EXIT,
    ]);
    expect(verdict(char(1, 77))).toBe('allow');
    expect(verdict(char(1, 78))).toBe('deny');
  });
  it('leaves a may_goto loop when its counter is used up', () => {
    const { verdict } = exact([
      slot(0x7a, { dst: 10, off: -16, imm: 5 }),
      mov(6, 0),
      slot(OP.lddw, { dst: 11, src: 10, off: -16 }),
      slot(OP.jeq, { dst: 11, imm: 0, off: 4 }),
      slot(0x17, { dst: 11, imm: 1 }),
      slot(OP.stxdw, { dst: 10, src: 11, off: -16 }),
      add(6, 1),
      slot(OP.ja, { off: -6 }),
      loadMinor(2),
      slot(0x1d, { dst: 6, src: 2, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    ]);
    expect(verdict(char(1, 5))).toBe('allow');
    expect(verdict(char(1, 6))).toBe('deny');
  });
  it('never takes a kernel address for a number that can be read through', () => {
    const parts = [
      imm64(2, 0xffffffff81234560n),
      slot(OP.ldw, { dst: 3, src: 2 }),
      loadMajor(4),
      slot(OP.jeq, { dst: 4, imm: 1, off: 3 }),
      ...returnEqual(3, 0).slice(0, 3),
      mov(0, 1),
      EXIT,
    ];
    const answers = compareBoth(programOf(parts));
    expect(answers.disagreements).toEqual([]);
    expect(answers.verdict(char(1, 1))).toBe('allow');
    expect(answers.verdict(char(2, 1))).toBe('undecided: kernel-memory');
  });
});

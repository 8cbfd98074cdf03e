/** One hand-written program per feature: control flow, what depends on the caller, addresses as numbers. Expected verdicts are worked out by hand; the interpreter is asked about many more requests. */
import { describe, expect, it } from 'vitest';
import { EXIT, mov, slot } from '../ebpf/bytes.js';
import { compareBoth, environmentWith, programOf, type Answers } from './agreement.js';
import { add, char, exact, loadMajor, loadMinor, move, returnEqual } from './feature-programs.js';
import { functionCall, helper, OP } from './program-bytes.js';

describe('control flow', () => {
  it('runs a bounded loop to its end and merges what leaves it', () => {
    // r0 = sum of i below major & 15; allow if it is minor
    const { verdict } = exact([
      loadMajor(2),
      slot(0x57, { dst: 2, imm: 15 }),
      loadMinor(3),
      mov(4, 0),
      mov(5, 0),
      slot(0x3d, { dst: 4, src: 2, off: 3 }),
      slot(OP.addReg, { dst: 5, src: 4 }),
      add(4, 1),
      slot(OP.ja, { off: -4 }),
      slot(0x1d, { dst: 5, src: 3, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    ]);
    expect(verdict(char(5, 10))).toBe('allow');
    expect(verdict(char(5, 11))).toBe('deny');
    expect(verdict(char(16, 0))).toBe('allow');
  });
  it('finishes an inner loop before it goes on with the outer one', () => {
    // count = (major & 7) * (minor & 3) by nested loops; allow if 6
    const { verdict } = exact([
      loadMajor(2),
      slot(0x57, { dst: 2, imm: 7 }),
      loadMinor(3),
      slot(0x57, { dst: 3, imm: 3 }),
      mov(4, 0),
      mov(6, 0),
      slot(0x3d, { dst: 4, src: 2, off: 7 }),
      mov(5, 0),
      slot(0x3d, { dst: 5, src: 3, off: 3 }),
      add(6, 1),
      add(5, 1),
      slot(OP.ja, { off: -4 }),
      add(4, 1),
      slot(OP.ja, { off: -8 }),
      ...returnEqual(6, 6),
    ]);
    expect(verdict(char(3, 2))).toBe('allow');
    expect(verdict(char(3, 3))).toBe('deny');
    expect(verdict(char(6, 1))).toBe('allow');
  });
  it('calls functions: own stack, callee-saved registers, r1 to r5 lost', () => {
    const { verdict } = exact(callProgram());
    expect(verdict(char(9, 5))).toBe('allow');
    expect(verdict(char(9, 6))).toBe('deny');
  });
});

/** main: keeps major in r7 and on its stack, calls f(major, minor) = 2 * major + minor, allows if minor is 5. */
function callProgram(): Uint8Array[] {
  return [
    move(6, 1),
    loadMajor(7, 6),
    slot(OP.stxw, { dst: 10, src: 7, off: -4 }),
    move(1, 7),
    loadMinor(2, 6),
    functionCall(8),
    slot(OP.ldw, { dst: 3, src: 10, off: -4 }),
    slot(0x1f, { dst: 0, src: 3 }),
    slot(0x1f, { dst: 0, src: 7 }),
    slot(OP.jeq, { dst: 0, imm: 5, off: 2 }),
    mov(0, 0),
    EXIT,
    mov(0, 1),
    EXIT,
    // f
    move(6, 1),
    mov(7, 77),
    slot(OP.stxw, { dst: 10, src: 2, off: -4 }),
    slot(OP.addReg, { dst: 6, src: 6 }),
    slot(OP.ldw, { dst: 0, src: 10, off: -4 }),
    slot(OP.addReg, { dst: 0, src: 6 }),
    EXIT,
  ];
}

describe('what depends on the caller', () => {
  const uid = environmentWith({
    helpers: new Map([
      [-7, 'bpf_get_current_uid_gid'],
      [-8, 'bpf_get_prandom_u32'],
    ]),
  });
  it('is undecided exactly there, by name', () => {
    // major 1: allow; major 2: allow for uid 0; else deny
    const parts = [
      move(6, 1),
      helper(-7),
      move(7, 0),
      slot(0xbc, { dst: 7, src: 7 }),
      loadMajor(2, 6),
      slot(OP.jeq, { dst: 2, imm: 1, off: 4 }),
      slot(OP.jne, { dst: 2, imm: 2, off: 1 }),
      slot(OP.jeq, { dst: 7, imm: 0, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    ];
    const answers = compareBoth(programOf(parts), uid);
    expect(answers.disagreements).toEqual([]);
    expect(answers.verdict(char(1, 1))).toBe('allow');
    expect(answers.verdict(char(2, 1))).toBe('undecided: depends:uid');
    expect(answers.verdict(char(3, 1))).toBe('deny');
  });
  it('is decided where the input cancels out', () => {
    const parts = [
      move(6, 1),
      helper(-8),
      slot(0x57, { dst: 0, imm: 3 }),
      slot(OP.jgt, { dst: 0, imm: 3, off: 3 }),
      ...[loadMajor(2, 6)],
      ...returnEqual(2, 4),
    ];
    const answers = compareBoth(programOf(parts), uid);
    expect(answers.disagreements).toEqual([]);
    expect([...answers.counts.keys()].sort()).toEqual(['allow', 'deny']);
  });
  it('names a helper that the dump hides, and nothing else is lost on kernels without bpf_set_retval', () => {
    const parts = [
      move(6, 1),
      loadMajor(7, 6),
      slot(OP.jne, { dst: 7, imm: 1, off: 2 }),
      helper(0),
      slot(0x57, { dst: 0, imm: 1 }),
      slot(OP.jeq, { dst: 7, imm: 1, off: 1 }),
      mov(0, 0),
      EXIT,
    ];
    const old = compareBoth(programOf(parts), environmentWith({ kernelRelease: '5.10.0' }));
    expect(old.disagreements).toEqual([]);
    expect(old.verdict(char(1, 1))).toBe('undecided: helper:unresolved');
    expect(old.verdict(char(2, 1))).toBe('deny');
  });
  it('is everything when an extension program replaced part of it', () => {
    const answers = compareBoth(programOf([mov(0, 1), EXIT]), environmentWith({ freplaced: 'yes' }));
    expect([...answers.counts.keys()]).toEqual(['undecided: freplace']);
  });
});

describe('pointers as numbers', () => {
  it('the distance of two pointers into one region is exact, in both directions', () => {
    const distance = (a: number, b: number): Answers =>
      exact([
        move(6, 10),
        add(6, -24),
        loadMinor(3),
        slot(0x57, { dst: 3, imm: 7 }),
        move(7, 10),
        add(7, -24),
        slot(OP.addReg, { dst: 7, src: 3 }),
        slot(0x1f, { dst: a, src: b }),
        ...returnEqual(a, a === 7 ? 5 : -5),
      ]);
    for (const [a, b] of [
      [7, 6],
      [6, 7],
    ] as const) {
      const { verdict } = distance(a, b);
      expect(verdict(char(1, 5))).toBe('allow');
      expect(verdict(char(1, 13))).toBe('allow');
      expect(verdict(char(1, 6))).toBe('deny');
    }
  });
  it('the distance of pointers into different regions is unknown', () => {
    const { verdict, disagreements } = compareBoth(
      programOf([move(6, 10), slot(0x1f, { dst: 6, src: 1 }), ...returnEqual(6, 5)]),
    );
    expect(disagreements).toEqual([]);
    expect(verdict(char(1, 5))).toBe('undecided: kernel-memory');
  });
  it('a register cleared with sub or xor is zero, whatever it held', () => {
    for (const opcode of [0x1f, 0xaf, 0xac, 0x1c]) {
      const { verdict } = exact([move(6, 10), slot(opcode, { dst: 6, src: 6 }), ...returnEqual(6, 0)]);
      expect(verdict(char(1, 1))).toBe('allow');
    }
  });
  it('what is a number for some requests and a pointer for others is known for the first', () => {
    const changes: [string, Uint8Array[], number][] = [
      ['as it is', [], 40],
      ['plus a number', [add(6, 1)], 41],
      ['a number plus it', [mov(7, 1), slot(OP.addReg, { dst: 7, src: 6 }), move(6, 7)], 41],
      ['minus a number', [slot(0x17, { dst: 6, imm: 1 })], 39],
    ];
    for (const [, change, expected] of changes) {
      const { verdict, disagreements } = compareBoth(
        programOf([
          loadMajor(2),
          mov(6, 40),
          slot(OP.jeq, { dst: 2, imm: 7, off: 1 }),
          move(6, 10),
          ...change,
          slot(0x57, { dst: 6, imm: 0xff }),
          ...returnEqual(6, expected),
        ]),
      );
      expect(disagreements).toEqual([]);
      expect(verdict(char(7, 1))).toBe('allow');
      expect(verdict(char(8, 1))).toBe('undecided: kernel-memory');
    }
  });
  it('a distance is known only where both are pointers', () => {
    const mixed = [loadMajor(2), mov(6, 40), slot(OP.jeq, { dst: 2, imm: 7, off: 1 }), move(6, 10), move(7, 10)];
    for (const [a, b] of [
      [6, 7],
      [7, 6],
    ] as const) {
      const { verdict, disagreements } = compareBoth(
        programOf([...mixed, slot(0x1f, { dst: a, src: b }), ...returnEqual(a, 0)]),
      );
      expect(disagreements).toEqual([]);
      expect(verdict(char(8, 1))).toBe('allow');
      expect(verdict(char(7, 1))).toBe(a === 6 ? 'undecided: kernel-memory' : 'deny');
    }
  });
  it('half a pointer, or one that was multiplied, is an unknown number', () => {
    for (const change of [
      slot(0x04, { dst: 6, imm: 8 }),
      slot(0x14, { dst: 6, imm: 8 }),
      slot(0x27, { dst: 6, imm: 3 }),
    ]) {
      const { verdict, disagreements } = compareBoth(
        programOf([move(6, 10), change, move(7, 10), slot(0x1f, { dst: 6, src: 7 }), ...returnEqual(6, 8)]),
      );
      expect(disagreements).toEqual([]);
      expect(verdict(char(8, 1))).toBe('undecided: kernel-memory');
    }
  });
});

/** One hand-written program per feature. Expected verdicts are worked out by hand; the interpreter is asked about many more requests. */
import { describe, expect, it } from 'vitest';
import type { MapContents, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { EXIT, imm64, mov, slot } from '../ebpf/bytes.js';
import { compareBoth, environmentWith, mapWith, programOf, type Answers } from './agreement.js';
import { functionCall, helper, hexKey, OP, reference, tailCallInstruction, words } from './program-bytes.js';

const char = (major: number, minor: number, access = 2): DeviceRequest => ({ type: 'c', access, major, minor });
const loadMajor = (dst: number, base = 1): Uint8Array => slot(OP.ldw, { dst, src: base, off: 4 });
const loadMinor = (dst: number, base = 1): Uint8Array => slot(OP.ldw, { dst, src: base, off: 8 });
const move = (dst: number, src: number): Uint8Array => slot(OP.movReg, { dst, src });
const add = (dst: number, imm: number): Uint8Array => slot(OP.add, { dst, imm });
/** r0 = register == imm */
const returnEqual = (register: number, imm: number): Uint8Array[] => [
  slot(OP.jeq, { dst: register, imm, off: 2 }),
  mov(0, 0),
  EXIT,
  mov(0, 1),
  EXIT,
];

function exact(parts: readonly Uint8Array[], environment?: ProgramEnvironment): Answers {
  const answers = compareBoth(programOf(parts), environment);
  expect(answers.disagreements).toEqual([]);
  const others = [...answers.counts.keys()].filter((verdict) => verdict !== 'allow' && verdict !== 'deny');
  expect(others).toEqual([]);
  return answers;
}

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

describe('maps', () => {
  const ARRAY: MapContents = mapWith({
    id: 7,
    type: 'array',
    entries: new Map([0, 1, 2, 3, 4, 5, 6, 7].map((i) => [hexKey(i), words(i * 3)])),
  });
  const keyOnStack = [
    move(6, 1),
    loadMajor(2, 6),
    slot(OP.stxw, { dst: 10, src: 2, off: -4 }),
    move(2, 10),
    add(2, -4),
  ];
  /** r0 = address or null; allows where the value equals minor. */
  const valueIsMinor = [
    slot(OP.jne, { dst: 0, imm: 0, off: 1 }),
    EXIT,
    slot(OP.ldw, { dst: 3, src: 0 }),
    loadMinor(4, 6),
    slot(0x1d, { dst: 3, src: 4, off: 2 }),
    mov(0, 0),
    EXIT,
    mov(0, 1),
    EXIT,
  ];

  it('reads an array through the inlined lookup, with the kernel struct offset of any release', () => {
    for (const offset of [272, 304, 312]) {
      const { verdict } = exact(
        [
          ...keyOnStack,
          reference(1, 1, 7),
          add(1, offset),
          slot(OP.ldw, { dst: 0, src: 2 }),
          slot(OP.jge, { dst: 0, imm: 8, off: 3 }),
          slot(0x67, { dst: 0, imm: 3 }),
          slot(OP.addReg, { dst: 0, src: 1 }),
          slot(OP.ja, { off: 1 }),
          mov(0, 0),
          ...valueIsMinor,
        ],
        environmentWith({ maps: new Map([[7, ARRAY]]) }),
      );
      expect(verdict(char(5, 15))).toBe('allow');
      expect(verdict(char(5, 14))).toBe('deny');
      expect(verdict(char(8, 24))).toBe('deny');
    }
  });
  it('reads a hash by symbolic key, inlined and not, and says which map is missing', () => {
    const hash = mapWith({
      id: 9,
      type: 'hash',
      entries: new Map([
        [hexKey(10), words(200)],
        [hexKey(195), words(3)],
      ]),
    });
    const names = new Map([
      [-50, '__htab_map_lookup_elem'],
      [-60, 'bpf_map_lookup_elem'],
    ]);
    const inlined = [
      ...keyOnStack,
      reference(1, 1, 9),
      helper(-50),
      slot(OP.jeq, { dst: 0, imm: 0, off: 1 }),
      add(0, 56),
      ...valueIsMinor,
    ];
    const called = [...keyOnStack, reference(1, 1, 9), helper(-60), ...valueIsMinor];
    for (const parts of [inlined, called]) {
      const { verdict } = exact(parts, environmentWith({ maps: new Map([[9, hash]]), helpers: names }));
      expect(verdict(char(10, 200))).toBe('allow');
      expect(verdict(char(195, 3))).toBe('allow');
      expect(verdict(char(195, 200))).toBe('deny');
      const unread = compareBoth(
        programOf(parts),
        environmentWith({ maps: new Map([[9, { ...hash, entries: null }]]), helpers: names }),
      );
      expect(unread.disagreements).toEqual([]);
      expect([...unread.counts.keys()]).toEqual(['undecided: depends:map:9']);
    }
  });
  it('finds the longest prefix', () => {
    const key = (length: number, ...bytes: number[]): string =>
      Buffer.from([length, 0, 0, 0, ...bytes]).toString('hex');
    const trie = mapWith({
      id: 4,
      type: 'lpm_trie',
      keySize: 8,
      entries: new Map([
        [key(8, 1, 0, 0, 0), words(8)],
        [key(16, 1, 2, 0, 0), words(16)],
        [key(0, 0, 0, 0, 0), words(0)],
      ]),
    });
    const parts = [
      move(6, 1),
      loadMajor(3, 6),
      slot(OP.stw, { dst: 10, off: -8, imm: 32 }),
      slot(OP.stxw, { dst: 10, src: 3, off: -4 }),
      move(2, 10),
      add(2, -8),
      reference(1, 1, 4),
      helper(-60),
      ...valueIsMinor,
    ];
    const { verdict } = exact(
      parts,
      environmentWith({ maps: new Map([[4, trie]]), helpers: new Map([[-60, 'trie_lookup_elem']]) }),
    );
    expect(verdict(char(0x201, 16))).toBe('allow');
    expect(verdict(char(0x301, 8))).toBe('allow');
    expect(verdict(char(0x202, 0))).toBe('allow');
    expect(verdict(char(0x202, 8))).toBe('deny');
  });
  it('sees what the program itself writes to a value', () => {
    const parts = [
      move(6, 1),
      reference(2, 2, 7, 8),
      loadMinor(3, 6),
      slot(OP.stxw, { dst: 2, src: 3, off: 0 }),
      slot(OP.ldw, { dst: 4, src: 2, off: -8 }),
      slot(OP.ldw, { dst: 5, src: 2 }),
      slot(OP.addReg, { dst: 5, src: 4 }),
      ...returnEqual(5, 12),
    ];
    const { verdict } = exact(parts, environmentWith({ maps: new Map([[7, ARRAY]]) }));
    expect(verdict(char(1, 12))).toBe('allow');
    expect(verdict(char(1, 3))).toBe('deny');
  });
  it('goes through the per-cpu pointers of inlined per-cpu lookups where all CPUs agree', () => {
    const perCpu = mapWith({
      id: 5,
      type: 'percpu_array',
      maxEntries: 2,
      entries: new Map([
        [hexKey(0), words(4, 0, 4, 0)],
        [hexKey(1), words(6, 0, 7, 0)],
      ]),
    });
    const parts = [
      ...keyOnStack,
      reference(1, 1, 5),
      add(1, 312),
      slot(OP.ldw, { dst: 0, src: 2 }),
      slot(OP.jge, { dst: 0, imm: 2, off: 5 }),
      slot(0x67, { dst: 0, imm: 3 }),
      slot(OP.addReg, { dst: 0, src: 1 }),
      slot(OP.lddw, { dst: 0, src: 0 }),
      slot(OP.movReg, { dst: 0, src: 0, off: -1 }),
      slot(OP.ja, { off: 1 }),
      mov(0, 0),
      ...valueIsMinor,
    ];
    const answers = compareBoth(programOf(parts), environmentWith({ maps: new Map([[5, perCpu]]) }));
    expect(answers.verdict(char(0, 4))).toBe('allow');
    expect(answers.verdict(char(0, 5))).toBe('deny');
    expect(answers.verdict(char(1, 6))).toBe('undecided: depends:map:5');
    expect(answers.verdict(char(2, 6))).toBe('deny');
  });
});

describe('tail calls', () => {
  const allow = programOf([mov(0, 1), EXIT]);
  const again = programOf([move(6, 1), reference(2, 1, 3), mov(3, 1), tailCallInstruction, mov(0, 0), EXIT]);
  const environment = (slots: [number, number][]): ProgramEnvironment => {
    const map = mapWith({
      id: 3,
      type: 'prog_array',
      entries: new Map(slots.map(([index, id]) => [hexKey(index), words(id)])),
    });
    const programs = new Map<number, { program: ReturnType<typeof programOf>; environment: ProgramEnvironment }>();
    const own = environmentWith({ maps: new Map([[3, map]]), programs });
    programs.set(100, { program: allow, environment: own });
    programs.set(101, { program: again, environment: own });
    return own;
  };
  const byMajor = [move(6, 1), reference(2, 1, 3), loadMajor(3, 6), tailCallInstruction, mov(0, 0), EXIT];
  it('follow the slots, fall through empty ones, and stop after 33', () => {
    const { verdict } = exact(
      byMajor,
      environment([
        [0, 100],
        [1, 101],
        [5, 100],
      ]),
    );
    expect(verdict(char(0, 1))).toBe('allow');
    expect(verdict(char(1, 1))).toBe('deny');
    expect(verdict(char(2, 1))).toBe('deny');
    expect(verdict(char(5, 1))).toBe('allow');
  });
  it('are undecided where the slot holds a program that was not read', () => {
    const answers = compareBoth(
      programOf(byMajor),
      environment([
        [0, 100],
        [4, 999],
      ]),
    );
    expect(answers.disagreements).toEqual([]);
    expect(answers.verdict(char(4, 1))).toBe('undecided: tail-call:3');
    expect(answers.verdict(char(5, 1))).toBe('deny');
  });
  it('go to the targets of a jump table', () => {
    const table = mapWith({
      id: 8,
      type: 'insn_array',
      valueSize: 16,
      maxEntries: 2,
      entries: new Map([
        [hexKey(0), words(0, 9, 0, 0)],
        [hexKey(1), words(0, 11, 0, 0)],
      ]),
    });
    const parts = [
      loadMajor(2),
      slot(0x57, { dst: 2, imm: 1 }),
      slot(0x67, { dst: 2, imm: 3 }),
      reference(3, 2, 8),
      slot(OP.addReg, { dst: 3, src: 2 }),
      slot(OP.lddw, { dst: 3, src: 3 }),
      slot(0x0d, { dst: 3 }),
      EXIT,
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    ];
    const { verdict } = exact(parts, environmentWith({ maps: new Map([[8, table]]) }));
    expect(verdict(char(2, 0))).toBe('deny');
    expect(verdict(char(3, 0))).toBe('allow');
  });
});

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

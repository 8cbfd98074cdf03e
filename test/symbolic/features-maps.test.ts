/** One hand-written program per feature: maps and tail calls. Expected verdicts are worked out by hand; the interpreter is asked about many more requests. */
import { describe, expect, it } from 'vitest';
import type { MapContents, ProgramEnvironment } from '../../src/ebpf/types.js';
import { EXIT, mov, slot } from '../ebpf/bytes.js';
import { compareBoth, environmentWith, mapWith, programOf } from './agreement.js';
import { add, char, exact, loadMajor, loadMinor, move, returnEqual } from './feature-programs.js';
import { helper, hexKey, OP, reference, tailCallInstruction, words } from './program-bytes.js';

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

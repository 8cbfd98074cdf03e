/** How the engine moves states through a program: ends that are none, jump tables, calls whose end is not known. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE } from '../../src/bdd/manager.js';
import type { ProgramEnvironment } from '../../src/ebpf/types.js';
import { Engine } from '../../src/symbolic/engine.js';
import { Inputs } from '../../src/symbolic/inputs.js';
import { DEFAULT_LIMITS } from '../../src/symbolic/limits.js';
import { Machine } from '../../src/symbolic/machine.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { environmentWith, mapWith } from './agreement.js';
import { hexKey, words } from './program-bytes.js';
import {
  ALLOW,
  areEqual,
  DENY,
  EXIT,
  expectVerdicts,
  isEqual,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  programOf,
  reference,
  set,
  wide,
  type Row,
} from './transfer/judged.js';

const JUMP_TABLE = 8;
const kfunc = (imm: number): Row => [0x85, 0x20, 0, imm];
const otherwise = (register: number, immediate: number, distance: number): Row => [0x55, register, distance, immediate];

/** A jump table: index to slot. */
function tableOf(...slots: number[]): ProgramEnvironment {
  const table = mapWith({
    id: JUMP_TABLE,
    type: 'insn_array',
    valueSize: 16,
    maxEntries: slots.length,
    entries: new Map(slots.map((slot, i) => [hexKey(i), words(0, slot, 0, 0)])),
  });
  return environmentWith({ maps: new Map([[JUMP_TABLE, table]]) });
}

describe('ways out of the program', () => {
  it('past its end', () => {
    const environment = environmentWith({ helpers: new Map([[5, 'bpf_iter_num_destroy']]) });
    const rows: Row[] = [LOAD_MAJOR, otherwise(2, 7, 2), ...ALLOW, move(1, 10), [0x07, 1, 0, -8], kfunc(5)];
    expectVerdicts(rows, ({ major }) => (major === 7 ? true : 'unsupported:end of the program without exit'), {
      environment,
      evaluatorOnly: true,
    });
  });
  it('by a jump table: behind the end, into the second half of a 64-bit immediate', () => {
    // Slots 0 to 14, the second halves at 4 and 13; r2 = major, masked to the table's four entries.
    const rows: Row[] = [
      LOAD_MAJOR,
      [0x57, 2, 0, 3],
      [0x67, 2, 0, 3],
      ...reference(3, 2, JUMP_TABLE),
      [0x0f, 0x23, 0, 0],
      [0x79, 0x33, 0, 0],
      [0x0d, 3, 0, 0],
      ...ALLOW,
      ...DENY,
      ...wide(0, 1n),
      EXIT,
    ];
    const out = 'unsupported:jump out of the program';
    expectVerdicts(rows, ({ major }) => [true, false, out, out][major & 3]!, {
      environment: tableOf(8, 10, 15, 13),
      evaluatorOnly: true,
    });
    expectVerdicts(rows, ({ major }) => [true, false, true, out][major & 3]!, {
      environment: tableOf(8, 10, 12, 0x7fffffff),
      evaluatorOnly: true,
    });
  });
  it('are told from the end itself', () => {
    for (const [position, isInside] of [
      [-1, false],
      [0, true],
      [1, true],
      [2, false],
    ] as const) {
      const manager = new BddManager();
      const machine = new Machine(manager, new Inputs(manager), programOf(ALLOW), NO_ENVIRONMENT, 'test');
      const engine = new Engine(machine, DEFAULT_LIMITS);
      engine.goTo(
        {
          path: TRUE,
          registers: [],
          program: 0,
          tailCalls: 0,
          fewestTailCalls: 0,
          mostTailCalls: 0,
          frames: [],
          memory: new Map(),
          retval: null,
          mapWrites: new Map(),
          changedMaps: new Map(),
          clobbered: FALSE,
        },
        position,
      );
      expect(machine.finished).toBe(isInside ? FALSE : TRUE);
    }
  });
});

describe('jumps by register', () => {
  it('through what is no entry of a table, for some requests or for all', () => {
    // r3 = major 7: the table's entry, else a number or the address of the context.
    for (const other of [set(3, 9), move(3, 1)]) {
      const rows: Row[] = [
        LOAD_MAJOR,
        ...reference(4, 2, JUMP_TABLE),
        other,
        otherwise(2, 7, 1),
        [0x79, 0x43, 0, 0],
        [0x0d, 3, 0, 0],
        ...ALLOW,
      ];
      expectVerdicts(rows, ({ major }) => (major === 7 ? true : 'jump-target'), { environment: tableOf(7) });
    }
    expectVerdicts([[0x0d, 3, 0, 0], ...ALLOW], () => 'jump-target');
  });
  it('take along registers and memory', () => {
    const rows: Row[] = [
      LOAD_MAJOR,
      LOAD_MINOR,
      [0x7b, 0x3a, -8, 0],
      [0x57, 2, 0, 1],
      [0x67, 2, 0, 3],
      ...reference(4, 2, JUMP_TABLE),
      [0x0f, 0x24, 0, 0],
      [0x79, 0x44, 0, 0],
      [0x0d, 4, 0, 0],
      ...isEqual(3, 255),
      [0x79, 0xa5, -8, 0],
      ...isEqual(5, 7),
    ];
    expectVerdicts(rows, ({ major, minor }) => minor === (major % 2 === 0 ? 255 : 7), {
      environment: tableOf(10, 15),
    });
  });
});

describe('calls', () => {
  /** Major 7 calls, whatever comes of it; the others are allowed. */
  const calling = (instruction: Row): Row[] => [LOAD_MAJOR, otherwise(2, 7, 3), instruction, set(0, 0), EXIT, ...ALLOW];
  const named = (...names: [number, string][]): ProgramEnvironment => environmentWith({ helpers: new Map(names) });

  it('of kernel functions: those that do not return, or that nobody knows', () => {
    const unknown: [number, ProgramEnvironment, string][] = [
      [9, NO_ENVIRONMENT, 'kfunc:unresolved'],
      [9, named([9, '']), 'kfunc:unresolved'],
      [0, named([0, 'bpf_iter_num_destroy']), 'kfunc:unresolved'],
      [9, named([9, 'bpf_throw']), 'kfunc:bpf_throw'],
      [9, named([9, 'bpf_throw.llvm.77']), 'kfunc:bpf_throw'],
    ];
    for (const [imm, environment, reason] of unknown)
      expectVerdicts(calling(kfunc(imm)), ({ major }) => (major === 7 ? reason : true), { environment });
    expectVerdicts(calling(kfunc(9)), ({ major }) => major !== 7, { environment: named([9, 'bpf_iter_num_destroy']) });
  });
  it('of helpers: a number stands for one name, a suffix of the compiler is none of it, 0 stands for none', () => {
    const asked = (imm: number): Row[] => [move(6, 1), [0x85, 0, 0, imm], [0x57, 0, 0, 1], EXIT];
    for (const name of ['bpf_get_smp_processor_id', 'bpf_get_smp_processor_id.isra.0'])
      expectVerdicts(asked(9), () => 'depends:cpu', { environment: named([9, name]) });
    for (const environment of [named([0, 'bpf_get_smp_processor_id']), named([1, 'bpf_get_smp_processor_id'])])
      expectVerdicts(asked(0), () => 'helper:unresolved', { environment });
  });
});

describe('sign extension from register to register', () => {
  it.each([
    [0xbf, 8, 64],
    [0xbf, 16, 64],
    [0xbf, 32, 64],
    [0xbc, 8, 32],
    [0xbc, 16, 32],
  ] as const)('opcode %i, %i bits to %i', (opcode, bits, width) => {
    const number = (minor: number): bigint =>
      BigInt.asUintN(64, BigInt.asUintN(width, BigInt.asIntN(bits, BigInt(minor) << 12n)));
    const rows: Row[] = [LOAD_MINOR, [0x67, 3, 0, 12], [opcode, 0x34, bits, 0], ...wide(5, number(1048575))];
    expectVerdicts([...rows, ...areEqual(4, 5)], ({ minor }) => number(minor) === number(1048575));
  });
});

describe('an instruction that no such program has', () => {
  it('leaves its result unknown, and nothing else', () => {
    const begin: Row[] = [move(6, 1), LOAD_MAJOR, move(7, 2), LOAD_MINOR, move(8, 3)];
    const known: Row[] = [...isEqual(8, 255)];
    const packet: Row[] = [...begin, [0x20, 0, 0, 0]];
    expectVerdicts([...packet, ...isEqual(0, 7)], () => 'unsupported:packet load', { evaluatorOnly: true });
    expectVerdicts([...packet, ...known], ({ minor }) => minor === 255, { evaluatorOnly: true });
    const atomicAdd = (fetch: 0 | 1): Row[] => [...begin, set(4, 0), [0xfb, 0x74, 0, fetch]];
    expectVerdicts([...atomicAdd(0), ...isEqual(7, 7)], ({ major }) => major === 7, { evaluatorOnly: true });
    expectVerdicts([...atomicAdd(1), ...isEqual(7, 7)], () => 'unsupported:arena atomic', { evaluatorOnly: true });
    expectVerdicts([...atomicAdd(1), ...known], ({ minor }) => minor === 255, { evaluatorOnly: true });
  });
});

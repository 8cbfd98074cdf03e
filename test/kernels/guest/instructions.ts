/** Instruction forms by kernel: what the verifier lets through must be decoded, and decided as the kernel does; what it refuses is a row of the table. */
import { strict as assert } from 'node:assert';
import { decode } from '../../../src/ebpf/decode.js';
import { type Row, assemble } from '../../kernel/assemble.js';
import { typeData, type FunctionType, type TypeData } from '../../kernel/btf.js';
import { NO_ENVIRONMENT } from '../../kernel/fuzz.js';
import { evaluator, interpreter } from '../../kernel/judges.js';
import { LoaderError } from '../../kernel/loader-process.js';
import { FLAGS, type Handle, type Referee } from '../../kernel/referee.js';
import { Random } from '../../property/random.js';
import { biasedRequests } from '../../property/requests.js';
import type { Guest, Suite } from './suite.js';

const EXIT: Row = [0x95, 0, 0, 0];
/** Behind a value in r2: allow if it is the immediate. */
const isEqual = (immediate: number): Row[] => [[0xb7, 0, 0, 0], [0x55, 2, 1, immediate], [0xb7, 0, 0, 1], EXIT];
const loadMajor: Row = [0x61, 0x12, 4, 0];
const loadMinor: Row = [0x61, 0x13, 8, 0];
/** 0, 1, 2, 4 or 6: a divisor, zero among them, that keeps the decision diagram of the quotient small. */
const loadAccess: Row = [0x71, 0x13, 2, 0];
const spillMajor: Row[] = [loadMajor, [0x7b, 0x2a, -8, 0]];

/** Opcodes and fields as in RFC 9669; registers are dst | src << 4. */
const FORMS: Readonly<Record<string, readonly Row[]>> = {
  'u8 loads of the context': [[0x71, 0x12, 2, 0], ...isEqual(2)],
  'u16 loads of the context': [[0x69, 0x12, 2, 0], ...isEqual(2)],
  'u8 load of the second byte': [[0x71, 0x12, 1, 0], ...isEqual(0)],
  'u16 load of the major (refused)': [[0x69, 0x12, 4, 0], ...isEqual(1)],
  'sign-extending load of the context': [[0x81, 0x12, 4, 0], ...isEqual(5)],
  'sign-extending load of the stack': [...spillMajor, [0x91, 0xa2, -8, 0], ...isEqual(-120)],
  'context pointer arithmetic': [[0x07, 1, 0, 4], [0x61, 0x12, 0, 0], ...isEqual(5)],
  'context pointer through the stack': [[0x7b, 0x1a, -8, 0], [0x79, 0xa4, -8, 0], [0x61, 0x42, 4, 0], ...isEqual(5)],
  JMP32: [loadMajor, [0xb7, 0, 0, 0], [0x56, 2, 1, 5], [0xb7, 0, 0, 1], EXIT],
  'JLT family': [loadMajor, [0xb7, 0, 0, 0], [0xa5, 2, 1, 5], [0xb7, 0, 0, 1], EXIT],
  gotol: [loadMajor, [0xb7, 0, 0, 0], [0x15, 2, 1, 5], [0x06, 0, 0, 1], [0xb7, 0, 0, 1], EXIT],
  'call of a subprogram': [[0x85, 0x10, 0, 1], EXIT, loadMajor, ...isEqual(5)],
  'bounded loop': [loadMajor, [0xb7, 3, 0, 0], [0x07, 3, 0, 1], [0x07, 2, 0, -1], [0xa5, 3, -3, 5], ...isEqual(0)],
  'division by register': [loadMajor, loadAccess, [0x3f, 0x32, 0, 0], ...isEqual(2)],
  '32-bit remainder by register': [loadMajor, loadAccess, [0x9c, 0x32, 0, 0], ...isEqual(2)],
  'signed division by register': [loadMajor, loadAccess, [0x87, 3, 0, 0], [0x3f, 0x32, 1, 0], ...isEqual(-2)],
  'signed 32-bit remainder': [loadMajor, loadAccess, [0x9c, 0x32, 1, 0], ...isEqual(2)],
  'shift by register': [loadMinor, [0xb7, 2, 0, 1], [0x6f, 0x32, 0, 0], ...isEqual(8)],
  'atomic add': [...spillMajor, [0xb7, 4, 0, 3], [0xdb, 0x4a, -8, 0x00], [0x79, 0xa2, -8, 0], ...isEqual(8)],
  'atomic fetch-add': [...spillMajor, [0xb7, 4, 0, 3], [0xdb, 0x4a, -8, 0x01], [0xbf, 0x42, 0, 0], ...isEqual(5)],
  'atomic exchange': [...spillMajor, [0xb7, 4, 0, 3], [0xdb, 0x4a, -8, 0xe1], [0xbf, 0x42, 0, 0], ...isEqual(5)],
  'compare and exchange': [
    ...spillMajor,
    [0xb7, 0, 0, 5],
    [0xb7, 4, 0, 3],
    [0xdb, 0x4a, -8, 0xf1],
    [0x79, 0xa2, -8, 0],
    ...isEqual(3),
  ],
  'load-acquire': [...spillMajor, [0xdb, 0xa2, -8, 0x100], ...isEqual(5)],
  'store-release': [loadMajor, [0x7b, 0x2a, -8, 0], [0xdb, 0x2a, -8, 0x110], [0x79, 0xa2, -8, 0], ...isEqual(5)],
  may_goto: [
    loadMajor,
    [0xb7, 0, 0, 0],
    [0xe5, 0, 2, 0],
    [0x15, 2, 1, 5],
    [0x05, 0, 0, 0],
    [0x55, 2, 1, 5],
    [0xb7, 0, 0, 1],
    EXIT,
  ],
  'negative 64-bit constant': [loadMajor, [0x18, 4, 0, -5], [0, 0, 0, -1], [0x0f, 0x42, 0, 0], ...isEqual(0)],
};

/** r1 to r5 for a call, then the sixth and seventh argument: the major, and 3 or 4 by the minor. */
const passSeven: Row[] = [
  loadMajor,
  loadMinor,
  [0x7b, 0x2b, -8, 0],
  [0x7a, 0x0b, -16, 4],
  [0x15, 3, 1, 7],
  [0x7a, 0x0b, -16, 3],
  [0xb7, 1, 0, 1],
  ...[2, 3, 4, 5].map((register): Row => [0xb7, register, 0, register]),
];

/** Arguments after the fifth, by functions whose types say how many they take. The main function is 0. */
const WITH_TYPES: Readonly<Record<string, { readonly rows: readonly Row[]; readonly functions: FunctionType[] }>> = {
  'arguments on the stack': {
    rows: [
      ...passSeven,
      [0x85, 0x10, 0, 1],
      EXIT,
      [0x79, 0xb2, 8, 0],
      [0x79, 0xb3, 16, 0],
      [0x0f, 0x32, 0, 0],
      ...isEqual(8),
    ],
    functions: [
      { name: 'main', slot: 0, takes: 'context' },
      { name: 'callee', slot: 13, takes: 7 },
    ],
  },
  'arguments on the stack, passed on': {
    rows: [
      ...passSeven,
      [0x85, 0x10, 0, 1],
      EXIT,
      [0x79, 0xb2, 16, 0],
      [0x79, 0xb6, 8, 0],
      [0x7b, 0x2b, -8, 0],
      ...[1, 2, 3, 4, 5].map((register): Row => [0xb7, register, 0, register]),
      [0x85, 0x10, 0, 6],
      [0xbf, 0x02, 0, 0],
      [0x0f, 0x62, 0, 0],
      ...isEqual(9),
      [0x79, 0xb0, 8, 0],
      EXIT,
    ],
    functions: [
      { name: 'main', slot: 0, takes: 'context' },
      { name: 'middle', slot: 13, takes: 7 },
      { name: 'innermost', slot: 28, takes: 6 },
    ],
  },
};

async function loadOrNull(referee: Referee, bytes: Uint8Array, types?: TypeData): Promise<Handle | null> {
  try {
    return await referee.load(bytes, types === undefined ? {} : { types });
  } catch (error) {
    if (error instanceof LoaderError && error.log !== '') return null;
    throw error;
  }
}

async function run({ referee, check, fact }: Guest): Promise<void> {
  const cgroup = await referee.createCgroup('instructions');
  const refused: string[] = [];
  const forms = [
    ...Object.entries(FORMS).map(([name, rows]) => ({ name, rows, types: undefined })),
    ...Object.entries(WITH_TYPES).map(([name, { rows, functions }]) => ({ name, rows, types: typeData(functions) })),
  ];
  for (const { name, rows, types } of forms) {
    await check(name, async () => {
      const bytes = assemble(...rows);
      const program = await loadOrNull(referee, bytes, types);
      if (program === null) {
        refused.push(name);
        return;
      }
      await referee.attach(cgroup, program, { flags: FLAGS.OVERRIDE });
      const { xlated } = await referee.info(program);
      const requests = biasedRequests([bytes], 150, new Random(1));
      const kernel = await referee.verdicts(cgroup, requests);
      const decoded = decode(xlated, 'little');
      assert.deepEqual(requests.map(interpreter.prepare(decoded, NO_ENVIRONMENT)), kernel, 'interpreter');
      assert.deepEqual(requests.map(evaluator().prepare(decoded, NO_ENVIRONMENT)), kernel, 'evaluator');
      await referee.close(program);
    });
  }
  await check('the verifier refuses no old form', () => {
    const old =
      /^(u8|u16 loads of the context|JMP32|JLT|call|bounded|division|32-bit|shift|atomic add|negative|context pointer through)/;
    assert.deepEqual(
      refused.filter((name) => old.test(name)),
      [],
    );
    return Promise.resolve();
  });
  for (const { name } of forms) fact(name, refused.includes(name) ? 'refused' : 'as the kernel');
  await check('tag', async () => {
    const program = await referee.load(assemble([0xb7, 0, 0, 1], EXIT));
    const { tag } = await referee.info(program);
    const hash = { '57cd311f2e27366b': 'SHA-1', b11459a0e11ca14c: 'SHA-256' }[tag];
    assert.notEqual(hash, undefined, tag);
    fact('tag', String(hash));
    await referee.close(program);
  });
  await referee.removeCgroup(cgroup);
}

export const instructions: Suite = { name: 'instructions', run };

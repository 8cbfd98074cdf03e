/** Hand-written programs asked about a grid of requests: evaluator and interpreter against what plain TypeScript says. */
import { expect } from 'vitest';
import { BddManager } from '../../../src/bdd/manager.js';
import { decode } from '../../../src/ebpf/decode.js';
import { interpret } from '../../../src/ebpf/interpreter/interpret.js';
import type { ByteOrder, MapContents, Program, ProgramEnvironment } from '../../../src/ebpf/types.js';
import type { DeviceRequest } from '../../../src/policy/types.js';
import { Evaluator } from '../../../src/symbolic/evaluate.js';
import { bytesOf, type Row } from '../../ebpf/bytes.js';
import { NO_ENVIRONMENT } from '../../ebpf/captures.js';
import { mapWith, verdictIn } from '../agreement.js';
import { hexKey, words } from '../program-bytes.js';

export type { Row };

export const EXIT: Row = [0x95, 0, 0, 0];
export const LOAD_MAJOR: Row = [0x61, 0x12, 4, 0];
export const LOAD_MINOR: Row = [0x61, 0x13, 8, 0];
export const ALLOW: readonly Row[] = [[0xb7, 0, 0, 1], EXIT];
export const DENY: readonly Row[] = [[0xb7, 0, 0, 0], EXIT];
/** Allow if the register is the immediate (sign-extended). */
export const isEqual = (register: number, immediate: number): Row[] => [
  [0x15, register, 2, immediate],
  ...DENY,
  ...ALLOW,
];
/** Allow if two registers are the same. */
export const areEqual = (a: number, b: number): Row[] => [[0x1d, a | (b << 4), 2, 0], ...DENY, ...ALLOW];
export const move = (to: number, from: number): Row => [0xbf, to | (from << 4), 0, 0];
export const set = (register: number, immediate: number): Row => [0xb7, register, 0, immediate];
export const wide = (register: number, value: bigint): Row[] => [
  [0x18, register, 0, Number(BigInt.asIntN(32, value))],
  [0, 0, 0, Number(BigInt.asIntN(32, value >> 32n))],
];
/** A map's address (source 1), the address of a place among its values (2), a function's (4). */
export const reference = (register: number, source: 1 | 2 | 4, immediate: number, next = 0): Row[] => [
  [0x18, register | (source << 4), 0, immediate],
  [0, 0, 0, next],
];

/** Opcodes by the number of bytes. */
const STORE: Readonly<Record<number, number>> = { 1: 0x73, 2: 0x6b, 4: 0x63, 8: 0x7b };
export const LOAD: Readonly<Record<number, number>> = { 1: 0x71, 2: 0x69, 4: 0x61, 8: 0x79 };
/** A register to the stack, or the stack to a register. */
export const store = (size: number, register: number, off: number): Row => [STORE[size]!, 10 | (register << 4), off, 0];
export const load = (size: number, register: number, off: number): Row => [LOAD[size]!, register | 0xa0, off, 0];

export const call = (helper: number): Row => [0x85, 0, 0, helper];

/** A row, or what becomes one when it is known where the functions lie: a call of function number `calls`, its address in a register (two rows). */
export type Linked = Row | { readonly calls: number } | { readonly addressOf: number; readonly register: number };

/** One program of functions, each behind the other; number 0 is the main one. */
export function link(...functions: readonly (readonly Linked[])[]): Row[] {
  const length = (item: Linked): number => ('addressOf' in item ? 2 : 1);
  const sizes = functions.map((items) => items.reduce((sum, item) => sum + length(item), 0));
  const start = (number: number): number => sizes.slice(0, number).reduce((sum, size) => sum + size, 0);
  const rows: Row[] = [];
  for (const item of functions.flat()) {
    const next = rows.length + 1;
    if ('calls' in item) rows.push([0x85, 0x10, start(item.calls) - next, 0]);
    else if ('addressOf' in item) rows.push(...reference(item.register, 4, start(item.addressOf) - next));
    else rows.push(item);
  }
  return rows;
}

/** An array map with these values, one to an index. */
export const arrayOf = (id: number, values: readonly number[]): MapContents =>
  mapWith({
    id,
    type: 'array',
    maxEntries: values.length,
    entries: new Map(values.map((value, i) => [hexKey(i), words(value)])),
  });

export function programOf(rows: readonly Row[], order: ByteOrder = 'little'): Program {
  return decode(bytesOf(rows, order), order);
}

const MAJORS = [0, 1, 7, 8, 255, 4095];
const MINORS = [0, 1, 2, 7, 8, 255, 256, 65535, 1048575];

/** Requests whose numbers lie at the edges of bytes and halves. */
export const GRID: readonly DeviceRequest[] = MAJORS.flatMap((major) =>
  MINORS.map((minor, i): DeviceRequest =>
    i % 2 === 0 ? { type: 'c', access: 2, major, minor } : { type: 'b', access: 4, major, minor },
  ),
).filter(({ major, minor }) => major !== 0 || minor !== 0);

/** What plain TypeScript says of a request: whether it is allowed, or why that is not known. */
export type Expected = (request: DeviceRequest) => boolean | string;

export interface Circumstances {
  readonly environment?: ProgramEnvironment;
  readonly order?: ByteOrder;
  /** The interpreter may know more than the evaluator, or less. */
  readonly evaluatorOnly?: boolean;
}

export function expectVerdicts(rows: readonly Row[], expected: Expected, circumstances: Circumstances = {}): void {
  const { environment = NO_ENVIRONMENT, order = 'little', evaluatorOnly = false } = circumstances;
  const program = programOf(rows, order);
  const manager = new BddManager();
  const result = new Evaluator(manager).evaluate(program, environment);
  const wrong: string[] = [];
  for (const request of GRID) {
    const answer = expected(request);
    const right = typeof answer === 'string' ? `undecided: ${answer}` : answer ? 'allow' : 'deny';
    const ours = verdictIn(manager, result, request);
    const theirs = evaluatorOnly ? null : interpreted(program, environment, request);
    if (ours !== right || (theirs !== null && theirs !== right.split(':')[0]))
      wrong.push(`${JSON.stringify(request)}: ${right}; evaluator ${ours}, interpreter ${String(theirs)}`);
  }
  expect(wrong.slice(0, 4)).toEqual([]);
}

function interpreted(program: Program, environment: ProgramEnvironment, request: DeviceRequest): string {
  const result = interpret(program, environment, request);
  if (result.outcome === 'undecided') return 'undecided';
  if (result.r0 === 0n) return 'deny';
  return result.retval === null ? 'undecided' : result.retval === 0 ? 'allow' : 'deny';
}

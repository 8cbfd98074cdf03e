/**
 * Random device programs that the kernel's verifier accepts nearly always (what it refuses is counted and replaced): all ALU and JMP classes, shifts by
 * register, what compilers write for remainders and the like, byte order conversions, narrow and sign-extending loads, spills of any width, atomics on the stack, bounded loops and bpf-to-bpf calls.
 *
 * Registers: r6 holds the context, r9 is the counter of loops; r0, r2 to r5, r7 and r8 are scalars. Which registers and stack bytes are initialised is
 * tracked the way the verifier does, the intersection where paths meet.
 */
import type { Row } from '../kernel/assemble.js';
import { assemble } from '../kernel/assemble.js';
import { emitArithmetic, emitConstant, emitLoad } from './generate-arithmetic.js';
import { generateIdiom } from './generate-idioms.js';
import { Random } from './random.js';

export interface GeneratedProgram {
  seed: number;
  bytes: Uint8Array;
}

/** What the generator knows at the point it writes at. */
export class Scope {
  readonly random: Random;
  readonly rows: Row[] = [];
  /** Initialised scalar registers. */
  scalars: Set<number>;
  /** Initialised stack bytes, as distance below r10 (1 to 64). */
  stack: Set<number>;
  /** Functions that may be called, and where calls to them stand. */
  readonly calls: { row: number; callee: number }[];
  readonly callees: number;
  loopDepth = 0;
  constructor(random: Random, calls: { row: number; callee: number }[], callees: number, scalars: number[]) {
    this.random = random;
    this.calls = calls;
    this.callees = callees;
    this.scalars = new Set(scalars);
    this.stack = new Set();
  }
  emit(...rows: Row[]): void {
    this.rows.push(...rows);
  }
  /** An initialised scalar; makes one if there is none. */
  source(): number {
    if (this.scalars.size === 0) emitLoad(this, 7);
    return this.random.pick([...this.scalars]);
  }
}

const CONTEXT = 6;
const COUNTER = 9;
const WORKING = [0, 2, 3, 4, 5, 7, 8];
const STACK_BYTES = 64;

export function generateProgram(seed: number): GeneratedProgram {
  const random = new Random(seed);
  const callees = random.chance(30) ? 1 + random.below(2) : 0;
  const calls: { row: number; callee: number }[] = [];
  const rows: Row[] = [];
  const entries: number[] = [];
  for (let index = 0; index <= callees; index++) {
    entries.push(rows.length);
    const start = rows.length;
    const scope = new Scope(random, [], callees - index, index === 0 ? [] : [2, 3]);
    scope.emit([0xbf, 0x10 | CONTEXT, 0, 0]); // r6 = context: the argument of main, and of each callee
    generateBlock(scope, 4 + random.below(index === 0 ? 14 : 6), 0);
    // A function that nobody calls is unreachable code, which the verifier refuses.
    if (index < callees && !scope.calls.some(({ callee }) => callee === 0)) generateCall(scope, 0);
    generateEnd(scope);
    rows.push(...scope.rows);
    // A function calls only those after it: no recursion.
    for (const call of scope.calls) calls.push({ row: start + call.row, callee: index + 1 + call.callee });
  }
  for (const { row, callee } of calls) {
    const target = entries[callee] ?? 0;
    rows[row] = [0x85, 0x10, 0, target - row - 1];
  }
  return { seed, bytes: assemble(...rows) };
}

function generateBlock(scope: Scope, statements: number, depth: number): void {
  for (let index = 0; index < statements; index++) generateStatement(scope, depth);
}

function generateStatement(scope: Scope, depth: number): void {
  const { random } = scope;
  const roll = random.below(100);
  if (roll < 22) emitLoad(scope, random.pick(WORKING));
  else if (roll < 58) emitArithmetic(scope, WORKING);
  else if (roll < 61) emitConstant(scope, random.pick(WORKING));
  else if (roll < 63 && scope.loopDepth === 0) generateIdiom(scope);
  else if (roll < 73) generateStackAccess(scope);
  else if (roll < 76) generateAtomic(scope);
  else if (roll < 78) generateContextSpill(scope);
  else if (roll < 92 && depth < 3) generateBranch(scope, depth);
  else if (roll < 95 && scope.loopDepth === 0 && depth < 2) generateLoop(scope);
  else if (roll < 99 && scope.callees > 0 && scope.loopDepth === 0) generateCall(scope);
  else if (depth > 0 && roll < 97) generateEarlyExit(scope);
  else emitArithmetic(scope, WORKING);
}

/** Conditional jumps of both widths and all comparisons. Immediates are what device programs compare with, and the edges of the widths. */
function condition(scope: Scope): { row: (offset: number) => Row } {
  const { random } = scope;
  if (random.chance(55)) return fieldCondition(scope);
  const left = scope.source();
  const operation = random.pick([0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]);
  const width = random.chance(50) ? 0x05 : 0x06;
  if (random.chance(30)) {
    const right = scope.source();
    return { row: (offset) => [operation | width | 0x08, (right << 4) | left, offset, 0] };
  }
  const immediate = interestingImmediate(random);
  return { row: (offset) => [operation | width, left, offset, immediate] };
}

/** A comparison of one field of the request with a number it can have: without these, most random programs would not look at their input. */
function fieldCondition(scope: Scope): { row: (offset: number) => Row } {
  const { random } = scope;
  const register = random.pick(WORKING);
  const [load, offset, values] = random.pick<[number, number, number[]]>([
    [0x69, 0, [1, 2]],
    [0x69, 2, [0, 1, 2, 4, 6, 3, 5]],
    [0x61, 0, [0x20002, 0x60002, 0x10001, 0x40001, 2]],
    [0x61, 4, [1, 5, 10, 136, 195, 226, 511, 4095]],
    [0x61, 8, [0, 3, 64, 127, 200, 255, 256, 65535, 1048575]],
  ]);
  scope.emit([load, (CONTEXT << 4) | register, offset, 0]);
  scope.scalars.add(register);
  if (random.chance(20)) emitArithmetic(scope, [register]);
  const operation = random.pick([0x10, 0x10, 0x50, 0x50, 0x20, 0x30, 0x40, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]);
  const width = random.chance(50) ? 0x05 : 0x06;
  const value = random.pick(values);
  return { row: (distance) => [operation | width, register, distance, value] };
}

export function interestingImmediate(random: Random): number {
  return random.pick([
    () => random.below(8),
    () => random.below(16),
    () => random.below(256),
    () => random.below(4096),
    () => random.below(1048576),
    () => 1 << random.below(32),
    () => (1 << random.below(32)) - 1,
    () => -1 - random.below(4),
    () => random.pick([0x7fffffff, -0x80000000, 0x10002, 0x20001, 0x60002, 0xffff, 0x10000, 4095, 1048575]),
    () => random.bits() | 0,
  ])();
}

function generateBranch(scope: Scope, depth: number): void {
  if (scope.random.chance(60)) emitLoad(scope, scope.random.pick(WORKING));
  const test = condition(scope);
  const at = scope.rows.length;
  scope.emit(test.row(0));
  const before = { scalars: new Set(scope.scalars), stack: new Set(scope.stack) };
  generateBlock(scope, 1 + scope.random.below(4), depth + 1);
  if (scope.random.chance(40)) {
    const skip = scope.rows.length;
    // Both forms of an unconditional jump: `ja` with a 16-bit and `gotol` with a 32-bit offset (RFC 9669, 4.3).
    const long = scope.random.chance(30);
    scope.emit([long ? 0x06 : 0x05, 0, 0, 0]);
    scope.rows[at] = test.row(scope.rows.length - at - 1);
    const afterThen = { scalars: scope.scalars, stack: scope.stack };
    scope.scalars = new Set(before.scalars);
    scope.stack = new Set(before.stack);
    generateBlock(scope, 1 + scope.random.below(3), depth + 1);
    const distance = scope.rows.length - skip - 1;
    scope.rows[skip] = long ? [0x06, 0, 0, distance] : [0x05, 0, distance, 0];
    meet(scope, afterThen);
  } else {
    scope.rows[at] = test.row(scope.rows.length - at - 1);
    meet(scope, before);
  }
}

function meet(scope: Scope, other: { scalars: Set<number>; stack: Set<number> }): void {
  scope.scalars = new Set([...scope.scalars].filter((register) => other.scalars.has(register)));
  scope.stack = new Set([...scope.stack].filter((byte) => other.stack.has(byte)));
}

function generateStackAccess(scope: Scope): void {
  const { random } = scope;
  const size = random.pick([1, 2, 4, 8]);
  const mode = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 }[size] ?? 0;
  const distance = size * (1 + random.below(STACK_BYTES / size));
  const bytes = Array.from({ length: size }, (_, index) => distance - index);
  if (random.chance(55) && bytes.every((byte) => scope.stack.has(byte))) {
    const register = random.pick(WORKING);
    // 0x80: sign-extending loads exist for 1, 2 and 4 bytes (RFC 9669, 5.2).
    const load = size < 8 && random.chance(25) ? 0x81 : 0x61;
    scope.emit([load | mode, 0xa0 | register, -distance, 0]);
    scope.scalars.add(register);
    return;
  }
  if (random.chance(25)) scope.emit([0x62 | mode, 0x0a, -distance, interestingImmediate(random)]);
  else scope.emit([0x63 | mode, (scope.source() << 4) | 0x0a, -distance, 0]);
  for (const byte of bytes) scope.stack.add(byte);
}

function generateAtomic(scope: Scope): void {
  const { random } = scope;
  const size = random.pick([4, 8]);
  const distance = size * (1 + random.below(STACK_BYTES / size));
  const opcode = size === 8 ? 0xdb : 0xc3;
  const source = scope.source();
  if (!Array.from({ length: size }, (_, index) => distance - index).every((byte) => scope.stack.has(byte))) {
    scope.emit([size === 8 ? 0x7b : 0x63, (source << 4) | 0x0a, -distance, 0]);
    for (let byte = 0; byte < size; byte++) scope.stack.add(distance - byte);
  }
  const operation = random.pick([0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1]);
  if (operation === 0xf1 && !scope.scalars.has(0)) emitLoad(scope, 0); // compare-and-exchange reads and writes r0
  scope.emit([opcode, (source << 4) | 0x0a, -distance, operation]);
}

/** The context pointer through the stack and back, then a load through the copy. The copy is forgotten: pointers take no arithmetic. */
function generateContextSpill(scope: Scope): void {
  const register = scope.random.pick([2, 3, 4, 5, 7, 8]);
  const distance = 8 * (9 + scope.random.below(4)); // apart from the scalar slots
  scope.emit([0x7b, (CONTEXT << 4) | 0x0a, -distance, 0], [0x79, 0xa0 | register, -distance, 0]);
  scope.emit([0x61, (register << 4) | register, scope.random.pick([0, 4, 8]), 0]);
  scope.scalars.add(register);
}

/** `do { body } while (--counter > 0)` or counting up, with a constant or a small input as the bound. */
function generateLoop(scope: Scope): void {
  const { random } = scope;
  scope.loopDepth++;
  const down = random.chance(50);
  if (down && random.chance(50)) {
    scope.emit([0xbf, (scope.source() << 4) | COUNTER, 0, 0], [0x57, COUNTER, 0, 3]);
  } else {
    scope.emit([0xb7, COUNTER, 0, down ? 1 + random.below(6) : 0]);
  }
  const start = scope.rows.length;
  const body = 1 + random.below(4);
  for (let index = 0; index < body; index++) {
    if (random.chance(70)) emitArithmetic(scope, [...WORKING]);
    else generateStackAccess(scope);
  }
  if (random.chance(40)) generateBranch(scope, 2);
  if (down) scope.emit([0x17, COUNTER, 0, 1]);
  else scope.emit([0x07, COUNTER, 0, 1]);
  const back = start - scope.rows.length - 1;
  scope.emit(down ? [0x65, COUNTER, back, 0] : [0xa5, COUNTER, back, 1 + random.below(6)]);
  scope.loopDepth--;
}

function generateCall(scope: Scope, callee: number = scope.random.below(scope.callees)): void {
  scope.emit([0xbf, (CONTEXT << 4) | 1, 0, 0]);
  // r3 first from any source, then r2: a source may be either of them.
  scope.emit([0xbf, (scope.source() << 4) | 3, 0, 0]);
  scope.scalars.add(3);
  scope.emit([0xbf, (scope.source() << 4) | 2, 0, 0]);
  scope.calls.push({ row: scope.rows.length, callee });
  scope.emit([0x85, 0x10, 0, 0]);
  for (const register of [2, 3, 4, 5]) scope.scalars.delete(register);
  scope.scalars.add(0);
}

function generateEarlyExit(scope: Scope): void {
  // Behind a condition of its own, so that the statements after it stay reachable.
  const test = condition(scope);
  scope.emit(test.row(2), [0xb7, 0, 0, scope.random.below(2)], [0x95, 0, 0, 0]);
}

/** The return value must be 0 or 1 at every exit (kernel/bpf/verifier.c, check_return_code). */
function generateEnd(scope: Scope): void {
  const { random } = scope;
  if (random.chance(35)) {
    scope.emit([0xbf, scope.source() << 4, 0, 0], [0x57, 0, 0, 1], [0x95, 0, 0, 0]);
    return;
  }
  const test = condition(scope);
  const value = random.below(2);
  scope.emit(test.row(2), [0xb7, 0, 0, value], [0x95, 0, 0, 0], [0xb7, 0, 0, 1 - value], [0x95, 0, 0, 0]);
}

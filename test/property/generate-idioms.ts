/**
 * What compilers write instead of an operation, with numbers that are mostly right and sometimes just not: remainders by quotient, product and
 * subtraction, quotients by reciprocal, cuts by shifting up and down, distances without sign. Whoever takes them for what they stand for must look closely.
 */
import type { Row } from '../kernel/assemble.js';
import { emitLoad } from './generate-arithmetic.js';
import { interestingImmediate, type Scope } from './generate-program.js';
import type { Random } from './random.js';

const REGISTERS = [2, 3, 4, 5, 7, 8];
const MOV = 0xbf;
const WIDTHS = [0x07, 0x07, 0x04];

/** Leaves something in a register that decides: a comparison of it ends the function for some requests. */
export function generateIdiom(scope: Scope): void {
  const { random } = scope;
  const [number, other, scratch] = threeOf(random);
  emitOperand(scope, number);
  emitOperand(scope, other);
  random.pick([remainder, remainder, remainderOnTwoWays, distance, cut])(scope, number, other, scratch);
  for (const register of [other, scratch]) scope.scalars.delete(register);
  scope.scalars.add(number);
  const comparison = random.pick([0x15, 0x55, 0x25, 0x35, 0xa5, 0x65, 0xc5, 0x16, 0x26]);
  const value = random.chance(70) ? random.below(24) : interestingImmediate(random);
  scope.emit([comparison, number, 2, value], [0xb7, 0, 0, random.below(2)], [0x95, 0, 0, 0]);
}

type Idiom = (scope: Scope, number: number, other: number, scratch: number) => void;

function threeOf(random: Random): [number, number, number] {
  const left = [...REGISTERS];
  const take = (): number => left.splice(random.below(left.length), 1)[0]!;
  return [take(), take(), take()];
}

/** A field of the request, whole or in part. */
function emitOperand(scope: Scope, register: number): void {
  const { random } = scope;
  emitLoad(scope, register);
  if (random.chance(30)) scope.emit([0x57, register, 0, random.pick([7, 63, 255, 4095, 0xffff])]);
  if (random.chance(15)) scope.emit([0x67, register, 0, random.below(36)]);
}

/** number % c, where it comes out right. */
const remainder: Idiom = (scope, number, other, scratch) => {
  emitSum(scope, number, other);
  emitMultiple(scope, number, other, scratch);
  emitDifference(scope, number, other);
};

/** The subtraction stands behind the place where two ways meet. */
const remainderOnTwoWays: Idiom = (scope, number, other, scratch) => {
  const { random } = scope;
  const at = scope.rows.length;
  const test = (offset: number): Row => [random.chance(50) ? 0x25 : 0x15, other, offset, random.below(300)];
  scope.emit(test(0));
  if (random.chance(50)) emitSum(scope, number, other);
  emitMultiple(scope, number, other, scratch);
  const skip = scope.rows.length;
  scope.emit([0x05, 0, 0, 0]);
  scope.rows[at] = test(skip - at);
  if (random.chance(50)) emitSum(scope, number, other);
  emitMultiple(scope, number, other, scratch);
  scope.rows[skip] = [0x05, 0, scope.rows.length - skip - 1, 0];
  emitDifference(scope, number, other);
};

/** |number - other| */
const distance: Idiom = (scope, number, other) => {
  const { random } = scope;
  const width = random.pick(WIDTHS);
  scope.emit([0x18 | width, (other << 4) | number, 0, 0]);
  if (random.chance(50)) scope.emit([random.chance(70) ? 0x75 : 0x76, number, 1, 0], [0x80 | width, number, 0, 0]);
  else scope.emit([0x75, number, 1, -1], [0x80 | width, number, 0, 0]);
};

const cut: Idiom = (scope, number, other) => {
  emitSum(scope, number, other);
  emitCut(scope, number);
};

function emitSum(scope: Scope, number: number, other: number): void {
  const { random } = scope;
  if (random.chance(40)) scope.emit([random.pick([0x27, 0x24]), number, 0, random.pick([2, 3, 31, 100, 100000])]);
  const operation = random.pick([0x0f, 0x0f, 0x0c, 0x2f, 0x2c, 0xaf, 0x1f]);
  if (random.chance(70)) scope.emit([operation, (other << 4) | number, 0, 0]);
  if (random.chance(50)) emitCut(scope, number);
}

/** Shifts up and down: mostly a cut to 32 bits, sometimes another, and sometimes none that cuts. */
function emitCut(scope: Scope, register: number): void {
  const { random } = scope;
  const [up, down] = random.chance(50) ? [0x67, 0x77] : [random.pick([0x67, 0x64]), random.pick([0x77, 0x74, 0xc7])];
  const by = random.chance(50) ? 32 : 1 + random.below(31);
  const within = (opcode: number, count: number): number => ((opcode & 7) === 4 ? count % 32 : count);
  const back = random.chance(90) ? by : random.below(40);
  scope.emit([up, register, 0, within(up, by)], [down, register, 0, within(down, back)]);
}

/** other = number / c * c */
function emitMultiple(scope: Scope, number: number, other: number, scratch: number): void {
  const { random } = scope;
  const by = random.pick([2, 3, 5, 7, 10, 16, 48, 97, 100, 251, 1000, 1024, 1025]);
  scope.emit([random.chance(80) ? MOV : 0xbc, (number << 4) | other, 0, 0]);
  if (random.chance(50)) {
    scope.emit([0x30 | random.pick(WIDTHS), other, 0, by]);
  } else {
    const shift = 32 + random.below(5);
    const reciprocal = Math.ceil(2 ** shift / by) + (random.chance(80) ? 0 : random.below(3) - 1);
    scope.emit([0x18, scratch, 0, reciprocal | 0], [0, 0, 0, Math.floor(reciprocal / 2 ** 32)]);
    scope.emit([0x2f, (scratch << 4) | other, 0, 0], [0x77, other, 0, shift]);
  }
  if (random.chance(30)) emitCut(scope, other);
  scope.emit([0x20 | random.pick(WIDTHS), other, 0, random.chance(90) ? by : by + 1]);
}

function emitDifference(scope: Scope, number: number, other: number): void {
  scope.emit([0x18 | scope.random.pick(WIDTHS), (other << 4) | number, 0, 0]);
  if (scope.random.chance(30)) emitCut(scope, number);
}

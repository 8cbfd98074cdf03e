/** Straight-line parts of random programs: loads from the context, constants, ALU instructions of both widths. */
import type { Scope } from './generate-program.js';
import { interestingImmediate } from './generate-program.js';

const CONTEXT = 6;

/** The loads that the verifier allows (kernel/bpf/cgroup.c, cgroup_dev_is_valid_access): the first word in any narrow form, the numbers as words. */
const CONTEXT_LOADS: readonly [opcode: number, offset: number][] = [
  ...([
    [0x61, 0],
    [0x61, 4],
    [0x61, 8],
  ] as [number, number][]),
  ...([
    [0x61, 4],
    [0x61, 8],
    [0x61, 0],
  ] as [number, number][]),
  ...([
    [0x69, 0],
    [0x69, 2],
    [0x71, 0],
    [0x71, 1],
    [0x71, 2],
    [0x71, 3],
  ] as [number, number][]),
  // Sign-extending, kernels since 6.6.
  ...([
    [0x81, 4],
    [0x81, 8],
    [0x89, 0],
    [0x89, 2],
    [0x91, 0],
    [0x91, 2],
  ] as [number, number][]),
];

export function emitLoad(scope: Scope, register: number): void {
  const [opcode, offset] = scope.random.pick(CONTEXT_LOADS);
  scope.emit([opcode, (CONTEXT << 4) | register, offset, 0]);
  scope.scalars.add(register);
}

export function emitConstant(scope: Scope, register: number): void {
  const { random } = scope;
  const high = random.chance(50) ? interestingImmediate(random) : 0;
  if (random.chance(50)) scope.emit([0x18, register, 0, interestingImmediate(random)], [0, 0, 0, high]);
  else scope.emit([random.chance(50) ? 0xb7 : 0xb4, register, 0, interestingImmediate(random)]);
  scope.scalars.add(register);
}

const ADD = 0x00;
const SHIFTS = [0x60, 0x70, 0xc0];
const DIVISIONS = [0x30, 0x90];
/** add, sub, mul, or, and, xor; and their share. */
const COMMON = [ADD, 0x10, 0x20, 0x40, 0x50, 0x50, 0xa0];

export function emitArithmetic(scope: Scope, registers: readonly number[]): void {
  const { random } = scope;
  const initialised = registers.filter((register) => scope.scalars.has(register));
  if (initialised.length === 0) {
    emitLoad(scope, 7);
    return;
  }
  const target = random.pick(initialised);
  const width = random.chance(50) ? 0x07 : 0x04;
  const roll = random.below(100);
  if (roll < 50) emitBinary(scope, random.pick(COMMON), width, target);
  else if (roll < 65) emitShift(scope, width, target);
  else if (roll < 77) emitDivision(scope, width, target);
  else if (roll < 87) emitMove(scope, width, random.pick(registers));
  else if (roll < 92)
    scope.emit([0x80 | width, target, 0, 0]); // negation
  else emitByteOrder(scope, target);
}

function emitBinary(scope: Scope, operation: number, width: number, target: number): void {
  if (scope.random.chance(45)) scope.emit([operation | width | 0x08, (scope.source() << 4) | target, 0, 0]);
  else scope.emit([operation | width, target, 0, interestingImmediate(scope.random)]);
}

/** An immediate count must be below the width; a count in a register is taken modulo the width. */
function emitShift(scope: Scope, width: number, target: number): void {
  const { random } = scope;
  const operation = random.pick(SHIFTS);
  if (random.chance(50)) scope.emit([operation | width | 0x08, (scope.source() << 4) | target, 0, 0]);
  else scope.emit([operation | width, target, 0, random.below(width === 0x07 ? 64 : 32)]);
}

/** Offset 1: signed (RFC 9669, 4.1). The verifier refuses a constant zero divisor and guards a register. */
function emitDivision(scope: Scope, width: number, target: number): void {
  const { random } = scope;
  const operation = random.pick(DIVISIONS);
  const signed = random.chance(35) ? 1 : 0;
  if (random.chance(50)) {
    scope.emit([operation | width | 0x08, (scope.source() << 4) | target, signed, 0]);
    return;
  }
  const divisor = interestingImmediate(random);
  scope.emit([operation | width, target, signed, divisor === 0 ? 7 : divisor]);
}

/** Plain and sign-extending moves; sign extension from 32 bits exists for the 64-bit width only. */
function emitMove(scope: Scope, width: number, target: number): void {
  const { random } = scope;
  const from = random.chance(60) ? random.pick(width === 0x07 ? [8, 16, 32] : [8, 16]) : 0;
  scope.emit([0xb8 | width, (scope.source() << 4) | target, from, 0]);
  scope.scalars.add(target);
}

/** To little, to big, and the unconditional swap. */
function emitByteOrder(scope: Scope, target: number): void {
  scope.emit([scope.random.pick([0xd4, 0xdc, 0xd7]), target, 0, scope.random.pick([16, 32, 64])]);
}

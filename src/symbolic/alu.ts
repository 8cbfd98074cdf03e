import type { BddManager, Ref } from '../bdd/manager.js';
import type { AluOp, JmpOp, Width } from '../ebpf/types.js';
import {
  add,
  divideSigned,
  divideUnsigned,
  moduloSigned,
  moduloUnsigned,
  multiply,
  negate,
  subtract,
} from './arithmetic.js';
import {
  anyCommonBit,
  bitwiseAnd,
  bitwiseOr,
  bitwiseXor,
  equal,
  lessSigned,
  lessUnsigned,
  zeroExtend,
  type BitVector,
} from './bitvector.js';
import { shiftLeft, shiftRightArithmetic, shiftRightLogical } from './shift.js';

type BinaryOperation = (m: BddManager, a: BitVector, b: BitVector) => BitVector;

const OPERATIONS: Record<AluOp, BinaryOperation> = {
  add: (m, a, b) => add(m, a, b),
  sub: subtract,
  mul: multiply,
  div: divideUnsigned,
  mod: moduloUnsigned,
  sdiv: divideSigned,
  smod: moduloSigned,
  or: bitwiseOr,
  and: bitwiseAnd,
  xor: bitwiseXor,
  lsh: shiftLeft,
  rsh: shiftRightLogical,
  arsh: shiftRightArithmetic,
  mov: (_m, _a, b) => b,
  neg: (m, a) => negate(m, a),
};

/** dst OP src on 64-bit registers (RFC 9669 section 4.1); a 32-bit operation uses the low halves and clears the upper half of the result. */
export function aluResult(m: BddManager, op: AluOp, width: Width, dst: BitVector, src: BitVector): BitVector {
  if (width === 64) return OPERATIONS[op](m, dst, src);
  return zeroExtend(OPERATIONS[op](m, dst.slice(0, 32), src.slice(0, 32)), 64);
}

type Comparison = (m: BddManager, a: BitVector, b: BitVector) => Ref;

const COMPARISONS: Record<JmpOp, Comparison> = {
  eq: equal,
  ne: (m, a, b) => equal(m, a, b) ^ 1,
  gt: (m, a, b) => lessUnsigned(m, b, a),
  ge: (m, a, b) => lessUnsigned(m, a, b) ^ 1,
  lt: lessUnsigned,
  le: (m, a, b) => lessUnsigned(m, b, a) ^ 1,
  set: anyCommonBit,
  sgt: (m, a, b) => lessSigned(m, b, a),
  sge: (m, a, b) => lessSigned(m, a, b) ^ 1,
  slt: lessSigned,
  sle: (m, a, b) => lessSigned(m, b, a) ^ 1,
};

/** The condition under which a conditional jump is taken (RFC 9669 section 4.3); width 32 compares the low halves only. */
export function branchCondition(m: BddManager, op: JmpOp, width: Width, dst: BitVector, src: BitVector): Ref {
  if (width === 64) return COMPARISONS[op](m, dst, src);
  return COMPARISONS[op](m, dst.slice(0, 32), src.slice(0, 32));
}

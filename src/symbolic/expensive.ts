/** Products, quotients and remainders: by diagrams, or by a table of the operands' different bits where diagrams become large. */
import { BddBudgetError, type BddManager } from '../bdd/manager.js';
import type { AluOp, Width } from '../ebpf/types.js';
import { aluResult } from './alu.js';
import { zeroExtend, type BitVector } from './bitvector.js';
import { aluByTable, MOST_TABLE_BITS, tableBits } from './truth-table.js';
import type { BitMask } from './word.js';

/** Operations whose diagrams can be exponentially larger than those of their operands, even with one constant operand. */
export const EXPENSIVE: ReadonlySet<AluOp> = new Set(['mul', 'div', 'mod', 'sdiv', 'smod']);

/** Below this many different operand bits a table is always the faster way. */
const FEW_TABLE_BITS = 11;
/** What diagrams may cost before a table is made instead. */
const STEPS_BEFORE_TABLE = 200_000;

/** Operands may be narrower than `width`, zeros above. */
export function expensive(
  m: BddManager,
  op: AluOp,
  width: Width,
  mask: BitMask,
  x: BitVector,
  y: BitVector,
): BitVector {
  const atoms = tableBits(m, x, y);
  const byTable = (): BitVector => aluByTable(m, op, width, mask, x, y, atoms);
  const byDiagrams = (): BitVector =>
    op === 'mul' ? zeroExtend(aluResult(m, op, 64, x, y), 64) : aluResult(m, op, width, x, y);
  if (atoms.length <= FEW_TABLE_BITS) return byTable();
  if (atoms.length > MOST_TABLE_BITS) return byDiagrams();
  try {
    return m.withBudget({ steps: STEPS_BEFORE_TABLE }, byDiagrams);
  } catch (error) {
    if (!(error instanceof BddBudgetError)) throw error;
    return byTable();
  }
}

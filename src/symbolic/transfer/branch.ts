import { FALSE, type Ref } from '../../bdd/manager.js';
import type { Instruction, JmpOp, Width } from '../../ebpf/types.js';
import { branchCondition } from '../alu.js';
import { constantValue, equal } from '../bitvector.js';
import type { Machine } from '../machine.js';
import type { MachineState } from '../state.js';
import { isOnePiece, isScalarWhere, simplifyUnder, type PointerAlternative, type Value } from '../value.js';
import { compareByTable } from '../table-evaluation.js';
import { compareByRange } from '../value-range.js';
import { ALL_BITS, isPending, mapBits, maskOf, type Word } from '../word.js';
import { operandValue, readRegister } from './registers.js';

/** Where the jump is taken; what this says outside the state's path means nothing. */
export function takenWhere(machine: Machine, state: MachineState, instruction: Instruction & { op: 'branch' }): Ref {
  const a = readRegister(machine, state, instruction.dst);
  const b = operandValue(machine, state, instruction.src);
  return compareValues(machine, state, instruction.jmp, instruction.width, a, b);
}

function compareValues(machine: Machine, state: MachineState, op: JmpOp, width: Width, a: Value, b: Value): Ref {
  const m = machine.manager;
  if (a.pointers.length === 0 && b.pointers.length === 0) return compareWords(machine, op, width, a.word, b.word);
  const [x, y] = [simplifyUnder(m, state.path, a), simplifyUnder(m, state.path, b)];
  let taken = compareWords(machine, op, width, x.word, y.word);
  const put = (guard: Ref, condition: () => Ref): void => {
    if (m.and(state.path, guard) !== FALSE) taken = m.ite(guard, condition(), taken);
  };
  const [xNumber, yNumber] = [isScalarWhere(m, x), isScalarWhere(m, y)];
  for (const p of x.pointers) {
    put(m.and(p.guard, yNumber), () => againstNumber(machine, state, op, width, y));
    for (const q of y.pointers) put(m.and(p.guard, q.guard), () => againstPointer(machine, op, width, p, q));
  }
  for (const q of y.pointers) put(m.and(q.guard, xNumber), () => againstNumber(machine, state, op, width, x));
  return taken;
}

/** The same comparison with its sides exchanged. */
const MIRRORED: Record<JmpOp, JmpOp> = {
  eq: 'eq',
  ne: 'ne',
  set: 'set',
  gt: 'lt',
  ge: 'le',
  lt: 'gt',
  le: 'ge',
  sgt: 'slt',
  sge: 'sle',
  slt: 'sgt',
  sle: 'sge',
};

/** Compares numbers, working out no more of them than decides: the tested bits, or the low halves. */
function compareWords(machine: Machine, op: JmpOp, width: Width, a: Word, b: Word): Ref {
  const m = machine.manager;
  if (isPending(b) && !isPending(a)) return compareWords(machine, MIRRORED[op], width, b, a);
  const limit = isPending(b) ? null : constantValue(b.need(ALL_BITS).slice(0, width));
  const byRange = limit === null ? null : compareByRange(m, op, width, a, limit);
  if (byRange !== null) return byRange;
  return machine.tables.either(
    [a, b],
    () => compareNumbers(machine, op, width, a, b),
    (tableInputs) => compareByTable(m, op, width, a, b, tableInputs),
  );
}

function compareNumbers(machine: Machine, op: JmpOp, width: Width, a: Word, b: Word): Ref {
  const m = machine.manager;
  const all = maskOf(0, width);
  const y = b.need(all);
  const limit = constantValue(y.slice(0, width));
  const tested = op === 'set' ? (limit ?? all) : all;
  const x = a.need(tested);
  const { inputs } = machine;
  if (inputs.mixes(x.slice(0, width), y.slice(0, width)))
    return machine.freshBit(inputs.reasonsIn([...x, ...y]).join());
  if (tested === all) return branchCondition(m, op, width, x, y);
  return branchCondition(
    m,
    op,
    width,
    mapBits(tested, (i) => x[i]!),
    y,
  );
}

/** A valid pointer is not null; how it compares with any other number nobody knows. */
function againstNumber(machine: Machine, state: MachineState, op: JmpOp, width: Width, other: Value): Ref {
  const m = machine.manager;
  if (width === 64 && (op === 'eq' || op === 'ne')) {
    let zero: Ref = 0;
    for (const bit of other.word.need(ALL_BITS)) zero = m.and(zero, bit ^ 1);
    if (m.isSubset(m.and(state.path, isScalarWhere(m, other)), zero)) return op === 'eq' ? FALSE : FALSE ^ 1;
  }
  return machine.freshBit('kernel-memory');
}

function againstPointer(machine: Machine, op: JmpOp, width: Width, p: PointerAlternative, q: PointerAlternative): Ref {
  const m = machine.manager;
  if (width === 64 && p.region === q.region && isOnePiece(p.region)) {
    if (op === 'eq') return equal(m, p.offset, q.offset);
    if (op === 'ne') return equal(m, p.offset, q.offset) ^ 1;
  }
  return machine.freshBit('kernel-memory');
}

import { FALSE, type Ref } from '../../bdd/manager.js';
import type { AluOp, Instruction, Operand, Width } from '../../ebpf/types.js';
import { aluResult } from '../alu.js';
import { aluWord } from '../alu-word.js';
import { constant, constantValue, ZERO64, zeroExtend, type BitVector } from '../bitvector.js';
import type { Machine } from '../machine.js';
import { isPerCpu } from '../map-image.js';
import type { MachineState } from '../state.js';
import {
  isOnePiece,
  isScalarWhere,
  pointer,
  scalar,
  scalarWord,
  selectValue,
  simplifyUnder,
  type PointerAlternative,
  type Region,
  type Value,
} from '../value.js';
import { ALL_BITS, bytesOf, isPending, selectWord, signExtendWord, wordFromBytes, wordOf, type Word } from '../word.js';
import { operandValue, readRegister } from './registers.js';

export function transferAlu(machine: Machine, state: MachineState, instruction: Instruction & { op: 'alu' }): void {
  const { alu, width, dst, src } = instruction;
  // The kernel clears scratch registers with r ^= r before anything was written to them (kernel/bpf/verifier.c, div and mod guards).
  if ((alu === 'xor' || alu === 'sub') && sameRegister(dst, src)) {
    state.registers[dst] = scalar(ZERO64);
    return;
  }
  const b = operandValue(machine, state, src);
  const a = alu === 'mov' ? b : readRegister(machine, state, dst);
  state.registers[dst] = aluValue(machine, state, alu, width, a, b);
}

function sameRegister(dst: number, src: Operand): boolean {
  return 'reg' in src && src.reg === dst;
}

export function transferMovsx(machine: Machine, state: MachineState, instruction: Instruction & { op: 'movsx' }): void {
  const source = wordIn(machine, state, readRegister(machine, state, instruction.src));
  const result = signExtendWord(source, instruction.bits, instruction.width);
  state.registers[instruction.dst] = scalarWord(result);
}

export function transferEndian(
  machine: Machine,
  state: MachineState,
  instruction: Instruction & { op: 'endian' },
): void {
  const source = wordIn(machine, state, readRegister(machine, state, instruction.dst));
  const swap = instruction.to === 'swap' || instruction.to !== (machine.littleEndian ? 'little' : 'big');
  const bytes = bytesOf(source, instruction.bits / 8);
  state.registers[instruction.dst] = scalarWord(wordFromBytes(swap ? bytes.reverse() : bytes));
}

/** The value as a number; where it is a pointer, an unknown one. */
export function wordIn(machine: Machine, state: MachineState, value: Value): Word {
  const simple = simplifyUnder(machine.manager, state.path, value);
  if (simple.pointers.length === 0) return simple.word;
  const pointing = isScalarWhere(machine.manager, simple) ^ 1;
  return selectWord(machine.manager, pointing, wordOf(machine.fresh('kernel-memory')), simple.word);
}

export function numberOf(machine: Machine, state: MachineState, value: Value): BitVector {
  return wordIn(machine, state, value).need(ALL_BITS);
}

function aluValue(machine: Machine, state: MachineState, op: AluOp, width: Width, a: Value, b: Value): Value {
  if (op === 'mov' && width === 64) return b;
  if (a.pointers.length === 0 && b.pointers.length === 0)
    return scalarWord(aluOn(machine, state, op, width, a.word, b.word));
  const m = machine.manager;
  const [x, y] = [simplifyUnder(m, state.path, a), simplifyUnder(m, state.path, b)];
  if (width === 64 && (op === 'add' || op === 'sub')) return pointerArithmetic(machine, state, op, x, y);
  return scalarWord(aluOn(machine, state, op, width, wordIn(machine, state, x), wordIn(machine, state, y)));
}

/** Operations that leave each bit to itself: inputs and request may mix in them. */
const MIXABLE: ReadonlySet<AluOp> = new Set(['mov', 'and', 'or', 'xor', 'neg']);

export function aluOn(machine: Machine, state: MachineState, op: AluOp, width: Width, a: Word, b: Word): Word {
  const { inputs } = machine;
  if (!MIXABLE.has(op) && !isPending(a) && !isPending(b) && inputs.mixes(a.need(ALL_BITS), b.need(ALL_BITS))) {
    const reasons = inputs.reasonsIn([...a.need(ALL_BITS), ...b.need(ALL_BITS)]);
    return wordOf(zeroExtend(machine.fresh(reasons.join(), width), 64));
  }
  return aluWord(machine.manager, machine.worker, state.path, op, width, a, b);
}

/** Pointer plus or minus number, and the distance of two pointers into one region; everything else is an unknown number. */
function pointerArithmetic(machine: Machine, state: MachineState, op: 'add' | 'sub', a: Value, b: Value): Value {
  const m = machine.manager;
  let result: Value = scalarWord(aluOn(machine, state, op, 64, a.word, b.word));
  const put = (guard: Ref, value: () => Value): void => {
    if (m.and(state.path, guard) !== FALSE) result = selectValue(m, guard, value(), result);
  };
  const [aNumber, bNumber] = [isScalarWhere(m, a), isScalarWhere(m, b)];
  for (const p of a.pointers) {
    put(m.and(p.guard, bNumber), () => moved(machine, p, op, b.word.need(ALL_BITS)));
    for (const q of b.pointers) {
      const distance = op === 'sub' && p.region === q.region && isLaidOut(machine, p.region);
      put(m.and(p.guard, q.guard), () =>
        scalar(distance ? aluResult(m, 'sub', 64, p.offset, q.offset) : machine.fresh('kernel-memory')),
      );
    }
  }
  for (const q of b.pointers) {
    put(m.and(q.guard, aNumber), () =>
      op === 'add' ? moved(machine, q, op, a.word.need(ALL_BITS)) : scalar(machine.fresh('kernel-memory')),
    );
  }
  return result;
}

/** Whether addresses in a region are as far apart as their offsets: of maps, only arrays have their elements one behind the other. */
function isLaidOut(machine: Machine, region: Region): boolean {
  const image = region.kind === 'values' ? machine.image(region.id) : null;
  if (image === null) return isOnePiece(region);
  return image.isArray && !isPerCpu(image.contents.type);
}

/**
 * The verifier lets no program move a map pointer, so a constant added to one comes from the kernel's inlined array lookup and leads to
 * the values (array_map_gen_lookup, or percpu_array_map_gen_lookup's table); likewise from a hash element to its value
 * (htab_map_gen_lookup). The constant is the distance inside the kernel's struct and differs between kernels.
 */
function moved(machine: Machine, from: PointerAlternative, op: 'add' | 'sub', by: BitVector): Value {
  const { region, offset } = from;
  const { kind, id } = region;
  if ((kind === 'map' || kind === 'element') && op === 'add' && constantValue(by) !== null) {
    const type = machine.map(id)?.type ?? null;
    const inPlace = type?.includes('percpu') === true ? 'percpu' : 'values';
    return pointer(machine.regions.get(inPlace, id), kind === 'map' ? constant(64, 0n) : offset);
  }
  if (kind === 'map' || kind === 'element' || kind === 'function' || kind === 'code')
    return scalar(machine.fresh('kernel-memory'));
  return pointer(region, aluResult(machine.manager, op, 64, offset, by));
}

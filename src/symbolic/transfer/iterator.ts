/** Open-coded number iterators (kernel/bpf/bpf_iter.c): struct bpf_iter_num_kern is two 32-bit numbers, current and end. */
import { add, subtract } from '../arithmetic.js';
import { constant, lessSigned, select, signExtend, ZERO64, zeroExtend, type BitVector } from '../bitvector.js';
import type { Machine } from '../machine.js';
import { load, store } from '../memory-access.js';
import type { MachineState } from '../state.js';
import { scalar, selectValue, type Value } from '../value.js';
import { numberOf } from './alu.js';
import { readRegister } from './registers.js';

const EINVAL = 22n;
const E2BIG = 7n;
/** BPF_MAX_LOOPS, include/linux/bpf.h. */
const MOST_LOOPS = 8n * 1024n * 1024n;

function write(machine: Machine, state: MachineState, current: BitVector, end: BitVector): void {
  const iterator = readRegister(machine, state, 1);
  store(machine, state, iterator, 0, 4, scalar(zeroExtend(current, 64)));
  store(machine, state, iterator, 4, 4, scalar(zeroExtend(end, 64)));
}

/** bpf_iter_num_new(iterator, start, end): numbers from start to end - 1. */
export function newIterator(machine: Machine, state: MachineState): Value {
  const m = machine.manager;
  const argument = (register: number): BitVector =>
    numberOf(machine, state, readRegister(machine, state, register)).slice(0, 32);
  const [start, end] = [argument(2), argument(3)];
  const backwards = lessSigned(m, end, start);
  const distance = subtract(m, signExtend(end, 64), signExtend(start, 64));
  const tooLong = m.difference(lessSigned(m, constant(64, MOST_LOOPS), distance), backwards);
  const refused = m.or(backwards, tooLong);
  const none = constant(32, 0n);
  write(machine, state, select(m, refused, none, subtract(m, start, constant(32, 1n))), select(m, refused, none, end));
  return scalar(select(m, backwards, constant(64, -EINVAL), select(m, tooLong, constant(64, -E2BIG), ZERO64)));
}

/** bpf_iter_num_destroy(iterator) leaves zeros, which a privileged program may read: to the verifier they are stack that nothing was written to. */
export function destroyIterator(machine: Machine, state: MachineState): Value {
  write(machine, state, ZERO64, ZERO64);
  return scalar(machine.fresh('helper:bpf_iter_num_destroy'));
}

/** bpf_iter_num_next(iterator): address of the next number, or NULL. */
export function nextNumber(machine: Machine, state: MachineState): Value {
  const m = machine.manager;
  const iterator = readRegister(machine, state, 1);
  const field = (at: number): BitVector =>
    numberOf(machine, state, load(machine, state, iterator, at, 4, false)).slice(0, 32);
  const next = add(m, field(0), constant(32, 1n));
  const end = field(4);
  const done = lessSigned(m, next, end) ^ 1;
  const none = constant(32, 0n);
  write(machine, state, select(m, done, none, next), select(m, done, none, end));
  return selectValue(m, done, scalar(ZERO64), iterator);
}

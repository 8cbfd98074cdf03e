/** Kernel functions called through type data (src_reg 2). */
import { asReturned, calledName } from './helper-calls.js';
import { unmodelled } from './helpers.js';
import type { Machine } from './machine.js';
import { compareScalars } from './compare.js';
import { known, truncate, ZERO } from './scalar.js';
import type { StepResult } from './step-result.js';
import { asScalar, pointer, type Value } from './value.js';

const EINVAL = 22;
const E2BIG = 7;
/** BPF_MAX_LOOPS, include/linux/bpf.h. */
const MAX_LOOPS = 8n * 1024n * 1024n;

/** Where the dump does not say which function it is, it may be bpf_throw, which ends the program with any verdict. */
export function callKfunc(machine: Machine, imm: number): StepResult {
  const name = calledName(machine, imm);
  // What is passed on the stack may be a pointer too, and what the function does with it is not known.
  if (name === undefined || name === 'bpf_throw' || machine.passesArguments)
    return { undecided: [`kfunc:${name ?? 'unresolved'}`] };
  const result = ITERATOR.get(name)?.(machine) ?? unmodelled(machine, name, true);
  machine.clobberArguments();
  machine.setRegister(0, asReturned(machine, name, result));
  return 'continue';
}

/** Open-coded number iterators (kernel/bpf/bpf_iter.c): struct bpf_iter_num_kern is two 32-bit numbers, current and end. */
const ITERATOR: ReadonlyMap<string, (machine: Machine) => Value | undefined> = new Map([
  ['bpf_iter_num_new', newIterator],
  ['bpf_iter_num_next', nextNumber],
  ['bpf_iter_num_destroy', destroyIterator],
]);

function write(machine: Machine, iterator: Value & { kind: 'pointer' }, current: bigint, end: bigint): void {
  const memory = machine.memories.get(iterator.memory);
  const { byteOrder } = machine.unit.program;
  const at = iterator.offset ?? 0;
  memory?.store(at, 4, known(current), byteOrder);
  memory?.store(at + 4, 4, known(end), byteOrder);
}

function newIterator(machine: Machine): Value | undefined {
  const iterator = machine.register(1);
  const start = truncate(asScalar(machine.register(2)), 32);
  const end = truncate(asScalar(machine.register(3)), 32);
  if (iterator.kind !== 'pointer' || iterator.offset === null || start.unknown !== 0n || end.unknown !== 0n)
    return undefined;
  const distance = BigInt.asIntN(32, end.value) - BigInt.asIntN(32, start.value);
  if (distance < 0n || distance > MAX_LOOPS) {
    write(machine, iterator, 0n, 0n);
    return known(BigInt(distance < 0n ? -EINVAL : -E2BIG));
  }
  write(machine, iterator, start.value - 1n, end.value);
  return ZERO;
}

/** Leaves zeros, which a privileged program may read: to the verifier they are stack that nothing was written to. */
function destroyIterator(machine: Machine): Value | undefined {
  const iterator = machine.register(1);
  if (iterator.kind !== 'pointer' || iterator.offset === null) return undefined;
  write(machine, iterator, 0n, 0n);
  return ZERO;
}

function nextNumber(machine: Machine): Value | undefined {
  const iterator = machine.register(1);
  const memory = iterator.kind === 'pointer' ? machine.memories.get(iterator.memory) : undefined;
  if (iterator.kind !== 'pointer' || iterator.offset === null || memory === undefined) return undefined;
  const { byteOrder } = machine.unit.program;
  const current = asScalar(memory.load(iterator.offset, 4, true, byteOrder));
  const end = asScalar(memory.load(iterator.offset + 4, 4, true, byteOrder));
  if (current.unknown !== 0n || end.unknown !== 0n) return undefined;
  const next = known(current.value + 1n);
  if (compareScalars('sge', 32, next, end) === true) {
    write(machine, iterator, 0n, 0n);
    return ZERO;
  }
  write(machine, iterator, next.value, end.value);
  return pointer(iterator.memory, iterator.offset);
}

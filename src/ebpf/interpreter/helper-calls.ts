import { leavesUpperHalfOpen } from '../direct-map-call.js';
import type { Instruction } from '../types.js';
import { clobberReachable } from './clobber.js';
import { HELPERS, unmodelled, type HelperResult } from './helpers.js';
import type { Machine } from './machine.js';
import { known, mergeReasons, partlyKnown, unknownScalar } from './scalar.js';
import type { StepResult } from './step-result.js';
import type { Value } from './value.js';

/** A helper call. Where the dump hides which one (immediate 0) or nobody has named it, it may be any. */
export function callHelper(machine: Machine, instruction: Instruction & { op: 'call-helper' }): StepResult {
  const counter = timedMayGoto(machine);
  if (counter !== null) return refillLoopCounter(machine, counter);
  const name = calledName(machine, instruction.imm);
  const result =
    name === undefined ? unresolved(machine) : (HELPERS.get(name)?.(machine) ?? unmodelled(machine, name, true));
  if (isStepResult(result)) return result;
  machine.clobberArguments();
  machine.setRegister(0, name === undefined ? result : asReturned(machine, name, result));
  return 'continue';
}

/** The function that a call's immediate stands for; compilers add suffixes to names (".isra.0", ".llvm.123"). */
export function calledName(machine: Machine, imm: number): string | undefined {
  const name = imm === 0 ? undefined : machine.unit.environment.helpers.get(imm);
  return name === undefined || name === '' ? undefined : name.split('.')[0];
}

const UPPER_HALF = 0xffff_ffff_0000_0000n;

/** What of a result the calling program may rely on. */
export function asReturned(machine: Machine, name: string, result: Value): Value {
  if (result.kind !== 'scalar' || (result.value | result.unknown) >> 31n === 0n) return result;
  if (!leavesUpperHalfOpen(name, machine.unit.environment.kernelRelease)) return result;
  return partlyKnown(result.value, result.unknown | UPPER_HALF, mergeReasons(result.reasons, [`helper:${name}`]));
}

function isStepResult(result: HelperResult): result is StepResult {
  return typeof result === 'string' || !('kind' in result);
}

/** Since Linux 5.18 it may be bpf_set_retval, which changes the verdict of the whole list of programs. */
function unresolved(machine: Machine): Value {
  const reasons = ['helper:unresolved'];
  clobberReachable(machine, reasons, true);
  if (mayHaveSetRetval(machine.unit.environment.kernelRelease)) {
    machine.retval = unknownScalar(reasons);
    machine.usedRetval = true;
  }
  return unknownScalar(reasons);
}

/** bpf_set_retval came with Linux 5.18; a release that is not known may be newer, and those of Red Hat and SUSE have newer BPF than their number says. */
export function mayHaveSetRetval(kernelRelease: string | null): boolean {
  const match = /^(\d+)\.(\d+)/.exec(kernelRelease ?? '');
  if (match === null || /\.el\d|-1\d0\d00\./.test(kernelRelease ?? '')) return true;
  const major = Number(match[1]);
  return major > 5 || (major === 5 && Number(match[2]) >= 18);
}

/**
 * The call that the kernel puts into a loop with may_goto (arch_bpf_timed_may_goto, Linux 6.15): its argument and result are in the
 * scratch register, which the instruction before it sets to a stack offset and the one behind it stores at that offset. No other call
 * stands between such a pair, and it changes no other register.
 * @returns the scratch register and where on the stack the counter is, or null for any other call.
 */
function timedMayGoto(machine: Machine): LoopCounter | null {
  const { instructions } = machine.unit.program;
  const before = instructions[machine.position - 2];
  const after = instructions[machine.position];
  if (before?.op !== 'alu' || before.alu !== 'mov' || before.width !== 64 || !('imm' in before.src)) return null;
  if (before.dst !== 11 && before.dst !== 12) return null;
  const stored = after?.op === 'store' && after.size === 8 && after.base === 10 && after.off === before.src.imm;
  if (!stored || !('reg' in after.src) || after.src.reg !== before.dst) return null;
  return { scratch: before.dst, offset: before.src.imm };
}

interface LoopCounter {
  readonly scratch: number;
  readonly offset: number;
}

/** BPF_MAX_TIMED_LOOPS, include/linux/bpf.h. */
const TIMED_LOOPS = 0xffffn;

/**
 * kernel/bpf/core.c, bpf_check_timed_may_goto: the first time it notes the time (in the 8 bytes above the counter) and allows 65535
 * rounds more; later it allows as many again, or none if a quarter of a second has gone by.
 */
function refillLoopCounter(machine: Machine, { scratch, offset }: LoopCounter): StepResult {
  const stack = machine.memories.get(machine.frame.stack);
  const { byteOrder } = machine.unit.program;
  const timestamp = stack?.load(offset + 8, 8, false, byteOrder);
  if (timestamp?.kind === 'scalar' && timestamp.unknown === 0n && timestamp.value === 0n) {
    stack?.store(offset + 8, 8, partlyKnown(1n, ~1n, ['depends:time']), byteOrder);
    machine.setRegister(scratch, known(TIMED_LOOPS));
  } else {
    machine.setRegister(scratch, unknownScalar(['depends:time'], TIMED_LOOPS));
  }
  return 'continue';
}

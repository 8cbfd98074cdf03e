import { FALSE } from '../../bdd/manager.js';
import { constant, constantValue, select, signExtend, ZERO64, zeroExtend, type BitVector } from '../bitvector.js';
import { returnsShortInt } from '../kernel-release.js';
import { lookUp } from '../map-lookup.js';
import type { Machine } from '../machine.js';
import { loadBytes, storeBytes } from '../memory-access.js';
import type { MachineState } from '../state.js';
import { pointer, scalar, selectValue, type Value } from '../value.js';
import { numberOf } from './alu.js';
import { deleteFromHash, updateHash } from './hash-map.js';
import { forgetArguments, forgetMap } from './havoc.js';
import { destroyIterator, newIterator, nextNumber } from './iterator.js';
import { soleRegion } from './memory.js';
import { ALL_BITS } from '../word.js';
import { readRegister } from './registers.js';

/** A helper's effect on the state and its result. Arguments are in r1 to r5. */
type Helper = (machine: Machine, state: MachineState, name: string) => Value;

const E2BIG = 7n;
const EEXIST = 17n;
const EINVAL = 22n;
const BPF_NOEXIST = 1n;
const BPF_EXIST = 2n;
/** TASK_COMM_LEN, include/linux/sched.h. */
const COMM_LENGTH = 16;
const UNRESOLVED = 'helper:unresolved';
/** r11, or r12 where r11 is for arguments on the stack. */
const SCRATCH_REGISTERS = [11, 12];

/** Inputs that are the same whenever the programs of one request ask for them. */
function sharedInput(name: string, width: number): Helper {
  return (machine) => scalar(machine.inputs.word(name, `depends:${name}`, width));
}

/** Inputs that may differ from call to call. */
function freshInput(reason: string, width: number): Helper {
  return (machine) => scalar(zeroExtend(machine.fresh(reason, width), 64));
}

/** Two 32-bit inputs in one word. */
function pairedInput(low: string, high: string): Helper {
  return (machine) => {
    const part = (name: string): BitVector => machine.inputs.word(name, `depends:${name}`, 32).slice(0, 32);
    return scalar([...part(low), ...part(high)]);
  };
}

const time = freshInput('depends:time', 64);
const withoutEffect: Helper = (machine, _state, name) => scalar(machine.fresh(`helper:${name}`));

const HELPERS: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ['bpf_get_current_uid_gid', pairedInput('uid', 'gid')],
  ['bpf_get_current_pid_tgid', pairedInput('pid', 'tgid')],
  ['bpf_get_current_comm', currentComm],
  ['bpf_get_current_cgroup_id', sharedInput('cgroup', 64)],
  ['bpf_get_current_ancestor_cgroup_id', freshInput('depends:cgroup', 64)],
  ['bpf_get_cgroup_classid', freshInput('depends:cgroup', 32)],
  ['bpf_get_cgroup_classid_curr', freshInput('depends:cgroup', 32)],
  ['bpf_ktime_get_ns', time],
  ['bpf_ktime_get_boot_ns', time],
  ['bpf_ktime_get_coarse_ns', time],
  ['bpf_ktime_get_tai_ns', time],
  ['bpf_jiffies64', time],
  ['bpf_user_rnd_u32', freshInput('depends:random', 32)],
  ['bpf_get_prandom_u32', freshInput('depends:random', 32)],
  ['bpf_get_smp_processor_id', sharedInput('cpu', 32)],
  ['bpf_get_raw_cpu_id', sharedInput('cpu', 32)],
  ['bpf_get_raw_smp_processor_id', sharedInput('cpu', 32)],
  ['bpf_get_numa_node_id', freshInput('depends:cpu', 64)],
  ['bpf_get_retval', (machine, state) => scalar(signExtend(state.retval ?? machine.retvalAtEntry(), 64))],
  ['bpf_set_retval', setRetval],
  ['bpf_get_local_storage', localStorage],
  ['bpf_ringbuf_reserve', ringbufReserve],
  ['bpf_ringbuf_submit', withoutEffect],
  ['bpf_ringbuf_discard', withoutEffect],
  ['bpf_ringbuf_output', withoutEffect],
  ['bpf_perf_event_output', withoutEffect],
  ['bpf_event_output_data', withoutEffect],
  ['bpf_trace_printk', withoutEffect],
  ['bpf_trace_vprintk', withoutEffect],
  ['bpf_iter_num_new', newIterator],
  ['bpf_iter_num_next', nextNumber],
  ['bpf_iter_num_destroy', destroyIterator],
  ['bpf_spin_lock', withoutEffect],
  ['bpf_spin_unlock', withoutEffect],
]);

/** Calls the helper that the dump's immediate stands for; null: the dump or the reader's rights did not say. */
export function callHelper(machine: Machine, state: MachineState, name: string | null): void {
  // The one helper that keeps registers: its argument and result are in the kernel's scratch register (arch/x86/net/bpf_timed_may_goto.S).
  // It may be the one whose name the dump hides.
  const isLoopCheck = name === 'arch_bpf_timed_may_goto';
  if (isLoopCheck || name === null) forgetScratch(machine, state, isLoopCheck ? 'depends:time' : UNRESOLVED);
  if (isLoopCheck) return;
  const result =
    name === null ? callUnresolved(machine, state) : asReturned(machine, name, helperNamed(name)(machine, state, name));
  for (let register = 1; register <= 5; register++) state.registers[register] = undefined;
  state.registers[0] = result;
}

function forgetScratch(machine: Machine, state: MachineState, reason: string): void {
  for (const register of SCRATCH_REGISTERS)
    if (state.registers[register] !== undefined) state.registers[register] = scalar(machine.fresh(reason));
}

/** What of a result the calling program may rely on: of a negative one only the low half. */
export function asReturned(machine: Machine, name: string, result: Value): Value {
  const release = machine.programs[0]?.environment.kernelRelease ?? null;
  if (!returnsShortInt(name, release)) return result;
  const bits = result.word.need(ALL_BITS);
  const sign = bits[31] ?? FALSE;
  if (sign === FALSE) return result;
  const open = machine.fresh(`helper:${name}`);
  return scalar([...bits.slice(0, 32), ...select(machine.manager, sign, open.slice(32), bits.slice(32))]);
}

/** A map's own functions are called directly under their kernel names ("htab_map_update_elem"); the map tells which kind it is. */
function helperNamed(name: string): Helper {
  const known = HELPERS.get(name);
  if (known !== undefined) return known;
  if (name.endsWith('_lookup_elem')) return mapLookup;
  if (name.endsWith('_update_elem')) return mapUpdate;
  if (name.endsWith('_delete_elem')) return mapDelete;
  return callUnknown;
}

function callUnknown(machine: Machine, state: MachineState, name: string): Value {
  forgetArguments(machine, state, `helper:${name}`);
  return scalar(machine.fresh(`helper:${name}`));
}

function callUnresolved(machine: Machine, state: MachineState): Value {
  forgetArguments(machine, state, UNRESOLVED);
  if (machine.mayHaveSetRetval) state.retval = machine.fresh(UNRESOLVED, 32).slice(0, 32);
  return scalar(machine.fresh(UNRESOLVED));
}

/** The argument is an int: the low half of r1 (kernel/bpf/cgroup.c). */
function setRetval(machine: Machine, state: MachineState): Value {
  state.retval = numberOf(machine, state, readRegister(machine, state, 1)).slice(0, 32);
  return scalar(ZERO64);
}

/** strscpy_pad of the task's name: at most size - 1 characters, the rest of the buffer zero (kernel/bpf/helpers.c). */
function currentComm(machine: Machine, state: MachineState, name: string): Value {
  const size = constantValue(numberOf(machine, state, readRegister(machine, state, 2)));
  if (size === null || size === 0n || size > 4096n) return callUnknown(machine, state, name);
  const comm = [0, 8].flatMap((at) => machine.inputs.word(`comm+${String(at)}`, 'depends:comm'));
  const characters = Math.min(Number(size), COMM_LENGTH) - 1;
  storeBytes(
    machine,
    state,
    readRegister(machine, state, 1),
    zeroExtend(comm.slice(0, characters * 8), Number(size) * 8),
  );
  return scalar(ZERO64);
}

function localStorage(machine: Machine, state: MachineState): Value {
  const map = soleRegion(machine, state.path, readRegister(machine, state, 1), 'map');
  return pointer(machine.regions.get('opaque', map ?? 0), ZERO64);
}

function ringbufReserve(machine: Machine): Value {
  const granted = machine.freshBit('helper:bpf_ringbuf_reserve');
  return selectValue(machine.manager, granted, pointer(machine.regions.get('opaque', 0), ZERO64), scalar(ZERO64));
}

/** Calls `each` for every map r1 may be, with the state narrowed to where it is that one; elsewhere the result is unknown. */
function forEachMap(
  machine: Machine,
  state: MachineState,
  name: string,
  each: (mapId: number, state: MachineState) => Value,
): Value {
  const m = machine.manager;
  const only = soleRegion(machine, state.path, readRegister(machine, state, 1), 'map');
  if (only !== null) return each(only, state);
  let result = scalar(machine.fresh(`helper:${name}`));
  for (const { guard, region } of readRegister(machine, state, 1).pointers) {
    const path = m.and(state.path, guard);
    if (region.kind !== 'map' || path === FALSE) continue;
    if (!name.endsWith('_lookup_elem')) {
      // A change to one of several maps: it is enough to know that each may have changed.
      forgetMap(machine, state, region.id, path);
      continue;
    }
    result = selectValue(m, guard, each(region.id, { ...state, path }), result);
  }
  return result;
}

function mapLookup(machine: Machine, state: MachineState, name: string): Value {
  const kind = name === '__htab_map_lookup_elem' ? 'element' : 'values';
  return forEachMap(machine, state, name, (mapId, where) =>
    lookUp(machine, where, mapId, readRegister(machine, where, 2), kind),
  );
}

/** Writes to arrays and hash maps are followed exactly; other maps are unknown afterwards. */
function mapUpdate(machine: Machine, state: MachineState, name: string): Value {
  return forEachMap(machine, state, name, (mapId, where) => {
    const m = machine.manager;
    const contents = machine.map(mapId);
    const flags = constantValue(numberOf(machine, where, readRegister(machine, where, 4)));
    if (contents?.type === 'hash' && flags !== null && flags <= BPF_EXIST) {
      const result = updateHash(machine, state, mapId, flags);
      if (result !== null) return result;
    }
    if (contents?.type !== 'array' || flags === null || flags > BPF_EXIST) {
      forgetMap(machine, state, mapId, where.path);
      return scalar(machine.fresh(`depends:map:${String(mapId)}`));
    }
    const slot = lookUp(machine, where, mapId, readRegister(machine, where, 2), 'values');
    const inside = slot.pointers[0]?.guard ?? FALSE;
    if (flags === BPF_NOEXIST) return scalar(select(m, inside, constant(64, -EEXIST), constant(64, -E2BIG)));
    const bytes = loadBytes(machine, where, readRegister(machine, where, 3), contents.valueSize);
    if (m.and(where.path, inside) !== FALSE) storeWhereValid(machine, state, slot, bytes);
    return scalar(select(m, inside, ZERO64, constant(64, -E2BIG)));
  });
}

/** Stores through a pointer only where it is one: the kernel refuses an index outside the array. */
function storeWhereValid(machine: Machine, state: MachineState, to: Value, bytes: BitVector): void {
  const { clobbered } = state;
  storeBytes(machine, state, to, bytes);
  state.clobbered = clobbered;
}

function mapDelete(machine: Machine, state: MachineState, name: string): Value {
  return forEachMap(machine, state, name, (mapId, where) => {
    const type = machine.map(mapId)?.type;
    if (type === 'array') return scalar(constant(64, -EINVAL));
    const result = type === 'hash' ? deleteFromHash(machine, state, mapId) : null;
    if (result !== null) return result;
    forgetMap(machine, state, mapId, where.path);
    return scalar(machine.fresh(`depends:map:${String(mapId)}`));
  });
}

/** Helpers by the names that bpftool and /proc/kallsyms give them (include/uapi/linux/bpf.h; names of symbols where they differ). */
import { clobberReachable } from './clobber.js';
import { repeat } from './functions.js';
import type { Machine } from './machine.js';
import { mapReason } from './map-state.js';
import { elementCount } from './maps.js';
import { deleteValue, lookupElement, lookupValue, updateValue } from './map-helpers.js';
import { knownByte, unknownByte } from './memory.js';
import { known, madeOf, partsOf, signExtend, truncate, unknownScalar, ZERO, type Scalar } from './scalar.js';
import type { StepResult } from './step-result.js';
import type { CallerInputs } from './types.js';
import { addressReasons, asScalar, type Value } from './value.js';

/** Result for r0, or what becomes of the run. */
export type HelperResult = Value | StepResult;
export type Helper = (machine: Machine) => HelperResult;

const EINVAL = 22;
const E2BIG = 7;
/** BPF_MAX_LOOPS, include/linux/bpf.h. */
const MAX_LOOPS = 8n * 1024n * 1024n;
const COMM_BYTES = 16;
/** Larger buffers only a broken program has. */
const MAX_BUFFER_BYTES = 4096n;

const arg = (machine: Machine, number: number): Value => machine.register(number);

/** A number of `bits` bits from the caller's inputs, else unknown for `reason`. */
function input(machine: Machine, name: keyof CallerInputs, bits: number, value: bigint | number | undefined): Scalar {
  if (value === undefined) return truncate(unknownScalar([`depends:${REASON_OF[name]}`]), bits);
  machine.dependsOn.add(REASON_OF[name]);
  return truncate(known(BigInt(value)), bits);
}

const REASON_OF: Readonly<Record<keyof CallerInputs, string>> = {
  uid: 'uid',
  gid: 'gid',
  pid: 'pid',
  tgid: 'tgid',
  comm: 'comm',
  cpu: 'cpu',
  timeNs: 'time',
  random: 'random',
  cgroupId: 'cgroup',
};

function highAndLow(high: Scalar, low: Scalar): Scalar {
  const upper = partsOf(high).map(({ reason, bits }) => ({ reason, bits: bits << 32n }));
  return madeOf((high.value << 32n) | low.value, (high.unknown << 32n) | low.unknown, [...upper, ...partsOf(low)]);
}

function uidGid(machine: Machine): Value {
  const { uid, gid } = machine.options.caller ?? {};
  return highAndLow(input(machine, 'gid', 32, gid), input(machine, 'uid', 32, uid));
}

function pidTgid(machine: Machine): Value {
  const { pid, tgid } = machine.options.caller ?? {};
  return highAndLow(input(machine, 'tgid', 32, tgid), input(machine, 'pid', 32, pid));
}

const time: Helper = (machine) => input(machine, 'timeNs', 64, machine.options.caller?.timeNs);
const random: Helper = (machine) => input(machine, 'random', 32, machine.options.caller?.random);
const cpu: Helper = (machine) => input(machine, 'cpu', 32, machine.options.caller?.cpu);
const cgroupId: Helper = (machine) => input(machine, 'cgroupId', 64, machine.options.caller?.cgroupId);

/** bpf_get_current_comm(buffer, size): at most 15 bytes of the name, the rest of the buffer zero (kernel/bpf/helpers.c, strscpy_pad). */
function currentComm(machine: Machine): HelperResult {
  const buffer = arg(machine, 1);
  const size = truncate(asScalar(arg(machine, 2)), 32);
  const memory = buffer.kind === 'pointer' ? machine.memories.get(buffer.memory) : undefined;
  if (buffer.kind !== 'pointer' || buffer.offset === null || memory === undefined || !isBufferSize(size)) {
    clobberReachable(machine, ['depends:comm'], false);
    return unknownScalar(['depends:comm']);
  }
  const { comm } = machine.options.caller ?? {};
  const name = comm === undefined ? null : new TextEncoder().encode(comm);
  const length = Number(size.value);
  const characters = Math.min(length, COMM_BYTES) - 1;
  if (name !== null) machine.dependsOn.add('comm');
  for (let i = 0; i < length; i++) {
    const isPadding = i >= characters;
    const byte = isPadding ? 0 : (name?.[i] ?? 0);
    memory.setCell(buffer.offset + i, name === null && !isPadding ? unknownByte(['depends:comm']) : knownByte(byte));
  }
  return ZERO;
}

function isBufferSize({ value, unknown }: Scalar): boolean {
  return unknown === 0n && value <= MAX_BUFFER_BYTES;
}

function getRetval(machine: Machine): Value {
  machine.usedRetval = true;
  return machine.retval;
}

function setRetval(machine: Machine): Value {
  machine.usedRetval = true;
  machine.retval = signExtend(asScalar(arg(machine, 1)), 32);
  return ZERO;
}

/** bpf_loop(count, callback, context, flags). */
function loop(machine: Machine): HelperResult {
  const count = truncate(asScalar(arg(machine, 1)), 32);
  const callback = arg(machine, 2);
  const flags = asScalar(arg(machine, 4));
  if (callback.kind !== 'code' || count.unknown !== 0n || flags.unknown !== 0n)
    return unmodelled(machine, 'bpf_loop', true);
  if (flags.value !== 0n) return known(BigInt(-EINVAL));
  if (count.value > MAX_LOOPS) return known(BigInt(-E2BIG));
  const repetition = {
    callback: callback.slot,
    context: arg(machine, 3),
    count: Number(count.value),
    round: 0,
    map: null,
  };
  return repeat(machine, repetition);
}

/**
 * bpf_for_each_map_elem(map, callback, context, flags): arrays by index, hash maps in the order of their buckets, in which a reader gets their keys
 * too (kernel/bpf/hashtab.c, bpf_for_each_hash_elem and htab_map_get_next_key).
 */
function forEachElement(machine: Machine): HelperResult {
  const map = arg(machine, 1);
  const callback = arg(machine, 2);
  const flags = asScalar(arg(machine, 4));
  const count = map.kind === 'map' ? elementCount(machine, map.mapId) : null;
  if (map.kind !== 'map' || count === null || callback.kind !== 'code' || flags.unknown !== 0n) {
    return unmodelled(machine, 'bpf_for_each_map_elem', true);
  }
  if (flags.value !== 0n) return known(BigInt(-EINVAL));
  return repeat(machine, { callback: callback.slot, context: arg(machine, 3), count, round: 0, map });
}

/** A helper that only reads and whose result is not known. */
function reads(reason: string, bits = 64): Helper {
  return () => truncate(unknownScalar([reason]), bits);
}

/** A helper without effect on what the program can see, and without a result. */
const nothing: Helper = () => unknownScalar(['uninitialised']);

/** A helper that returns an address (or NULL) of something that is not modelled and belongs to no map. */
function address(reason: string): Helper {
  return () => ({ kind: 'opaque', points: 'elsewhere', reasons: [reason] });
}

/** The value for this CPU of a map: unknown, in that map. */
function perCpuValue(machine: Machine): Value {
  const map = arg(machine, 1);
  if (map.kind !== 'map') return { kind: 'opaque', points: 'any-map', reasons: addressReasons(map) };
  return { kind: 'opaque', points: map.mapId, reasons: [mapReason(map.mapId)] };
}

/** A helper that is known by name only. */
export function unmodelled(machine: Machine, name: string, mayRunCallback: boolean): Value {
  const reasons = [`helper:${name}`];
  clobberReachable(machine, reasons, mayRunCallback);
  return unknownScalar(reasons);
}

const lookupHelper: Helper = (machine) => lookupValue(machine, arg(machine, 1), arg(machine, 2));
const updateHelper: Helper = (machine) =>
  updateValue(machine, arg(machine, 1), arg(machine, 2), arg(machine, 3), arg(machine, 4));
const deleteHelper: Helper = (machine) => deleteValue(machine, arg(machine, 1), arg(machine, 2));

const NAMED: readonly (readonly [Helper, readonly string[]])[] = [
  [
    lookupHelper,
    [
      'bpf_map_lookup_elem',
      'array_map_lookup_elem',
      'htab_map_lookup_elem',
      'htab_lru_map_lookup_elem',
      'trie_lookup_elem',
      'percpu_array_map_lookup_elem',
      'htab_percpu_map_lookup_elem',
      'htab_lru_percpu_map_lookup_elem',
    ],
  ],
  [(machine) => lookupElement(machine, arg(machine, 1), arg(machine, 2)), ['__htab_map_lookup_elem']],
  [
    updateHelper,
    [
      'bpf_map_update_elem',
      'array_map_update_elem',
      'htab_map_update_elem',
      'htab_lru_map_update_elem',
      'trie_update_elem',
    ],
  ],
  [
    deleteHelper,
    [
      'bpf_map_delete_elem',
      'array_map_delete_elem',
      'htab_map_delete_elem',
      'htab_lru_map_delete_elem',
      'trie_delete_elem',
    ],
  ],
  [uidGid, ['bpf_get_current_uid_gid']],
  [pidTgid, ['bpf_get_current_pid_tgid']],
  [currentComm, ['bpf_get_current_comm']],
  [
    time,
    ['bpf_ktime_get_ns', 'bpf_ktime_get_boot_ns', 'bpf_ktime_get_coarse_ns', 'bpf_ktime_get_tai_ns', 'bpf_jiffies64'],
  ],
  [random, ['bpf_get_prandom_u32', 'bpf_user_rnd_u32']],
  [cpu, ['bpf_get_smp_processor_id', 'bpf_get_raw_cpu_id', 'bpf_get_raw_smp_processor_id']],
  [cgroupId, ['bpf_get_current_cgroup_id']],
  [getRetval, ['bpf_get_retval']],
  [setRetval, ['bpf_set_retval']],
  [loop, ['bpf_loop']],
  [forEachElement, ['bpf_for_each_map_elem', 'bpf_for_each_array_elem', 'bpf_for_each_hash_elem']],
  [reads('depends:cpu'), ['bpf_get_numa_node_id']],
  [reads('depends:cgroup'), ['bpf_get_current_ancestor_cgroup_id', 'bpf_current_task_under_cgroup']],
  [reads('depends:classid', 32), ['bpf_get_cgroup_classid_curr', 'bpf_get_cgroup_classid']],
  [reads('depends:netns'), ['bpf_get_netns_cookie', 'bpf_get_netns_cookie_sock_addr']],
  [reads('depends:trace'), ['bpf_trace_printk', 'bpf_trace_vprintk']],
  [
    reads('depends:events'),
    ['bpf_event_output_data', 'bpf_perf_event_output', 'bpf_ringbuf_output', 'bpf_ringbuf_query'],
  ],
  [nothing, ['bpf_ringbuf_submit', 'bpf_ringbuf_discard', 'bpf_spin_lock', 'bpf_spin_unlock']],
  [address('depends:events'), ['bpf_ringbuf_reserve']],
  [address('depends:cgroup-storage'), ['bpf_get_local_storage', 'bpf_cgrp_storage_get']],
  [address('depends:task'), ['bpf_get_current_task', 'bpf_get_current_task_btf', 'bpf_task_storage_get']],
  [perCpuValue, ['bpf_map_lookup_percpu_elem']],
];

export const HELPERS: ReadonlyMap<string, Helper> = new Map(
  NAMED.flatMap(([helper, names]) => names.map((name): [string, Helper] => [name, helper])),
);

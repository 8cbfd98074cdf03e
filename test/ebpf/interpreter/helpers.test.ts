/** Results and effects of the helpers, called as a program calls them (include/uapi/linux/bpf.h, kernel/bpf/helpers.c). */
import { describe, expect, it } from 'vitest';
import { HELPERS, unmodelled } from '../../../src/ebpf/interpreter/helpers.js';
import type { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { readableKeyed } from '../../../src/ebpf/interpreter/maps.js';
import { known, partlyKnown, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import type { CallerInputs } from '../../../src/ebpf/interpreter/types.js';
import { pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import { EXIT, join, mov } from '../bytes.js';
import { hexOf, machineWith, mapOf, onStack, stackHex, type Setting } from './machines.js';

const MAP: Value = { kind: 'map', mapId: 7 };
function call(machine: Machine, name: string): unknown {
  const helper = HELPERS.get(name);
  if (helper === undefined) throw new Error(`no ${name}`);
  return helper(machine);
}
const asked = (name: string, caller: CallerInputs = {}): [unknown, string[]] => {
  const machine = machineWith({ options: { caller } });
  return [call(machine, name), [...machine.dependsOn].sort()];
};
const LOW = 0xffff_ffffn;

describe('who asks, and when', () => {
  it.each<[string, CallerInputs, bigint, string[]]>([
    ['bpf_get_current_uid_gid', { uid: 5, gid: 7 }, 0x7_0000_0005n, ['gid', 'uid']],
    ['bpf_get_current_uid_gid', { uid: 0xffff_ffff, gid: 0xffff_fffe }, 0xffff_fffe_ffff_ffffn, ['gid', 'uid']],
    ['bpf_get_current_pid_tgid', { pid: 5, tgid: 7 }, 0x7_0000_0005n, ['pid', 'tgid']],
    ['bpf_ktime_get_ns', { timeNs: (1n << 63n) | 5n }, (1n << 63n) | 5n, ['time']],
    ['bpf_get_prandom_u32', { random: 0xffff_ffff }, 0xffff_ffffn, ['random']],
    ['bpf_get_smp_processor_id', { cpu: 3 }, 3n, ['cpu']],
    ['bpf_get_current_cgroup_id', { cgroupId: 1n << 40n }, 1n << 40n, ['cgroup']],
  ])('%s of %o', (name, caller, result, dependsOn) => {
    expect(asked(name, caller)).toEqual([known(result), dependsOn]);
  });
  it.each<[string, bigint, string[]]>([
    ['bpf_get_current_uid_gid', ~0n, ['depends:gid', 'depends:uid']],
    ['bpf_get_current_pid_tgid', ~0n, ['depends:pid', 'depends:tgid']],
    ['bpf_ktime_get_boot_ns', ~0n, ['depends:time']],
    ['bpf_get_prandom_u32', LOW, ['depends:random']],
    ['bpf_get_smp_processor_id', LOW, ['depends:cpu']],
    ['bpf_get_current_cgroup_id', ~0n, ['depends:cgroup']],
    ['bpf_get_numa_node_id', ~0n, ['depends:cpu']],
    ['bpf_trace_printk', ~0n, ['depends:trace']],
    ['bpf_ringbuf_submit', ~0n, ['uninitialised']],
  ])('%s, when nobody said', (name, mask, reasons) => {
    expect(asked(name)).toMatchObject([unknownScalar(reasons, mask), []]);
  });
  it('half of it may be known', () => {
    expect(asked('bpf_get_current_uid_gid', { gid: 7 })).toEqual([
      partlyKnown(7n << 32n, LOW, ['depends:uid']),
      ['gid'],
    ]);
    expect(asked('bpf_get_current_pid_tgid', { tgid: 7 })).toEqual([
      partlyKnown(7n << 32n, LOW, ['depends:pid']),
      ['tgid'],
    ]);
    expect(asked('bpf_get_current_pid_tgid', { pid: 7 })).toEqual([
      partlyKnown(7n, LOW << 32n, ['depends:tgid']),
      ['pid'],
    ]);
  });
});

describe('bpf_get_current_comm', () => {
  const NAME = 'abcdefghijklmnopqrst';
  const run = (size: number, comm?: string): string => {
    const machine = machineWith({ options: comm === undefined ? {} : { caller: { comm } } });
    onStack(machine, -40, '11'.repeat(40));
    machine.setRegister(1, pointer(machine.frame.stack, -32));
    machine.setRegister(2, known(BigInt(size)));
    expect(call(machine, 'bpf_get_current_comm')).toEqual(known(0n));
    expect(machine.dependsOn).toEqual(new Set(comm === undefined ? [] : ['comm']));
    return stackHex(machine, -40, 40);
  };
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  const beside = (inside: string): string => `${'11'.repeat(8)}${inside}`.padEnd(80, '1');
  it.each([
    [4, 'abc', hex('abc\0')],
    [4, NAME, hex('abc\0')],
    [8, 'abc', hex('abc\0\0\0\0\0')],
    [16, NAME, hex('abcdefghijklmno\0')],
    [1, NAME, '00'],
    // strscpy_pad fills the rest of a larger buffer, too.
    [20, NAME, hex('abcdefghijklmno\0\0\0\0\0')],
    [4, undefined, '??????00'],
    [20, undefined, '??'.repeat(15) + '00'.repeat(5)],
  ])('into %i bytes of "%s"', (size, comm, inside) => {
    expect(run(size, comm)).toBe(beside(inside));
  });
  it('takes 32 bits of the size', () => {
    const machine = machineWith({ options: { caller: { comm: 'a' } } });
    const at = onStack(machine, -8, '1111111111111111');
    machine.setRegister(1, at);
    machine.setRegister(2, known(0x1_0000_0002n));
    call(machine, 'bpf_get_current_comm');
    expect(stackHex(machine, -8, 8)).toBe('6100111111111111');
  });
  it.each<[string, Value, Value]>([
    ['an unknown size', pointer('stack:0', -8), unknownScalar(['depends:uid'])],
    ['a size no buffer has', pointer('stack:0', -8), known(4097n)],
    ['an unknown place', { kind: 'pointer', memory: 'stack:0', offset: null, reasons: ['depends:uid'] }, known(4n)],
  ])('into %s makes the frame unknown', (_, buffer, size) => {
    const machine = machineWith({
      options: { caller: { comm: 'abc' } },
      registers: { 1: buffer, 2: size, 3: { kind: 'code', slot: 0 } },
    });
    onStack(machine, -8, '1111111111111111');
    expect(call(machine, 'bpf_get_current_comm')).toEqual(unknownScalar(['depends:comm']));
    expect(stackHex(machine, -8, 8)).toBe('??'.repeat(8));
    expect(machine.usedRetval).toBe(false);
  });
  it('into a stack that is gone, or an unknown map', () => {
    const machine = machineWith({
      maps: [mapOf('hash', {})],
      registers: { 1: unknownScalar(['helper:x']), 2: known(4n) },
    });
    expect(call(machine, 'bpf_get_current_comm')).toEqual(unknownScalar(['depends:comm']));
    expect(readableKeyed(machine, 7)).toBeNull();
    const gone = machineWith({ registers: { 1: pointer('stack:9', 0), 2: known(4n) } });
    expect(call(gone, 'bpf_get_current_comm')).toEqual(unknownScalar(['depends:comm']));
  });
  it('of a length of 4096 is the largest', () => {
    const machine = machineWith({ registers: { 1: pointer('stack:0', -4096), 2: known(4096n) } });
    expect(call(machine, 'bpf_get_current_comm')).toEqual(known(0n));
    expect(stackHex(machine, -1, 1)).toBe('00');
  });
});

describe('what the list has decided', () => {
  it.each([
    [0, 0n],
    [-1, -1n],
    [-4095, -4095n],
  ])('is read as %i', (retvalIn, result) => {
    const machine = machineWith({ options: { retvalIn } });
    expect(machine.usedRetval).toBe(false);
    expect(call(machine, 'bpf_get_retval')).toEqual(known(result));
    expect(machine.usedRetval).toBe(true);
  });
  it.each([
    [known(-13n), known(-13n)],
    [known(0xffff_fff3n), known(-13n)],
    [known(0x1_0000_0000n), known(0n)],
    [unknownScalar(['depends:uid'], 1n), unknownScalar(['depends:uid'], 1n)],
    [pointer('context', 0), unknownScalar(['address'])],
  ])('is set to the low half of %o', (argument, retval) => {
    const machine = machineWith({ registers: { 1: argument } });
    expect(call(machine, 'bpf_set_retval')).toEqual(known(0n));
    expect([machine.retval, machine.usedRetval]).toEqual([retval, true]);
  });
});

describe('helpers that are known by name only', () => {
  it('return something that is not known', () => {
    const machine = machineWith({ registers: { 1: known(5n) } });
    expect(unmodelled(machine, 'bpf_x', true)).toEqual(unknownScalar(['helper:bpf_x']));
    expect(machine.usedRetval).toBe(false);
  });
  it('return an address, or NULL, of what no map has', () => {
    for (const [name, reason] of [
      ['bpf_ringbuf_reserve', 'depends:events'],
      ['bpf_get_local_storage', 'depends:cgroup-storage'],
      ['bpf_get_current_task', 'depends:task'],
    ] as const) {
      expect(call(machineWith({}), name)).toEqual({ kind: 'opaque', points: 'elsewhere', reasons: [reason] });
    }
  });
  it('find the value of another CPU', () => {
    expect(call(machineWith({ registers: { 1: MAP } }), 'bpf_map_lookup_percpu_elem')).toEqual({
      kind: 'opaque',
      points: 7,
      reasons: ['depends:map:7'],
    });
    expect(call(machineWith({ registers: { 1: known(9n) } }), 'bpf_map_lookup_percpu_elem')).toEqual({
      kind: 'opaque',
      points: 'any-map',
      reasons: ['kernel-memory'],
    });
  });
});

describe('helpers on maps take', () => {
  const machine = (more: Setting['registers'] = {}): Machine => {
    const on = machineWith({ maps: [mapOf('hash', { '01000000': '11111111' })] });
    onStack(on, -16, '010000002222222233333333');
    const registers = { 1: MAP, 2: pointer('stack:0', -16), 3: pointer('stack:0', -12), 4: known(1n), ...more };
    for (const [number, value] of Object.entries(registers)) on.setRegister(Number(number), value);
    return on;
  };
  it.each(['bpf_map_lookup_elem', 'htab_map_lookup_elem'])('map and key: %s', (name) => {
    expect(call(machine(), name)).toEqual(pointer('value:7:01000000', 0));
  });
  it('and for the element: __htab_map_lookup_elem', () => {
    expect(call(machine(), '__htab_map_lookup_elem')).toEqual({ kind: 'element', memory: 'value:7:01000000' });
  });
  it('key, value and flags: bpf_map_update_elem', () => {
    expect(call(machine(), 'bpf_map_update_elem')).toEqual(known(-17n));
    const on = machine({ 4: known(2n) });
    expect(call(on, 'htab_map_update_elem')).toEqual(known(0n));
    const at = call(on, 'bpf_map_lookup_elem') as { memory: string };
    expect(hexOf(on, at.memory, 0, 4)).toBe('22222222');
  });
  it('key: bpf_map_delete_elem', () => {
    const on = machine();
    expect(call(on, 'bpf_map_delete_elem')).toEqual(known(0n));
    expect(call(on, 'bpf_map_delete_elem')).toEqual(known(-2n));
  });
});

describe('bpf_loop', () => {
  const given = (count: bigint, more: Setting['registers'] = {}): Machine =>
    machineWith({
      bytes: join(mov(0, 0), EXIT, mov(0, 0), EXIT),
      registers: { 1: known(count), 2: { kind: 'code', slot: 2 }, 3: known(77n), 4: known(0n), ...more },
    });
  it('goes to the callback with the round and the context', () => {
    const machine = given(3n);
    expect(call(machine, 'bpf_loop')).toBe('continue');
    expect([machine.position, machine.register(1), machine.register(2)]).toEqual([2, known(0n), known(77n)]);
    expect(machine.frame.repetition).toMatchObject({ count: 3, round: 0, callback: 2, map: null });
  });
  it.each([
    [8n * 1024n * 1024n, 'continue'],
    [8n * 1024n * 1024n + 1n, known(-7n)],
    [0x1_0000_0001n, 'continue'],
  ])('of %i rounds', (count, result) => {
    expect(call(given(count), 'bpf_loop')).toEqual(result);
  });
  it('of no rounds returns 0 and leaves no arguments', () => {
    const machine = given(0n);
    expect(call(machine, 'bpf_loop')).toBe('continue');
    expect([machine.position, machine.register(0)]).toEqual([0, known(0n)]);
    expect(machine.register(3)).toMatchObject({ reasons: ['uninitialised'] });
  });
  it('has no flags', () => {
    expect(call(given(3n, { 4: known(1n) }), 'bpf_loop')).toEqual(known(-22n));
  });
  it.each<[string, Setting['registers']]>([
    ['a callback', { 2: known(5n) }],
    ['a count', { 1: unknownScalar(['depends:uid']) }],
    ['flags', { 4: unknownScalar(['depends:uid']) }],
  ])('without %s that is known may do anything', (_, registers) => {
    const machine = given(3n, registers);
    expect(call(machine, 'bpf_loop')).toEqual(unknownScalar(['helper:bpf_loop']));
    expect(machine.frames).toHaveLength(1);
    expect(machine.usedRetval).toBe(machine.register(2).kind === 'code');
  });
});

describe('bpf_for_each_map_elem', () => {
  const given = (type: string, more: Setting['registers'] = {}): Machine =>
    machineWith({
      bytes: join(mov(0, 0), EXIT, mov(0, 0), EXIT),
      maps: [mapOf(type, { '05000000': '11111111', '06000000': '22222222' })],
      registers: { 1: MAP, 2: { kind: 'code', slot: 2 }, 3: known(77n), 4: known(0n), ...more },
    });
  const NAME = 'bpf_for_each_map_elem';
  it('shows the callback the map, key, value and context', () => {
    const machine = given('hash');
    expect(call(machine, NAME)).toBe('continue');
    expect(machine.position).toBe(2);
    const [map, key, value, context] = [1, 2, 3, 4].map((number) => machine.register(number));
    expect([map, context]).toEqual([MAP, known(77n)]);
    expect(key?.kind === 'pointer' && hexOf(machine, key.memory, 0, 4)).toBe('05000000');
    expect(value).toEqual(pointer('value:7:05000000', 0));
    expect(machine.frame.repetition).toMatchObject({ count: 2, round: 0, map: MAP });
  });
  it('counts the indices of an array', () => {
    const machine = given('array');
    expect(call(machine, NAME)).toBe('continue');
    const [key, value] = [machine.register(2), machine.register(3)];
    expect(key.kind === 'pointer' && hexOf(machine, key.memory, 0, 4)).toBe('00000000');
    expect(value).toEqual(pointer('array:7', 0));
    expect(machine.frame.repetition).toMatchObject({ count: 4 });
  });
  it('has no flags', () => {
    expect(call(given('hash', { 4: known(1n) }), NAME)).toEqual(known(-22n));
  });
  it.each<[string, string, Setting['registers']]>([
    ['a callback', 'hash', { 2: known(5n) }],
    ['a map', 'hash', { 1: known(5n) }],
    ['flags', 'hash', { 4: unknownScalar(['depends:uid']) }],
    ['contents', 'percpu_array', {}],
  ])('without %s that is known may do anything', (_, type, registers) => {
    const machine = given(type, registers);
    expect(call(machine, NAME)).toEqual(unknownScalar([`helper:${NAME}`]));
    expect(machine.frames).toHaveLength(1);
    expect(machine.usedRetval).toBe(machine.register(2).kind === 'code');
  });
});

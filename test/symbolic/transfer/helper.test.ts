/** What helpers give (width and reason), what they write, and what they leave alone. */
import { describe, it } from 'vitest';
import type { ProgramEnvironment } from '../../../src/ebpf/types.js';
import { environmentWith } from '../agreement.js';
import {
  ALLOW,
  areEqual,
  arrayOf,
  call,
  DENY,
  expectVerdicts,
  isEqual,
  LOAD_MINOR,
  move,
  reference,
  set,
  wide,
  type Expected,
  type Row,
} from './judged.js';

const calling = (...names: string[]): ProgramEnvironment =>
  environmentWith({
    kernelRelease: '6.12.0',
    helpers: new Map(names.map((name, i) => [i + 1, name])),
    maps: new Map([[5, arrayOf(5, [5, 6])]]),
  });
const shift = (register: number, bits: number): Row => [0x77, register, 0, bits];
const stackAt = (register: number, offset: number): Row[] => [move(register, 10), [0x07, register, 0, offset]];

const SHARED: readonly [name: string, width: number, reason: string][] = [
  ['bpf_get_current_uid_gid', 64, 'gid'],
  ['bpf_get_current_pid_tgid', 64, 'tgid'],
  ['bpf_get_current_cgroup_id', 64, 'cgroup'],
  ['bpf_get_smp_processor_id', 32, 'cpu'],
  ['bpf_get_raw_cpu_id', 32, 'cpu'],
  ['bpf_get_raw_smp_processor_id', 32, 'cpu'],
];
const FRESH: readonly [name: string, width: number, reason: string][] = [
  ['bpf_get_current_ancestor_cgroup_id', 64, 'cgroup'],
  ['bpf_get_cgroup_classid', 32, 'cgroup'],
  ['bpf_get_cgroup_classid_curr', 32, 'cgroup'],
  ['bpf_ktime_get_ns', 64, 'time'],
  ['bpf_ktime_get_boot_ns', 64, 'time'],
  ['bpf_ktime_get_coarse_ns', 64, 'time'],
  ['bpf_ktime_get_tai_ns', 64, 'time'],
  ['bpf_jiffies64', 64, 'time'],
  ['bpf_user_rnd_u32', 32, 'random'],
  ['bpf_get_prandom_u32', 32, 'random'],
  ['bpf_get_numa_node_id', 64, 'cpu'],
];

describe('what a program is told of its caller', () => {
  it.each([...SHARED, ...FRESH])('%s: %i bits, of which every one is unknown', (name, width, reason) => {
    const environment = calling(name);
    const rest = (bits: number): Row[] => [call(1), ...(bits === 0 ? [] : [shift(0, bits)]), ...isEqual(0, 0)];
    if (width < 64) expectVerdicts(rest(width), () => true, { environment });
    expectVerdicts(rest(width - 1), () => `depends:${reason}`, { environment });
    // Any number of that width is possible.
    for (const like of [0n, (1n << BigInt(width)) - 1n])
      expectVerdicts([call(1), ...wide(6, like), ...areEqual(0, 6)], () => expectedWhole(reason), {
        environment,
      });
  });
  it.each([
    ['bpf_get_current_uid_gid', 'uid', 'gid'],
    ['bpf_get_current_pid_tgid', 'pid', 'tgid'],
  ])('%s has %s below and %s above', (name, low, high) => {
    const environment = calling(name);
    expectVerdicts([call(1), [0xbc, 0, 0, 0], ...isEqual(0, 0)], () => `depends:${low}`, { environment });
    expectVerdicts([call(1), shift(0, 31), [0x57, 0, 0, 1], ...isEqual(0, 0)], () => `depends:${low}`, { environment });
    expectVerdicts([call(1), shift(0, 32), ...isEqual(0, 0)], () => `depends:${high}`, { environment });
  });
  const twice = (first: number, second: number): Row[] => [call(first), move(6, 0), call(second), ...areEqual(0, 6)];
  // A single run of the interpreter does not know that two unknown numbers are one.
  it.each(SHARED.slice(0, 4))('%s is the same when it is asked again', (name) => {
    expectVerdicts(twice(1, 1), () => true, { environment: calling(name), evaluatorOnly: true });
  });
  it('all names for the CPU mean the same', () => {
    const environment = calling(...SHARED.slice(3).map(([name]) => name));
    expectVerdicts(twice(1, 2), () => true, { environment, evaluatorOnly: true });
    expectVerdicts(twice(2, 3), () => true, { environment, evaluatorOnly: true });
  });
  it.each(FRESH)('%s may be another', (name, _, reason) => {
    expectVerdicts(twice(1, 1), () => `depends:${reason}`, { environment: calling(name) });
  });
});

function expectedWhole(reason: string): string {
  const halves: Record<string, string> = { gid: 'depends:gid,depends:uid', tgid: 'depends:pid,depends:tgid' };
  return halves[reason] ?? `depends:${reason}`;
}

describe('bpf_get_current_comm', () => {
  const environment = calling('bpf_get_current_comm');
  /** The name into the bytes from fp - 32 on, which were all ones. */
  const named = (size: readonly Row[], offset = -32): Row[] => [
    ...[-40, -32, -24, -16, -8].map((at): Row => [0x7a, 10, at, -1]),
    ...stackAt(1, offset),
    ...size,
    call(1),
  ];
  const byteIs = (at: number, value: number): Row[] => [[0x71, 0xa7, at, 0], ...isEqual(7, value)];

  it.each([1, 2, 7, 8, 9, 15, 16, 17, 24, 32])('into %i bytes: characters, then zeros', (size) => {
    const last = Math.min(size, 16) - 1;
    for (const i of new Set([-1, 0, last - 1, last, size - 1, Math.min(size, 31)])) {
      const answer = i < 0 || i >= size ? 255 : i >= last ? 0 : null;
      const expected: Expected = () => (answer === null ? 'depends:comm' : true);
      expectVerdicts([...named([set(2, size)]), ...byteIs(i - 32, answer ?? 97)], expected, { environment });
    }
    expectVerdicts([...named([set(2, size)]), ...isEqual(0, 0)], () => true, { environment });
  });
  it('may have any bits', () => {
    for (const bit of [0, 7])
      expectVerdicts(
        [...named([set(2, 4)]), [0x71, 0xa7, -30, 0], shift(7, bit), [0x57, 7, 0, 1], ...isEqual(7, 0)],
        () => 'depends:comm',
        {
          environment,
        },
      );
  });
  it('is the same each time, and one character is not another', () => {
    const again = [...named([set(2, 16)]), ...stackAt(1, -16), set(2, 16), call(1)];
    const compared = (a: number, b: number): Row[] => [
      ...again,
      [0x71, 0xa6, a, 0],
      [0x71, 0xa7, b, 0],
      ...areEqual(6, 7),
    ];
    for (const i of [0, 7, 8, 14])
      expectVerdicts(compared(i - 32, i - 16), () => true, { environment, evaluatorOnly: true });
    expectVerdicts(compared(-32, -24), () => 'depends:comm', { environment });
    expectVerdicts(compared(-32, -31), () => 'depends:comm', { environment });
  });
  it('into a buffer of which the size depends on the request: nothing of it is known', () => {
    const rows = [LOAD_MINOR, move(8, 3), ...named([move(2, 8), [0x57, 2, 0, 15], [0x07, 2, 0, 1]])];
    const reason = 'helper:bpf_get_current_comm';
    expectVerdicts([...rows, ...byteIs(-32, 0)], () => reason, { environment, evaluatorOnly: true });
    expectVerdicts([...rows, ...byteIs(-33, 255)], () => true, { environment });
    expectVerdicts([...rows, ...isEqual(0, 0)], () => reason, { environment, evaluatorOnly: true });
  });
  it('into the largest buffer that is followed, and one byte more', () => {
    const map = { ...arrayOf(5, [0]), valueSize: 5000, entries: new Map([['00000000', new Uint8Array(5000).fill(9)]]) };
    const into = (size: number, at: number, value: number): Row[] => [
      ...reference(1, 2, 5),
      set(2, size),
      call(1),
      ...reference(6, 2, 5),
      [0x71, 0x67, at, 0],
      ...isEqual(7, value),
    ];
    const large = { ...environment, maps: new Map([[5, map]]) };
    expectVerdicts(into(4096, 4095, 0), () => true, { environment: large });
    expectVerdicts(into(4096, 4096, 9), () => true, { environment: large });
    expectVerdicts(into(4097, 4096, 0), () => 'kernel-memory', { environment: large });
  });
});

describe('helpers that change nothing', () => {
  const NAMES = [
    'bpf_ringbuf_submit',
    'bpf_ringbuf_discard',
    'bpf_ringbuf_output',
    'bpf_perf_event_output',
    'bpf_event_output_data',
    'bpf_trace_printk',
    'bpf_trace_vprintk',
    'bpf_spin_lock',
    'bpf_spin_unlock',
  ];
  const rows = (after: readonly Row[]): Row[] => [
    [0x62, 10, -8, 41],
    ...stackAt(1, -8),
    ...reference(2, 1, 5),
    ...reference(3, 2, 5),
    set(4, 0),
    set(5, 0),
    call(1),
    ...after,
  ];
  const stack: Row[] = [[0x61, 0xa6, -8, 0], ...isEqual(6, 41)];
  const value: Row[] = [...reference(6, 2, 5), [0x61, 0x66, 0, 0], ...isEqual(6, 5)];

  it.each(NAMES)('%s', (name) => {
    const environment = calling(name);
    expectVerdicts(rows(stack), () => true, { environment });
    expectVerdicts(rows(value), () => true, { environment });
    expectVerdicts(rows(isEqual(0, 0)), () => `helper:${name}`, { environment });
  });
  it('others may have written where their arguments point', () => {
    const environment = calling('bpf_made_up');
    expectVerdicts(rows(stack), () => 'helper:bpf_made_up', { environment });
    expectVerdicts(rows(value), () => 'kernel-memory', { environment });
  });
  it('room that a helper gives out overlaps no map', () => {
    const environment = calling('bpf_ringbuf_reserve', 'bpf_get_local_storage');
    const store: Row[] = [[0x7a, 0, 0, 9]];
    expectVerdicts([call(1), [0x15, 0, 1, 0], ...store, ...value], () => true, { environment });
    expectVerdicts([call(1), ...isEqual(0, 0)], () => 'helper:bpf_ringbuf_reserve', { environment });
    const storage: Row[] = [...reference(1, 1, 5), set(2, 0), call(2)];
    expectVerdicts([...storage, ...store, ...value], () => true, { environment });
    expectVerdicts([...storage, [0x15, 0, 2, 0], ...ALLOW, ...DENY], () => true, { environment, evaluatorOnly: true });
  });
});

describe('a call that the dump does not name', () => {
  const unresolved = (release: string | null): ProgramEnvironment => environmentWith({ kernelRelease: release });
  const rows = (after: readonly Row[]): Row[] => [set(1, 0), [0x62, 10, -4, 5], ...stackAt(2, -4), call(0), ...after];

  it.each([
    ['4.19.0', false],
    ['5.17.15', false],
    ['5.18.0', true],
    ['6.12.0', true],
    [null, true],
    ['5.14.0-427.13.1.el9_4.x86_64', true],
    ['4.18.0-553.el8_10.x86_64', true],
    ['5.14.21-150500.55.65-default', true],
    ['5.10.0-32-amd64', false],
    ['5.15.0-122-generic', false],
  ])('on %s may be bpf_set_retval: %s', (release, mayBe) => {
    const environment = unresolved(release);
    expectVerdicts(rows(ALLOW), () => (mayBe ? 'helper:unresolved' : true), { environment });
    expectVerdicts(rows(DENY), () => false, { environment });
  });
  it('may have written, and its result is not known', () => {
    const environment = unresolved('5.10.0');
    expectVerdicts(rows(isEqual(0, 0)), () => 'helper:unresolved', { environment });
    expectVerdicts(rows([[0x61, 0xa6, -4, 0], ...isEqual(6, 5)]), () => 'helper:unresolved', { environment });
    for (const register of [1, 2, 3, 4, 5])
      expectVerdicts([set(5, 5), ...rows(isEqual(register, 5))], () => 'uninitialised', { environment });
  });
});

describe('the kernel’s scratch register', () => {
  const counted = (name: string | null, scratch = 11): Row[] => [
    set(scratch, -16),
    call(name === null ? 0 : 1),
    [0x7b, 0x0a | (scratch << 4), -16, 0],
    [0x79, 0xa6, -16, 0],
    ...isEqual(6, -16),
  ];
  it('is where the check of a long loop takes and gives its number', () => {
    const environment = calling('arch_bpf_timed_may_goto');
    expectVerdicts([set(1, 7), ...counted('')], () => 'depends:time', { environment, evaluatorOnly: true });
    const kept: Row[] = [set(1, 7), set(11, -16), call(1), [0x7b, 0xba, -16, 0], ...isEqual(1, 7)];
    expectVerdicts(kept, () => true, { environment });
  });
  it('is not what it was behind a call that the dump does not name', () => {
    const environment = environmentWith({ kernelRelease: '5.10.0' });
    // r12 where r11 is for arguments on the stack.
    for (const scratch of [11, 12])
      expectVerdicts(counted(null, scratch), () => 'helper:unresolved', { environment, evaluatorOnly: true });
  });
});

describe('names of kallsyms', () => {
  it.each(['', '.isra.0', '.llvm.1234567890', '.cfi_jt', '.constprop.0.isra.0'])('with “%s” behind them', (suffix) => {
    const environment = calling(`bpf_get_smp_processor_id${suffix}`, `bpf_set_retval${suffix}`);
    expectVerdicts([call(1), shift(0, 32), ...isEqual(0, 0)], () => true, { environment });
    expectVerdicts([set(1, -1), call(2), ...ALLOW], () => false, { environment });
  });
});

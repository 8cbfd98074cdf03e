import type { CallerInputs } from './types.js';

/**
 * Callers to replay a request for when its verdict is claimed not to depend on who asks: `interpret` takes two unknown values for
 * different ones even where they are the same, and may then leave undecided what holds for every caller.
 */
export const SAMPLE_CALLERS: readonly Required<CallerInputs>[] = [
  { uid: 0, gid: 0, pid: 1, tgid: 1, comm: 'systemd', cpu: 0, timeNs: 1_000_000_000n, random: 0, cgroupId: 1n },
  {
    uid: 1000,
    gid: 100,
    pid: 4242,
    tgid: 4240,
    comm: 'sh',
    cpu: 3,
    timeNs: 0x1234_5678_9abc_def0n,
    random: 0xffff_ffff,
    cgroupId: 0xffff_0001n,
  },
  {
    uid: 65534,
    gid: 65534,
    pid: 77,
    tgid: 77,
    comm: 'node',
    cpu: 1,
    timeNs: 86_400_000_000_001n,
    random: 0x5bd1_e995,
    cgroupId: 4711n,
  },
];

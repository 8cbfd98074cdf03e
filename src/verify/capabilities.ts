import type { HostRecord } from '../snapshot/types.js';

/** Numbers of include/uapi/linux/capability.h. */
const CAPABILITIES: readonly { name: string; bit: bigint; why: string }[] = [
  { name: 'CAP_SYS_ADMIN', bit: 21n, why: 'to open programs and maps by id' },
  { name: 'CAP_NET_ADMIN', bit: 12n, why: 'to list programs of a cgroup on Linux before 6.12' },
  { name: 'CAP_SYSLOG', bit: 34n, why: 'to read programs with blinded constants, and names of helpers' },
  { name: 'CAP_DAC_READ_SEARCH', bit: 2n, why: "to read runtimes' state files" },
  { name: 'CAP_SYS_PTRACE', bit: 19n, why: "to see containers' own device nodes" },
];

/**
 * What the collector lacked to read everything: "missing: CAP_SYSLOG (what it is for)"; "" nothing, null not known.
 * A container whose files cannot be searched does not show, so that a lack counts as incomplete even where no single read failed.
 */
export function missingCapabilities({ capEff }: Pick<HostRecord, 'capEff'>): string | null {
  if (capEff === null || !/^[0-9a-f]{1,16}$/i.test(capEff)) return null;
  const held = BigInt(`0x${capEff}`);
  const missing = CAPABILITIES.filter(({ bit }) => (held / 2n ** bit) % 2n === 0n);
  return missing.length === 0 ? '' : `missing: ${missing.map(({ name, why }) => `${name} (${why})`).join(', ')}`;
}

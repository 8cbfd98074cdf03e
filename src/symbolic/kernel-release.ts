/** Whether a release ("6.12.107+deb13-amd64") is at least major.minor; null where it is not known. */
export function isAtLeast(kernelRelease: string | null, major: number, minor: number): boolean | null {
  const match = /^(\d+)\.(\d+)/.exec(kernelRelease ?? '');
  if (match === null) return null;
  const have = [Number(match[1]), Number(match[2])] as const;
  return have[0] > major || (have[0] === major && have[1] >= minor);
}

/** "5.14.0-427.13.1.el9_4.x86_64", "5.14.21-150500.55.65-default": Red Hat and SUSE keep a number for years and take BPF from later kernels. */
const HAS_LATER_PARTS = /\.el\d|-1\d0\d00\./;

/** bpf_set_retval exists since Linux 5.18 (commit b44123b4a3dc); an unknown release counts as having it. */
export function hasSetRetval(kernelRelease: string | null): boolean {
  if (kernelRelease !== null && HAS_LATER_PARTS.test(kernelRelease)) return true;
  return isAtLeast(kernelRelease, 5, 18) ?? true;
}

const CHANGING = ['update', 'delete', 'push', 'pop', 'peek'];

/**
 * Whether r0's upper half is unknown where the call's result is negative: translated programs call a map's own functions directly
 * (kernel/bpf/verifier.c, do_misc_fixups), and up to Linux 6.3 those return an int that nothing extends. The generic "bpf_map_*" helpers
 * extend it, and since 6.4 the functions return long. An unknown release may be an old one. bpf_iter_num_new returns an int in every release
 * (kernel/bpf/bpf_iter.c).
 */
export function returnsShortInt(name: string, kernelRelease: string | null): boolean {
  if (name === 'bpf_iter_num_new') return true;
  if (isAtLeast(kernelRelease, 6, 4) === true || name.startsWith('bpf_map_')) return false;
  const eachElement = name.startsWith('bpf_for_each_') && name.endsWith('_elem');
  return eachElement || CHANGING.some((verb) => name.endsWith(`_${verb}_elem`));
}

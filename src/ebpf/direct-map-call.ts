/**
 * Translated programs call a map's own functions directly ("htab_map_delete_elem"; kernel/bpf/verifier.c, do_misc_fixups). Up to Linux 6.3 these return an
 * int, and nothing extends it to the 64 bits of r0: of a negative result only the low half is certain. With GCC's code for x86-64 the upper half is 0, so that
 * `r0 == -2` is false after -ENOENT. Since 6.4 they return long ("bpf: return long from bpf_map_ops funcs").
 *
 * The helpers "bpf_map_update_elem" and so on, which are called where there is no JIT, extend the result. bpf_iter_num_new is a function of the kernel
 * that returns an int in every release (kernel/bpf/bpf_iter.c; `r0 s< 0` is false after -EINVAL on 6.18).
 * @param kernelRelease of the host; a release that is not known may be an old one
 */
export function leavesUpperHalfOpen(name: string, kernelRelease: string | null): boolean {
  if (name === 'bpf_iter_num_new') return true;
  if (name.startsWith('bpf_map_') || !/_(?:update|delete|push|pop|peek)_elem$|^bpf_for_each_\w+_elem$/.test(name))
    return false;
  const match = /^(\d+)\.(\d+)/.exec(kernelRelease ?? '');
  if (match === null) return true;
  const major = Number(match[1]);
  return major < 6 || (major === 6 && Number(match[2]) < 4);
}

import type { PendingLevel, PendingProgram } from './pending-types.js';

const MULTI = 2;

/**
 * The programs that apply to the first level's cgroup, in run order (kernel/bpf/cgroup.c, compute_effective_progs): the nearest level that has any
 * program counts whatever its flags, a level above only if it is MULTI. Programs attached with PREORDER run first, root-most level first.
 */
export function runOrder(levels: readonly PendingLevel[]): PendingProgram[] {
  const applied: (readonly PendingProgram[])[] = [];
  for (const { programs, flags } of levels) {
    if (programs === null || programs.length === 0) continue;
    if (applied.length === 0 || (flags & MULTI) !== 0) applied.push(programs);
  }
  const preordered = applied.toReversed().flatMap((programs) => programs.filter(({ preorder }) => preorder));
  return [...preordered, ...applied.flatMap((programs) => programs.filter(({ preorder }) => !preorder))];
}

/**
 * Could systemd attach a program of its own (BPF_F_ALLOW_MULTI) at a level? Not beside a program attached without MULTI, and not below an exclusive
 * one (kernel/bpf/cgroup.c, hierarchy_allows_attach). `above` are the levels further up, nearest first.
 */
export function canAttachMulti(
  level: PendingLevel,
  above: readonly PendingLevel[],
  leaving: ReadonlySet<number>,
): boolean {
  const staying = (level.programs ?? []).filter(({ id }) => !leaving.has(id));
  // The new program is attached before the old one is detached, so the old one's flags count too.
  const present = staying.length > 0 || leaving.size > 0;
  if (present && (level.flags & MULTI) === 0) return false;
  const nearest = above.find(({ programs }) => programs !== null && programs.length > 0);
  return nearest?.flags !== 0;
}

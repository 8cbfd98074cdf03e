import type { Author } from '../effective/author.js';
import type { PolicyPartition } from '../intent/types.js';
import type { ProgramRecord } from '../snapshot/types.js';

/** A program that applies to a subject, as it is shown. */
export interface ProgramView {
  id: number;
  /** null: the kernel lists the id and nothing else could be read. */
  record: ProgramRecord | null;
  /** Cgroup it is attached to; null where the levels could not be read. */
  attachedAt: string | null;
  /** BPF_F_ALLOW_OVERRIDE 1, BPF_F_ALLOW_MULTI 2, 0 none; null unknown. */
  attachFlags: number | null;
  author: Author;
  /** Instruction slots, as bpftool counts. */
  slots: number | null;
  /** What it decides by itself; null if it could not be evaluated, then `problem` says why. */
  alone: PolicyPartition | null;
  problem: string | null;
  /** What the program was before a hook put rules in front of it; null where none did. */
  behindHook: PolicyPartition | null;
}

import type { Program } from '../../ebpf/types.js';
import type { PolicyPartition } from '../../intent/types.js';
import type { ProgramView } from '../programs.js';
import type { SubjectAnalysis } from '../types.js';
import { atCallSites } from './partitions.js';
import type { Workshop } from './workshop.js';

/** One program by itself: its instructions, and what it would decide if it were the only one. */
export interface DecodedProgram {
  view: ProgramView;
  /** null where it could not be read; then `view.problem` says why. */
  program: Program | null;
  /** What the kernel would decide with this program alone; null where it could not be read. */
  policy: PolicyPartition | null;
  /** The program's own answers, also for requests that the kernel never asks (0:0). */
  raw: PolicyPartition | null;
  /** Call immediate to helper name, for listings. */
  helpers: ReadonlyMap<number, string>;
}

export function decodedPrograms(workshop: Workshop, { decidedBy, programs }: SubjectAnalysis): DecodedProgram[] {
  if (decidedBy === null) return [];
  return programs.map((view, index) => {
    const loaded = decidedBy.programs[index]?.loaded;
    if (loaded?.kind !== 'program' || view.alone === null)
      return { view, program: null, policy: null, raw: null, helpers: new Map() };
    const { program, environment } = loaded;
    return { view, program, policy: atCallSites(workshop, view.alone), raw: view.alone, helpers: environment.helpers };
  });
}

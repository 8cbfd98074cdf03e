import type { Machine } from './machine.js';
import type { Scalar } from './scalar.js';

/** What came of one instruction. */
export type StepResult =
  | 'continue'
  /** The main function returned this. */
  | { readonly exit: Scalar; readonly slot: number; readonly programId: number | null }
  /** The program goes where this interpreter cannot follow. */
  | { readonly undecided: readonly string[] }
  /** It goes on in one of these ways, depending on `reasons`. */
  | { readonly fork: readonly Machine[]; readonly reasons: readonly string[] };

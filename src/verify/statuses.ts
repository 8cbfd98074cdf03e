import type { SubjectStatus } from './types.js';

/** Every status, worst first: the order of counts in every format. */
export const STATUSES: readonly SubjectStatus[] = [
  'broken',
  'fail-open',
  'land-mine',
  'will-widen',
  'unknown',
  'warning',
  'ok',
  'not-compared',
  'not-running',
];

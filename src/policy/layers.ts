import type { AccessSet } from './access.js';

/** A stretch of numbers that share one access set. `covered`: wider rules already say all of it. */
export interface Run {
  low: number;
  high: number;
  set: AccessSet;
  covered?: boolean;
}

/**
 * Turns neighbouring runs into few rules: where a set returns after a stretch that has more (r, then rw, then r again), one rule spans the
 * whole and the richer stretch gets its own inside it. So `226:0-127 r` and `226:5 rw` come out as written. The result depends on the runs alone, its
 * union is theirs, and a number's whole set is said by the narrowest rule that holds it.
 *
 * @param runs ascending, disjoint, no two neighbours equal
 */
export function layerRuns(runs: readonly Run[], outer: AccessSet = 0): Run[] {
  const out: Run[] = [];
  for (let at = 0; at < runs.length;) {
    const run = runs[at]!;
    if (run.covered === true || run.set === outer) {
      at++;
      continue;
    }
    const end = lastReturn(runs, at);
    out.push({ low: run.low, high: runs[end]!.high, set: run.set }, ...layerRuns(runs.slice(at + 1, end), run.set));
    at = end + 1;
  }
  return out;
}

/** Appends a run, joining it to the one before where they touch and agree. */
export function appendRun(runs: Run[], run: Run): void {
  const last = runs.at(-1);
  if (last !== undefined && last.high + 1 === run.low && last.set === run.set) {
    last.high = run.high;
    if (last.covered === true && run.covered !== true) last.covered = false;
  } else {
    runs.push({ ...run });
  }
}

/** The last run with the same set that only supersets of it separate from the first, without a gap. */
function lastReturn(runs: readonly Run[], start: number): number {
  const { set } = runs[start]!;
  let end = start;
  for (let at = start + 1; at < runs.length; at++) {
    const run = runs[at]!;
    if (run.low !== runs[at - 1]!.high + 1 || (run.set & set) !== set) break;
    if (run.set === set && run.covered !== true) end = at;
  }
  return end;
}

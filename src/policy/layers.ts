import type { AccessSet } from './access.js';

/** A stretch of numbers that share one access set. `wide`: the part of it that rules for all majors already say (0: none). */
export interface Run {
  low: number;
  high: number;
  set: AccessSet;
  wide: AccessSet;
}

/**
 * Turns neighbouring runs into few rules: where a set returns after a stretch that has more (r, then rw, then r again), one rule spans the
 * whole and the richer stretch gets its own inside it. So `226:0-127 r` and `226:5 rw` come out as written. The result depends on the runs
 * alone, and its union is theirs.
 *
 * @param runs ascending, disjoint, no two neighbours equal
 * @param outer what a rule around all of them already says
 */
export function layerRuns(runs: readonly Run[], outer: AccessSet): Run[] {
  const out: Run[] = [];
  for (let at = 0; at < runs.length;) {
    const run = runs[at]!;
    if (isSaid(run, outer)) {
      at++;
      continue;
    }
    const end = lastReturn(runs, at, outer);
    out.push(
      { low: run.low, high: runs[end]!.high, set: run.set, wide: run.wide },
      ...layerRuns(runs.slice(at + 1, end), run.set),
    );
    at = end + 1;
  }
  return out;
}

/** Appends a run, joining it to the one before where they touch and agree. */
export function appendRun(runs: Run[], run: Run): void {
  const last = runs.at(-1);
  if (last?.high === run.low - 1 && last.set === run.set) {
    last.high = run.high;
    last.wide &= run.wide;
  } else {
    runs.push({ ...run });
  }
}

function isSaid({ set, wide }: Run, outer: AccessSet): boolean {
  return set === (outer | wide);
}

/** The last run with the same set that only supersets of it separate from the first, without a gap. */
function lastReturn(runs: readonly Run[], start: number, outer: AccessSet): number {
  const { set } = runs[start]!;
  let end = start;
  for (let at = start + 1; at < runs.length; at++) {
    const run = runs[at]!;
    if (run.low !== runs[at - 1]!.high + 1 || (run.set & set) !== set) break;
    if (run.set === set && !isSaid(run, outer)) end = at;
  }
  return end;
}

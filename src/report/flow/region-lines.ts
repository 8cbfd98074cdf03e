import type { DeviceSet } from '../../policy/device-set.js';
import { formatLine, ruleLines } from '../../policy/policy-text.js';
import { formatSummary, summariseRegion } from '../../policy/region-summary.js';
import { listRules } from '../../policy/to-rules.js';
import { levelAtZero } from '../../verify/region-rules.js';

/** A region as a few lines, in the notation of policies: `c 1:3 rw` is every subset of these letters, braces are these accesses and no others. */
export class RegionLines {
  readonly #most: number;
  readonly #raw: boolean;
  readonly #known = new Map<number, string[]>();

  /** @param most lines of one region; what is more is counted */
  constructor(most: number, raw: boolean) {
    this.#most = most;
    this.#raw = raw;
  }

  of(region: DeviceSet): string[] {
    const set = this.#raw ? region : levelAtZero(region);
    const key = set.canonical;
    let lines = this.#known.get(key);
    if (lines === undefined) {
      lines = this.#describe(set);
      this.#known.set(key, lines);
    }
    return lines;
  }

  /** The region itself, or, of more than half of all requests or of one type's, what it lacks: the shorter list is the one people want. */
  #describe(set: DeviceSet): string[] {
    const { space } = set;
    if (set.isEmpty()) return ['nothing'];
    if (set.complement().isEmpty()) return ['everything'];
    const half = space.everything.count() / 2n;
    if (set.count() > half) return ['everything but', ...indented(this.#bounded(set.complement()))];
    for (const [type, name] of TYPES) {
      const all = space.forPattern({ type, major: null, minor: null, access: () => true });
      if (!set.implies(all) || set.count() * 2n <= half) continue;
      const lacks = all.subtract(set);
      return lacks.isEmpty() ? [`every ${name}`] : [`every ${name} but`, ...indented(this.#bounded(lacks))];
    }
    return this.#bounded(set);
  }

  #bounded(set: DeviceSet): string[] {
    const { rules, remainder } = listRules(set);
    const lines = ruleLines(rules, 'policy').map((line) => shorten(formatLine(line)));
    if (remainder !== null) lines.push(...summariseRegion(remainder).map(formatSummary));
    return bounded(lines, this.#most);
  }
}

const TYPES = [
  ['c', 'character device'],
  ['b', 'block device'],
] as const;

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** Longest line of a box, in characters. */
const LONGEST = 48;

export function shorten(line: string): string {
  const characters = Array.from(line);
  return characters.length <= LONGEST ? line : `${characters.slice(0, LONGEST - 1).join('')}…`;
}

/** At most so many lines, and how many there are more. */
export function bounded(lines: readonly string[], most: number): string[] {
  if (lines.length <= most) return [...lines];
  const shown = lines.slice(0, most - 1);
  return [...shown, `... and ${String(lines.length - shown.length)} more`];
}

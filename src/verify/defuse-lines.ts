import type { DeviceSet } from '../policy/device-set.js';
import { accessMask } from '../intent/compiled.js';
import { maskText } from '../policy/access.js';
import { listRules } from '../policy/to-rules.js';
import { ACCESS_NAMES, MAX_MAJOR, MAX_MINOR, type DeviceRule, type Range } from '../policy/types.js';

/** One value of DeviceAllow=. */
export interface AllowLine {
  /** "/dev/char/1:3", "char-188", "char-*". */
  readonly node: string;
  /** 1 mknod, 2 read, 4 write, together. */
  readonly access: number;
}

/** More lines than this are no list a person would run. */
export const MOST_LINES = 256;

/**
 * Lines of DeviceAllow= that together allow a region, as far as systemd has a form for it: `/dev/char/M:m` (never looked up since systemd 240),
 * `char-M` and `char-*`. What has none (`*:5`, long runs of minors, masks) is left out: whoever uses them must compute what is still missing. They may
 * allow more than the region, since a line allows every subset of its letters.
 */
export function deviceAllowLines(region: DeviceSet): AllowLine[] {
  const lines = new Map<string, number>();
  for (const rule of listRules(region).rules) {
    const access = rule.access.reduce((mask, name) => bothMasks(mask, valueOf(name)), 0);
    for (const node of nodesOf(rule)) {
      if (lines.size >= MOST_LINES && !lines.has(node)) return toLines(lines);
      lines.set(node, bothMasks(lines.get(node) ?? 0, access));
    }
  }
  return toLines(lines);
}

/** A line needs a letter; `r` is taken where only the check without access bits (F_OK) is asked for. */
function toLines(lines: ReadonlyMap<string, number>): AllowLine[] {
  return [...lines].map(([node, access]) => ({ node, access: access === 0 ? 2 : access }));
}

/** The letters of two masks together. */
export function bothMasks(left: number, right: number): number {
  return accessMask(maskText(left) + maskText(right)) ?? 0;
}

export function lineText({ node, access }: AllowLine): string {
  return `${node} ${maskText(access)}`;
}

function valueOf(name: DeviceRule['access'][number]): number {
  return ACCESS_NAMES.find((each) => each.name === name)?.access ?? 0;
}

function nodesOf({ type, major, minor, majorMask, minorMask }: DeviceRule): string[] {
  if (majorMask !== undefined || minorMask !== undefined) return [];
  const prefix = type === 'c' ? 'char' : 'block';
  const everyMinor = minor[0] === 0 && minor[1] === MAX_MINOR;
  if (everyMinor && major[0] === 0 && major[1] === MAX_MAJOR) return [`${prefix}-*`];
  if (everyMinor) return numbers(major).map((number) => `${prefix}-${String(number)}`);
  if (length(major) > MOST_MAJORS || length(major) * length(minor) > MOST_NUMBERS) return [];
  return numbers(major).flatMap((high) => numbers(minor).map((low) => `/dev/${prefix}/${String(high)}:${String(low)}`));
}

/** Longer stretches are part of a rule with `*`, which numbers one by one would not restore. */
const MOST_MAJORS = 16;
const MOST_NUMBERS = 128;

function length([low, high]: Range): number {
  return high - low + 1;
}

function numbers(range: Range): number[] {
  return length(range) > MOST_LINES ? [] : Array.from({ length: length(range) }, (_, index) => range[0] + index);
}

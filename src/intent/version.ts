/**
 * Versions of runtimes and of systemd as packages, binaries and people write them: "1.1.5+ds1-1+deb12u1", "1.0.0~rc93+ds1-5",
 * "1:6.0.4-4", "257.13-1~deb13u1", "v1.2.0-rc.1", "1.1.4 built from the release tag". Only the upstream part is compared.
 */
export interface Version {
  /** Upstream numbers, most significant first; missing ones count as 0. */
  readonly numbers: readonly number[];
  /** Number of a release candidate (rc93, rc.1), or null for a release. A candidate is older than its release. */
  readonly candidate: number | null;
}

const EPOCH = /^[0-9]+:/;
const UPSTREAM = /^v?([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})(?:[-~.]?rc\.?([0-9]{1,9}))?/;

/** The upstream part of a version text; null when it does not start with one. */
export function parseVersion(text: string): Version | null {
  const match = UPSTREAM.exec(text.trim().replace(EPOCH, ''));
  if (match === null) return null;
  const [, numbers = '', candidate] = match;
  return { numbers: numbers.split('.').map(Number), candidate: candidate === undefined ? null : Number(candidate) };
}

/** Negative when `left` is older than `right`, 0 when they are the same upstream version. */
export function compareVersions(left: Version, right: Version): number {
  const length = Math.max(left.numbers.length, right.numbers.length);
  for (let position = 0; position < length; position++) {
    const difference = (left.numbers[position] ?? 0) - (right.numbers[position] ?? 0);
    if (difference !== 0) return difference;
  }
  return (left.candidate ?? Infinity) === (right.candidate ?? Infinity)
    ? 0
    : (left.candidate ?? Infinity) - (right.candidate ?? Infinity);
}

/** A half-open range of upstream versions, [from, before); an absent end is open. */
export interface VersionRange {
  readonly from?: string;
  readonly before?: string;
}

/** Whether a version lies in a range of a data table. Ends that are no versions are a fault of the table and throw. */
export function inRange(version: Version, range: VersionRange): boolean {
  if (range.from !== undefined && compareVersions(version, bound(range.from)) < 0) return false;
  return range.before === undefined || compareVersions(version, bound(range.before)) < 0;
}

/** The range as text: "1.2.0-rc1 to before 1.2.4", "before 1.3", "from 1.20", "every version". */
export function rangeText(range: VersionRange): string {
  if (range.from === undefined) return range.before === undefined ? 'every version' : `before ${range.before}`;
  return range.before === undefined ? `from ${range.from}` : `${range.from} to before ${range.before}`;
}

/** The release number of systemd (257 of "257.13-1~deb13u1"); null when the text has none. */
export function systemdRelease(text: string): number | null {
  return parseVersion(text)?.numbers[0] ?? null;
}

function bound(text: string): Version {
  const version = parseVersion(text);
  if (version === null) throw new RangeError(`not a version: ${text}`);
  return version;
}

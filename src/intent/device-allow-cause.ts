import { accessMask } from './compiled.js';
import { CRUN_DIALECTS } from './crun-compile.js';
import { crunSystemdMode, crunUnitProperties } from './crun-systemd.js';
import {
  generateDeviceAllow,
  RUNC_GENERATORS,
  type GeneratedList,
  type GenerationHost,
  type LossReason,
  type RuncGenerator,
} from './device-allow-generation.js';
import type { EmulatedException } from './runc-emulator.js';
import type { OciRule } from './oci-rule.js';
import type { UnitDeviceSettings } from './systemd-settings.js';
import { compareVersions, inRange, parseVersion, rangeText, type VersionRange } from './version.js';

/** One part of what systemd was not told, and the generators that leave exactly that out. */
export interface ListCause {
  readonly reason: LossReason;
  readonly rules: readonly EmulatedException[];
  /** First version whose list has these rules; null: no runc can say them to systemd. */
  readonly fixedIn: string | null;
}

export type ListExplanation =
  /** A generator reproduces the list, line by line. `lost` is empty where nothing was left out. */
  | {
      readonly kind: 'explained';
      /** Version ranges whose list this is; the first agrees with the known version if that is among them. */
      readonly generators: readonly string[];
      /** The container's runc is known and its generator is among them. */
      readonly versionAgrees: boolean | null;
      /** True: only a runc that systemd did not answer over D-Bus would have written it. */
      readonly systemdSilent: boolean;
      /** True: which links existed was not captured, and the lines themselves were believed about that. */
      readonly linksInferred: boolean;
      readonly causes: readonly ListCause[];
    }
  /** No generator writes this list from these rules on this host. */
  | { readonly kind: 'unknown'; readonly missing: readonly string[] };

/**
 * Which runc wrote what systemd holds? A cause is named only where the modelled generator writes exactly the observed lines; the generator of the
 * container's known version is tried first. `rules` is the recorded list, built-ins included.
 */
export function explainDeviceAllow(
  rules: readonly OciRule[],
  observed: UnitDeviceSettings,
  host: GenerationHost,
  version: string | null,
): ListExplanation {
  const known = version === null ? null : parseVersion(version);
  const missing = new Set<string>();
  const attempt = (on: GenerationHost): { generator: RuncGenerator; list: GeneratedList }[] =>
    RUNC_GENERATORS.flatMap((generator) => {
      const made = generateDeviceAllow(rules, generator, on);
      if (made.kind === 'unknown') missing.add(made.missing);
      return made.kind === 'list' && sameList(made.list, observed) ? [{ generator, list: made.list }] : [];
    });
  const isOwn = ({ generator }: { generator: RuncGenerator }): boolean =>
    known !== null && inRange(known, generator.range);
  const answered = attempt(host);
  // Facts that were not captured are only filled in for the container's own version: any other version would be a guess on a guess.
  const nodesInList = new Set(observed.allow.map(({ text }) => normalise(text).replace(/ [^ ]*$/, '')));
  const inferred = answered.length > 0 ? [] : attempt({ ...host, nodesInList }).filter(isOwn);
  const certain = [...answered, ...inferred];
  const matching = certain.length > 0 ? certain : attempt({ ...host, systemd: -1 });
  const own = matching.find(isOwn);
  const chosen = own ?? matching[0];
  if (chosen === undefined) return { kind: 'unknown', missing: [...missing].sort() };
  const ordered = [chosen, ...matching.filter((each) => each !== chosen)];
  return {
    kind: 'explained',
    generators: ordered.map(({ generator }) => rangeText(generator.range)),
    versionAgrees: known === null ? null : own !== undefined,
    systemdSilent: certain.length === 0,
    linksInferred: inferred.length > 0,
    causes: causesOf(rules, chosen, inferred.length > 0 ? { ...host, nodesInList } : host),
  };
}

/**
 * Which crun wrote what systemd holds? crun 1.18 to 1.22 gives the scope its list, and systemd's program of it stands on the scope from the start, above crun's
 * own on the cgroup below; 1.23 and later hand systemd the program itself (BPFProgram=), which loses nothing. `rules` is the list of the OCI configuration.
 */
export function explainCrunList(
  rules: readonly OciRule[],
  observed: UnitDeviceSettings,
  version: string | null,
): ListExplanation {
  const known = version === null ? null : parseVersion(version);
  const writers = CRUN_DIALECTS.flatMap((dialect) => {
    const made = crunUnitProperties(rules, dialect);
    const range = listRange(dialect.range);
    return range === null || 'error' in made || !sameList({ ...made, lines: made.allow }, observed)
      ? []
      : [{ range, dropped: made.dropped }];
  });
  const own = known === null ? undefined : writers.find(({ range }) => inRange(known, range));
  const chosen = own ?? writers[0];
  if (chosen === undefined) return { kind: 'unknown', missing: [] };
  const lost = chosen.dropped.map(({ type, major, minor, access }) => ({
    type: type.startsWith('b') ? ('b' as const) : ('c' as const),
    major,
    minor,
    access: accessMask(access) ?? 0,
  }));
  return {
    kind: 'explained',
    generators: [chosen, ...writers.filter((each) => each !== chosen)].map(({ range }) => rangeText(range)),
    versionAgrees: known === null ? null : own !== undefined,
    systemdSilent: false,
    linksInferred: false,
    causes: lost.length === 0 ? [] : [{ reason: 'any-major', rules: lost, fixedIn: BPF_PROGRAM_SINCE }],
  };
}

const BPF_PROGRAM_SINCE = '1.23';

/** The part of a dialect's range in which crun gives systemd a list. */
function listRange(range: VersionRange): VersionRange | null {
  const from = range.from === undefined ? null : parseVersion(range.from);
  if (from === null || crunSystemdMode(from) !== 'list') return null;
  const end = range.before === undefined ? null : parseVersion(range.before);
  const limit = parseVersion(BPF_PROGRAM_SINCE);
  const ends = end !== null && limit !== null && compareVersions(end, limit) < 0;
  return ends ? range : { ...range, before: BPF_PROGRAM_SINCE };
}

function causesOf(
  rules: readonly OciRule[],
  { generator, list }: { generator: RuncGenerator; list: GeneratedList },
  host: GenerationHost,
): ListCause[] {
  const reasons = [...new Set(list.lost.map(({ reason }) => reason))];
  const later = RUNC_GENERATORS.slice(RUNC_GENERATORS.indexOf(generator) + 1);
  return reasons.map((reason) => {
    const lost = list.lost.filter((each) => each.reason === reason).map(({ rule }) => rule);
    const fixed = later.find((each) => {
      const made = generateDeviceAllow(rules, each, host);
      return made.kind === 'list' && !made.list.lost.some(({ rule }) => lost.some((other) => sameRule(rule, other)));
    });
    return { reason, rules: lost, fixedIn: fixed?.range.from ?? null };
  });
}

function sameRule(left: EmulatedException, right: EmulatedException): boolean {
  return left.type === right.type && left.major === right.major && left.minor === right.minor;
}

/** The same policy and the same lines; order has no meaning (every reload of systemd reverses it), nor has the order of letters. */
function sameList(made: Pick<GeneratedList, 'policy' | 'lines'>, observed: UnitDeviceSettings): boolean {
  if (made.policy !== observed.policy) return false;
  const wanted = made.lines.map(normalise).sort();
  const seen = observed.allow.map(({ text }) => normalise(text)).sort();
  return wanted.length === seen.length && wanted.every((line, index) => line === seen[index]);
}

function normalise(line: string): string {
  const text = line.replace(/"/g, '');
  const space = text.lastIndexOf(' ');
  return space === -1 ? `${text} 7` : `${text.slice(0, space)} ${String(accessMask(text.slice(space + 1)) ?? 'x')}`;
}

import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import type { CrunStatusSource, OciConfigSource } from '../snapshot/types.js';
import { isDead, type CompiledPolicy } from './compiled.js';
import { compileCrun, compileCrunRule, CRUN_DIALECTS, type CrunDialect } from './crun-compile.js';
import { crunSystemdMode, crunUnitProperties } from './crun-systemd.js';
import { chooseDialects, type VersionKnowledge } from './dialects.js';
import { ociRule, ociRuleText, type OciRule } from './oci-rule.js';
import { compiledSet, decidedPartition, joinAlternatives, ruleSet } from './set.js';
import { compileUnit, type SystemdHost } from './systemd-compile.js';
import { settingsFromFiles } from './systemd-settings.js';
import type { IntendedPolicy, IntentWarning } from './types.js';
import { compareVersions, parseVersion, rangeText } from './version.js';
import { denyWarnings, listRestricts, overlapWarnings, unmatchableRules } from './warnings.js';

export interface CrunContext {
  readonly version: VersionKnowledge;
  /** Under the systemd cgroup driver; null unknown. */
  readonly systemd: boolean | null;
  /** What systemd sees, for the list crun 1.18 to 1.22 hands it when the OCI list is empty. */
  readonly host: SystemdHost;
  /** crun ran in a user namespace: it then ignores a failing load. */
  readonly rootless: boolean;
}

/** What crun meant by the configuration it kept (`<root>/<id>/config.json` is a byte copy of what it read). */
export function intendedFromCrun(
  space: DeviceSpace,
  config: OciConfigSource,
  status: CrunStatusSource | null,
  context: CrunContext,
): IntendedPolicy {
  const list = (config.resourcesDevices ?? []).map(ociRule);
  const candidates = possibleDialects(context).map((dialect) => ({
    dialect,
    compiled: attached(list, dialect, context),
  }));
  const { chosen, warnings } = chooseDialects(space, 'crun', candidates, context.version);
  const sets = chosen.map(({ compiled }) => (compiled === null ? space.everything : compiledSet(space, compiled)));
  const none = chosen.filter(({ compiled }) => compiled === null).length;
  const attaches = context.rootless || (none > 0 && none < chosen.length) ? 'undecided' : none > 0 ? 'none' : 'program';
  const first = chosen[0];
  const firstAllowed = sets[0] ?? space.nothing;
  return {
    ...joinAlternatives(
      space,
      sets.map((set) => decidedPartition(set)),
      'crun:version',
    ),
    source: { kind: status === null ? config.kind : status.kind, path: config.path },
    runtime: 'crun',
    generation: [...new Set(chosen.map(({ dialect }) => rangeText(dialect.range)))].join(' or '),
    warnings: [
      ...warnings,
      ...unmatchableRules(list),
      ...(first?.compiled == null
        ? []
        : [
            ...ineffective(list, first.dialect, firstAllowed),
            ...denyWarnings(space, first.compiled, firstAllowed),
            ...overlapWarnings(space, first.compiled),
          ]),
      ...(context.rootless ? [{ code: 'attach-may-be-skipped', about: 'rootless', region: null } as const] : []),
    ],
    attaches,
    attachesReason: context.rootless ? 'crun:rootless' : none > 0 ? 'crun:empty-list' : null,
    // crun without a list attaches nothing, yet "no list" is how OCI says "no device but the defaults".
    restricts: listRestricts(list),
    couldNotStart: null,
    dialects: chosen.map(({ dialect, compiled }) => ({ name: `crun ${rangeText(dialect.range)}`, compiled })),
  };
}

/** Dialects that need telling apart: where no version is known, those older than 1.0 are left out and the choice is said. */
function possibleDialects({ version }: CrunContext): readonly CrunDialect[] {
  if (version.exact !== null || version.installed !== null) return splitByMode();
  const first = parseVersion('1.0');
  return splitByMode().filter(({ range }) => {
    const end = range.before === undefined ? null : parseVersion(range.before);
    return end === null || first === null || compareVersions(end, first) > 0;
  });
}

/** The dialects cut where crun changed how it speaks to systemd too (1.18, 1.23). */
function splitByMode(): readonly CrunDialect[] {
  return CRUN_DIALECTS.flatMap((dialect) =>
    dialect.range.from === '1.20'
      ? [
          { ...dialect, range: { from: '1.20', before: '1.23' } },
          { ...dialect, range: { from: '1.23' } },
        ]
      : [dialect],
  );
}

function attached(list: readonly OciRule[], dialect: CrunDialect, context: CrunContext): CompiledPolicy | null {
  if (list.length > 0) return compileCrun(list, dialect);
  const from = dialect.range.from === undefined ? null : parseVersion(dialect.range.from);
  const mode = from === null ? 'none' : crunSystemdMode(from);
  if (context.systemd === false || mode === 'none') return null;
  if (mode === 'bpf-program') return compileCrun([], dialect);
  return systemdList(dialect, context.host);
}

/** Without a list crun 1.18 to 1.22 attaches nothing itself, but systemd enforces the built-ins it was told. */
function systemdList(dialect: CrunDialect, host: SystemdHost): CompiledPolicy | null {
  const properties = crunUnitProperties([], dialect);
  if ('error' in properties) return null;
  const assignments: [string, string, string][] = [
    ['Scope', 'DevicePolicy', properties.policy],
    ...properties.allow.map((line): [string, string, string] => ['Scope', 'DeviceAllow', line]),
  ];
  const settings = settingsFromFiles({
    name: 'crun.scope',
    nestedIn: null,
    cgroup: null,
    files: [{ path: '', assignments }],
    shown: null,
  });
  return settings === null ? null : compileUnit(settings, host).program;
}

/** Denies that change nothing: of built-ins, which crun puts in front of every rule, or of what a later rule allows again. */
function ineffective(list: readonly OciRule[], dialect: CrunDialect, allowed: DeviceSet): IntentWarning[] {
  return list
    .filter((rule) => !rule.allow && !rule.type.startsWith('a'))
    .filter((rule) => {
      const matched = compileCrunRule(rule, dialect.test);
      return ruleSet(allowed.space, matched).implies(allowed) && !isDead(matched);
    })
    .map((rule) => ({ code: 'deny-ineffective', about: ociRuleText(rule), region: null }));
}

import type { DeviceSpace } from '../policy/device-set.js';
import type { OciConfigSource, RuncStateSource } from '../snapshot/types.js';
import { chooseDialects, NOTHING_KNOWN, type VersionKnowledge } from './dialects.js';
import { ociRule, ociRuleText, type OciRule } from './oci-rule.js';
import { builtInEra, mergeWithBuiltIns, RUNC_BUILT_INS, type BuiltInEra } from './runc-builtin.js';
import {
  compileRunc,
  RUNC_GENERATIONS,
  runcGeneration,
  type CompiledList,
  type RuncGeneration,
} from './runc-compile.js';
import { compiledSet, decidedPartition, joinAlternatives } from './set.js';
import type { IntendedPolicy, IntentWarning } from './types.js';
import { compareVersions, parseVersion, rangeText, type Version } from './version.js';
import { denyWarnings, listRestricts, overlapWarnings, unmatchableRules } from './warnings.js';

/** One possible reading: a generation, the list it would have had, and where the list departs from what was written. */
interface Reading {
  readonly name: string;
  readonly generation: RuncGeneration;
  readonly rules: readonly OciRule[];
  readonly warnings: readonly IntentWarning[];
}

/**
 * What runc meant by its own state file. Nothing is added: the list of `config.cgroups.devices` holds the built-ins already.
 * Where the version known for the container and the file disagree, the file is believed; where several generations can have written the file, the one
 * whose list is a program that is attached has, else the installed one (said in a warning).
 */
export function intendedFromRuncState(
  space: DeviceSpace,
  state: RuncStateSource,
  version: VersionKnowledge,
): IntendedPolicy {
  const rules = stateRules(state);
  const readings = stateGenerations(state, version.exact).map((generation) => ({
    name: generation.name,
    generation,
    rules,
    warnings: [],
  }));
  return fromReadings(space, readings, {
    source: { kind: state.kind, path: state.path },
    rootless: state.cgroup.rootless === true,
    version,
  });
}

/** What runc would mean by an OCI configuration, its built-ins added. Regions where versions differ are undecided unless `version` is known. */
export function intendedFromRuncConfig(
  space: DeviceSpace,
  config: OciConfigSource,
  version: string | null,
): IntendedPolicy {
  const known = version === null ? null : parseVersion(version);
  const readings =
    known === null
      ? currentEras().map((era) => configReading(config, era, null))
      : [configReading(config, builtInEra(known), known)];
  const assumed: IntentWarning[] =
    known === null ? [{ code: 'version-assumed', about: 'runc 1.0.0 and later', region: null }] : [];
  return fromReadings(
    space,
    readings.map((reading) => ({ ...reading, warnings: [...assumed, ...reading.warnings] })),
    { source: { kind: config.kind, path: config.path }, rootless: false, version: NOTHING_KNOWN },
  );
}

/** The list runc recorded, in its own order. */
export function stateRules(state: RuncStateSource): OciRule[] {
  const rules = (state.devices ?? []).map(ociRule);
  // rc10 and rc90: with allow_all_devices written (false), the old lists are appended as allow rules (fs2/devices.go).
  if (state.allowAllDevices === false)
    rules.push(...(state.allowedDevices ?? []).map((raw) => ({ ...ociRule(raw), allow: true })));
  return rules;
}

/** Which generations can have written the file: keys tell, then the version, else every one that fits. */
export function stateGenerations(state: RuncStateSource, version: string | null): readonly RuncGeneration[] {
  const fitting = RUNC_GENERATIONS.filter(({ name }) => fits(state, name));
  const known = version === null ? null : parseVersion(version);
  const named = known === null ? undefined : runcGeneration(known);
  return named !== undefined && fitting.includes(named) ? [named] : fitting;
}

function fits(state: RuncStateSource, name: RuncGeneration['name']): boolean {
  const oldLists =
    state.allowedDevices !== null || state.deniedDevices !== null || state.keys.includes('allowed_devices');
  const skip = state.skipDevices !== null || state.keys.includes('skip_devices');
  // `skip_devices` was written by rc93 to rc95 only; `Paths` was seen in rc93 and is gone in 1.1, its end in between is not known.
  const paths = state.keys.includes('Paths');
  switch (name) {
    case 'rc10-rc90':
      return oldLists;
    case 'rc91-rc93':
      return !oldLists && (skip || paths);
    case 'rc94-rc95':
      return !oldLists && skip;
    case '1.0.0 and later':
      return !oldLists && !skip;
  }
}

function currentEras(): readonly BuiltInEra[] {
  const first = parseVersion('1.0.0');
  return RUNC_BUILT_INS.filter(({ range }) => {
    const end = range.before === undefined ? null : parseVersion(range.before);
    return end === null || first === null || compareVersions(end, first) > 0;
  });
}

function configReading(config: OciConfigSource, era: BuiltInEra, version: Version | null): Reading {
  const generation = version === null ? RUNC_GENERATIONS.at(-1) : runcGeneration(version);
  if (generation === undefined) throw new RangeError('the table of generations is empty');
  const { rules, displaced } = mergeWithBuiltIns(config, era);
  return {
    name: `runc ${rangeText(era.range)}`,
    generation,
    rules,
    warnings: displaced.map(({ path, rule }) => ({
      code: 'built-in-displaced',
      about: `${path}: ${ociRuleText(rule)}`,
      region: null,
    })),
  };
}

function fromReadings(
  space: DeviceSpace,
  readings: readonly Reading[],
  { source, rootless, version }: Pick<IntendedPolicy, 'source'> & { rootless: boolean; version: VersionKnowledge },
): IntendedPolicy {
  const tried = readings.map((reading) => ({
    reading,
    result: refuseEmptyAccess(reading) ?? compileRunc(reading.rules, reading.generation),
  }));
  const good = tried.flatMap(({ reading, result }) => ('error' in result ? [] : [{ reading, result }]));
  const rules = readings[0]?.rules ?? [];
  const common = { source, runtime: 'runc', restricts: listRestricts(rules) };
  if (good.length === 0) {
    const first = tried[0]?.result;
    const error = first !== undefined && 'error' in first ? first.error : 'no generation of runc fits this file';
    return {
      ...common,
      generation: generationNames(readings),
      allowed: space.nothing,
      denied: space.nothing,
      undecided: [{ region: space.everything, reason: 'runc:refused-list' }],
      warnings: [],
      attaches: 'undecided',
      attachesReason: 'runc:refused-list',
      couldNotStart: error,
      dialects: [],
    };
  }
  const { chosen, warnings: choice } = chooseGeneration(space, good, version);
  const policies = chosen.map(({ reading, result }) => ({
    reading,
    result,
    allowed: compiledSet(space, result.compiled),
  }));
  const warnings = [
    ...choice,
    ...policies.flatMap(({ reading, result, allowed }) => [
      ...reading.warnings,
      ...unmatchableRules(reading.rules),
      ...listWarnings(space, result, allowed),
    ]),
  ];
  return {
    ...common,
    generation: generationNames(chosen.map(({ reading }) => reading)),
    ...joinAlternatives(
      space,
      policies.map(({ allowed }) => decidedPartition(allowed)),
      'runc:version',
    ),
    warnings: distinct(
      rootless ? [...warnings, { code: 'attach-may-be-skipped', about: 'rootless', region: null }] : warnings,
    ),
    attaches: rootless ? 'undecided' : 'program',
    attachesReason: rootless ? 'runc:rootless' : null,
    couldNotStart: null,
    dialects: chosen.map(({ reading, result }) => ({ name: reading.name, compiled: result.compiled })),
  };
}

function generationNames(readings: readonly Reading[]): string {
  return [...new Set(readings.map(({ generation }) => generation.name))].join(' or ');
}

interface CompiledReading {
  readonly reading: Reading;
  readonly result: CompiledList;
}

/** Readings of one generation (eras of its built-ins) are no matter of the generation: all stay. */
function chooseGeneration(
  space: DeviceSpace,
  readings: readonly CompiledReading[],
  version: VersionKnowledge,
): { chosen: readonly CompiledReading[]; warnings: readonly IntentWarning[] } {
  const names = new Set(readings.map(({ reading }) => reading.generation.name));
  if (names.size === 1) return { chosen: readings, warnings: [] };
  const candidates = readings.map((each) => ({
    dialect: { range: each.reading.generation.range, each },
    compiled: each.result.compiled,
  }));
  const { chosen, warnings } = chooseDialects(space, 'runc', candidates, version);
  return { chosen: chosen.map(({ dialect }) => dialect.each), warnings };
}

/** runc's specconv: "device access at N field cannot be empty". */
function refuseEmptyAccess({ rules }: Reading): { error: string } | null {
  const index = rules.findIndex(({ access }) => access === '');
  return index === -1 ? null : { error: `device access at ${String(index)} field cannot be empty` };
}

function listWarnings(
  space: DeviceSpace,
  { compiled, ineffective }: CompiledList,
  allowed: IntendedPolicy['allowed'],
): IntentWarning[] {
  return [
    ...ineffective.map(({ rule }): IntentWarning => ({
      code: 'deny-ineffective',
      about: ociRuleText(rule),
      region: null,
    })),
    ...denyWarnings(space, compiled, allowed),
    ...overlapWarnings(space, compiled),
  ];
}

function distinct(warnings: readonly IntentWarning[]): IntentWarning[] {
  return [...new Map(warnings.map((warning) => [`${warning.code} ${warning.about}`, warning])).values()];
}

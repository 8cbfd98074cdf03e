import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import type { UnitRecord } from '../snapshot/types.js';
import { compiledSet, decidedPartition, intersectPolicies } from './set.js';
import { compileUnit, unitPartition, type CompiledUnit, type SystemdHost } from './systemd-compile.js';
import { settingsFromFiles, settingsFromShow } from './systemd-settings.js';
import type { IntendedPolicy, IntentList, IntentWarning, PolicyPartition } from './types.js';

/**
 * What a unit's device settings mean: what systemd holds (`systemctl show`) if it was asked, else what the files say. `runtime` is "systemd",
 * or "nspawn" where the unit is a machine's scope or service. `lastApplied`: see unitPartition. Null when neither could be had.
 */
export function intendedFromUnit(
  space: DeviceSpace,
  unit: UnitRecord,
  host: SystemdHost,
  runtime = 'systemd',
  lastApplied: readonly DeviceSet[] = [],
): IntendedPolicy | null {
  const settings = settingsFromShow(unit) ?? settingsFromFiles(unit);
  if (settings === null) return null;
  const compiled = compileUnit(settings, host);
  const partition = unitPartition(space, compiled, lastApplied);
  const source = {
    kind: settings.from === 'shown' ? 'systemctl-show' : 'unit-files',
    path: settings.from === 'shown' ? unit.name : (unit.files?.[0]?.path ?? unit.name),
  };
  return {
    ...(partition ?? withoutProgram(space, settings.bpfPrograms.length > 0)),
    source,
    runtime,
    generation: host.release === null ? 'of unknown release' : String(host.release),
    warnings: unitWarnings(compiled),
    // A BPFProgram= is a program somebody else compiled: what it allows is no setting of this unit.
    attaches: partition !== null ? 'program' : settings.bpfPrograms.length > 0 ? 'undecided' : 'none',
    attachesReason:
      partition !== null ? null : settings.bpfPrograms.length > 0 ? 'systemd:bpf-program' : 'systemd:auto',
    restricts: partition !== null,
    couldNotStart: null,
    dialectsMean: 'all of',
    dialects: [intentList(space, unit.name, compiled, partition)],
  };
}

/** No list: everything is allowed, unless somebody else's program is attached through BPFProgram=. */
function withoutProgram(space: DeviceSpace, foreign: boolean): PolicyPartition {
  if (!foreign) return decidedPartition(space.everything);
  return {
    allowed: space.nothing,
    denied: space.nothing,
    undecided: [{ region: space.everything, reason: 'systemd:bpf-program' }],
  };
}

function intentList(
  space: DeviceSpace,
  name: string,
  { program, open }: CompiledUnit,
  partition: PolicyPartition | null,
): IntentList {
  if (program === null || partition === null) return { name, compiled: null };
  const settled = partition.undecided.length === 0 && !partition.allowed.equals(compiledSet(space, program));
  return {
    name,
    compiled: program,
    open: open.map(({ rule }) => rule),
    ...(settled ? { settled: partition.allowed } : {}),
  };
}

/**
 * The intent of a unit together with the slices it is in: systemd means a slice's device settings for everything below it. `above` are the
 * records of those slices; one whose settings could not be had is passed over.
 */
export function intendedBelowSlices(
  space: DeviceSpace,
  own: IntendedPolicy,
  above: readonly UnitRecord[],
  host: SystemdHost,
  lastApplied: readonly DeviceSet[],
): IntendedPolicy {
  const slices = above.flatMap((unit) => intendedFromUnit(space, unit, host, own.runtime, lastApplied) ?? []);
  const restricting = slices.filter(({ attaches }) => attaches === 'program');
  if (restricting.length === 0) return own;
  return {
    ...own,
    ...restricting.reduce<PolicyPartition>(intersectPolicies, own),
    warnings: [...own.warnings, ...restricting.flatMap(({ warnings }) => warnings)],
    attaches: 'program',
    attachesReason: null,
    restricts: true,
    dialects: [...own.dialects, ...restricting.flatMap(({ dialects }) => dialects)],
  };
}

/** Lines that contribute nothing, lines systemd ignores, and nodes taken to exist. */
export function unitWarnings(compiled: CompiledUnit): IntentWarning[] {
  return [
    ...compiled.settings.ignored.map(({ line }): IntentWarning => ({
      code: 'rule-ignored',
      about: line,
      region: null,
    })),
    ...compiled.entries
      .filter(({ state }) => state === 'missing' || state === 'unmatched' || state === 'skipped')
      .map(({ entry }): IntentWarning => ({ code: 'rule-ignored', about: `DeviceAllow=${entry.text}`, region: null })),
    ...compiled.assumed.map(({ path }): IntentWarning => ({ code: 'node-assumed', about: path, region: null })),
  ];
}

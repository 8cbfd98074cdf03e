import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import type { UnitRecord } from '../snapshot/types.js';
import { decidedPartition } from './set.js';
import { compileUnit, unitPartition, type CompiledUnit, type SystemdHost } from './systemd-compile.js';
import { settingsFromFiles, settingsFromShow } from './systemd-settings.js';
import type { IntendedPolicy, IntentWarning } from './types.js';

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
    ...(partition ?? decidedPartition(space.everything)),
    source,
    runtime,
    generation: host.release === null ? 'systemd' : `systemd ${String(host.release)}`,
    warnings: unitWarnings(compiled),
    // A BPFProgram= is a program somebody else compiled: what it allows is no setting of this unit.
    attaches: partition !== null ? 'program' : settings.bpfPrograms.length > 0 ? 'undecided' : 'none',
    attachesReason:
      partition !== null ? null : settings.bpfPrograms.length > 0 ? 'systemd:bpf-program' : 'systemd:auto',
    restricts: partition !== null,
    couldNotStart: null,
    dialects: [{ name: 'systemd', compiled: compiled.program }],
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

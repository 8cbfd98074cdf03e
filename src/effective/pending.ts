import { hostOf } from '../intent/intended.js';
import { joinAlternatives } from '../intent/set.js';
import { compileUnit, unitPartition, type CompiledUnit } from '../intent/systemd-compile.js';
import { settingsFromFiles, settingsFromShow } from '../intent/systemd-settings.js';
import type { PolicyPartition } from '../intent/types.js';
import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import type { ContainerRecord, Snapshot, UnitRecord } from '../snapshot/types.js';
import type { Evaluator } from '../symbolic/evaluate.js';
import type { Partition } from '../symbolic/partition.js';
import { modelCallSites } from './compose-call-sites.js';
import { composeEffective, intersectPartitions, type EffectiveEntry } from './compose.js';
import { pendingEvent } from './pending-event.js';
import { systemdPrograms, type Reading } from './pending-identify.js';
import { isOfInnerManager } from './pending-manager.js';
import { canAttachMulti, runOrder } from './pending-order.js';
import { pinReadings } from './pending-pins.js';
import { withUnknown } from './pending-unread.js';
import { removalOfProgram } from './pending-removal.js';
import type { LevelChange, Pending, PendingBasis, PendingLevel, PendingProgram } from './pending-types.js';

export interface PendingRequest {
  readonly space: DeviceSpace;
  readonly evaluator: Evaluator;
  readonly snapshot: Snapshot;
  /** Units as systemd held them when the programs were read; default: the snapshot's. Others where the snapshot is what the host would be after a command. */
  readonly unitsBefore?: readonly UnitRecord[];
  /** The subject: a container, or any cgroup (then without nestedIn). */
  readonly subject: Pick<ContainerRecord, 'cgroup' | 'nestedIn'>;
  /** From the subject's cgroup up to the root. */
  readonly levels: readonly PendingLevel[];
  /** The levels and the run array the kernel gave do not fit together: something changed while they were read. */
  readonly changed: boolean;
  /** What must be allowed besides the programs: the v1 devices controller of a hybrid host. Null: nothing. */
  readonly alsoRequired: Partition | null;
  /** What the runtime meant to attach, one set per dialect that is possible; tells its nameless program from systemd's. */
  readonly runtimeOwn: readonly DeviceSet[];
}

/** What the kernel will decide once systemd has read its unit files again and applied them. Every unit on the path is applied. */
export function afterReload(request: PendingRequest): Pending {
  return predict(request, 'files');
}

/** What the kernel will decide once any property of the subject's own unit was set: systemd then applies what it holds now. */
export function afterApply(request: PendingRequest): Pending {
  return predict(request, 'shown');
}

function predict(request: PendingRequest, basis: PendingBasis): Pending {
  const { snapshot, subject, levels } = request;
  const none = (reason: Extract<Pending, { kind: 'none' }>['reason']): Pending => ({ kind: 'none', reason });
  if (subject.cgroup === null || levels.length === 0) return none('no-cgroup');
  if (subject.nestedIn === null && (snapshot.host.cgroupLayout === 'hybrid' || snapshot.host.cgroupLayout === 'v1'))
    return none('cgroup-v1-controller');
  const units = levels.map(
    ({ cgroup }) => snapshot.units.find((unit) => unit.cgroup === cgroup && unit.nestedIn === subject.nestedIn) ?? null,
  );
  const own = units.findIndex((unit) => unit !== null);
  if (own === -1) return none('no-unit');
  const level = levels[own];
  if (subject.nestedIn === null && level?.programs?.length === 0 && isOfInnerManager(level.cgroup))
    return none('inner-manager');
  const applied = basis === 'files' ? units : units.map((unit, index) => (index === own ? unit : null));
  const compiled = applied.map((unit) => (unit === null ? null : compiledOf(request, unit, basis)));
  if (compiled[own] === null) return none(basis === 'files' ? 'no-files' : 'not-shown');
  if (request.changed) return none('programs-changed');
  const results = readingsOf(
    { ...request, levels: levels.map((level) => withUnknown(level, request.space)) },
    units,
    compiled,
    basis,
  );
  const first = results[0];
  if (first === undefined) return none('too-many-readings');
  const { space } = request;
  const joined = joinAlternatives(
    space,
    results.map((each) => each.partition),
    'systemd:which-program',
  );
  const { release } = hostOf(snapshot, subject.nestedIn).systemd;
  return {
    kind: 'policy',
    policy: {
      ...joined,
      basis,
      event: pendingEvent(basis, release, hasReloadedSince(snapshot, subject, levels[own])),
      lists: results.map(({ list }) => list),
      changes: first.changes,
      unread: applied.flatMap((unit, index) => (unit !== null && compiled[index] === null ? [unit.name] : [])),
      needDaemonReload: needsReload(units[own] ?? null),
    },
  };
}

/**
 * systemd's timestamp is CLOCK_MONOTONIC, a program's load time CLOCK_BOOTTIME, which is never behind it: a reload that is later by these two numbers is later.
 */
function hasReloadedSince(
  { host, programs }: Snapshot,
  { nestedIn }: PendingRequest['subject'],
  level: PendingLevel | undefined,
): boolean {
  const reloadedUs = nestedIn === null ? (host.systemd?.unitsLoadTimestampMonotonicUs ?? null) : null;
  const ids = level?.programs?.map(({ id }) => id) ?? [];
  const loads = ids.map((id) => programs.find((each) => each.id === id)?.loadedAtNs ?? null);
  if (reloadedUs === null || loads.length === 0) return false;
  return loads.every((loaded) => loaded !== null && loaded / 1000 < reloadedUs);
}

function compiledOf({ snapshot }: PendingRequest, unit: UnitRecord, basis: PendingBasis): CompiledUnit | null {
  const settings = basis === 'files' ? settingsFromFiles(unit) : settingsFromShow(unit);
  return settings === null ? null : compileUnit(settings, hostOf(snapshot, unit.nestedIn).systemd);
}

interface Result {
  readonly list: readonly EffectiveEntry[];
  readonly partition: PolicyPartition;
  readonly changes: readonly LevelChange[];
}

/** With more readings than this (dozens of nameless programs nobody knows) there is no prediction. */
const MOST_READINGS = 256;

/** One result for every combination of readings of the levels. */
function readingsOf(
  request: PendingRequest,
  units: readonly (UnitRecord | null)[],
  compiled: readonly (CompiledUnit | null)[],
  basis: PendingBasis,
): Result[] {
  let combinations: (readonly LevelReading[])[] = [[]];
  request.levels.forEach((level, index) => {
    const unit = compiled[index] ?? null;
    const record = units[index] ?? null;
    const readings: LevelReading[] =
      unit === null || record === null
        ? [{ level, change: null, fresh: null }]
        : levelReadings(request, index, record, unit, basis);
    combinations = combinations.flatMap((before) => readings.map((reading) => [...before, reading]));
    if (combinations.length > MOST_READINGS) combinations = [];
  });
  return combinations.map((readings) => {
    const list = runOrder(readings.map(applyReading)).map(({ entry }) => entry);
    return {
      list,
      partition: composed(request, list),
      changes: readings.flatMap(({ change }) => (change === null ? [] : [change])),
    };
  });
}

interface LevelReading {
  readonly level: PendingLevel;
  readonly change: LevelChange | null;
  /** systemd's new program; null where it adds none. */
  readonly fresh: PendingProgram | null;
}

function levelReadings(
  request: PendingRequest,
  index: number,
  record: UnitRecord,
  compiled: CompiledUnit,
  basis: PendingBasis,
): LevelReading[] {
  const level = request.levels[index];
  if (level === undefined) return [];
  const programs = level.programs ?? [];
  const host = hostOf(request.snapshot, record.nestedIn).systemd;
  const lists = [record, ...unitBefore(request, record)]
    .flatMap((unit) => (['files', 'shown'] as const).map((each) => compiledOf(request, unit, each)))
    .flatMap((unit) => (unit === null ? [] : (unitPartition(request.space, unit)?.allowed ?? [])));
  const made = newProgram(request, compiled, programs);
  const known = systemdPrograms(programs, host.release, lists, request.runtimeOwn);
  const own = made === null ? withoutList(known, removalOfProgram(request.snapshot, record, basis, host)) : known;
  const pinned = basis === 'shown' ? [] : compiled.settings.bpfPrograms;
  return pinReadings(request.snapshot, request.subject.nestedIn, pinned, programs).flatMap(
    ({ missingPins, assumedPins, gone }) =>
      own.map((reading: Reading): LevelReading => {
        const leaving = [...new Set([...reading.leaving, ...gone])];
        // A refused attach leaves everything as it was: the old program is only detached once the new one is in place.
        const refused = made !== null && !canAttachMulti(level, request.levels.slice(index + 1), new Set(leaving));
        return {
          level,
          fresh: refused ? null : (made?.program ?? null),
          change: {
            cgroup: level.cgroup,
            unit: record.name,
            compiled,
            replaced: refused ? [] : leaving,
            adds: made !== null && !refused,
            asBefore: refused ? null : (made?.asBefore ?? null),
            refused,
            missingPins,
            assumedPins,
          },
        };
      }),
  );
}

/** The unit as it was when the programs were read, if that is another record. */
function unitBefore({ unitsBefore = [] }: PendingRequest, record: UnitRecord): UnitRecord[] {
  const { name, cgroup, nestedIn } = record;
  return unitsBefore.filter(
    (unit) => unit !== record && unit.name === name && unit.cgroup === cgroup && unit.nestedIn === nestedIn,
  );
}

/** Readings of a level where systemd has no program to put in place of its old one. */
function withoutList(readings: readonly Reading[], removal: ReturnType<typeof removalOfProgram>): readonly Reading[] {
  const keeps = readings.map((): Reading => ({ leaving: [] })).slice(0, 1);
  if (removal === 'removed') return readings;
  if (removal === 'stays') return keeps;
  return [...readings, ...(readings.some(({ leaving }) => leaving.length === 0) ? [] : keeps)];
}

function applyReading({ level, change, fresh }: LevelReading): PendingLevel {
  if (change === null || level.programs === null) return level;
  const leaving = new Set(change.replaced);
  const staying = level.programs.filter(({ id }) => !leaving.has(id));
  return fresh === null
    ? { ...level, programs: staying }
    : { cgroup: level.cgroup, flags: 2, programs: [...staying, fresh] };
}

/** systemd's program of a unit, not yet loaded anywhere; null where it has none. */
function newProgram(
  { space }: PendingRequest,
  unit: CompiledUnit,
  programs: readonly PendingProgram[],
): { program: PendingProgram; asBefore: number | null } | null {
  // systemd's present program shows what lines resolve to that the snapshot has no node for.
  const last = programs.flatMap(({ id, name, allowed }) =>
    name === 'sd_devices' && allowed !== null ? [{ id, allowed }] : [],
  );
  const meaning = unitPartition(
    space,
    unit,
    last.map(({ allowed }) => allowed),
  );
  if (meaning === null) return null;
  const alone = unitPartition(space, unit);
  const same = alone !== null && alone.undecided.length === 0 && alone.allowed.equals(meaning.allowed);
  const asBefore =
    same || meaning.undecided.length > 0
      ? null
      : (last.find(({ allowed }) => allowed.equals(meaning.allowed))?.id ?? null);
  return {
    asBefore,
    program: {
      id: -1,
      name: 'sd_devices',
      entry: { kind: 'partition', partition: refs(meaning) },
      allowed: meaning.undecided.length === 0 ? meaning.allowed : null,
      preorder: false,
    },
  };
}

/** As the enforced policy is composed: run list, the kernel's call sites, and what else must allow. */
function composed(
  { space, evaluator, snapshot, alsoRequired }: PendingRequest,
  list: readonly EffectiveEntry[],
): PolicyPartition {
  const { kernelRelease } = snapshot.host;
  const programs = composeEffective(evaluator, list, kernelRelease);
  const both = alsoRequired === null ? programs : intersectPartitions(evaluator.manager, programs, alsoRequired);
  const { allowed, denied, undecided } = modelCallSites(evaluator.manager, both, kernelRelease);
  return {
    allowed: space.fromRef(allowed),
    denied: space.fromRef(denied),
    undecided: undecided.map(({ region, reason }) => ({ region: space.fromRef(region), reason })),
  };
}

function refs({ allowed, denied, undecided }: PolicyPartition): Partition {
  return {
    allowed: allowed.ref,
    denied: denied.ref,
    undecided: undecided.map(({ region, reason }) => ({ region: region.ref, reason })),
  };
}

function needsReload(unit: UnitRecord | null): boolean | null {
  const value =
    unit?.shown != null && Object.hasOwn(unit.shown, 'NeedDaemonReload')
      ? unit.shown['NeedDaemonReload']?.[0]
      : undefined;
  return value === undefined ? null : value === 'yes';
}

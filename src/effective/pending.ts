import { hostOf } from '../intent/intended.js';
import { joinAlternatives, partitionWith } from '../intent/set.js';
import { compileUnit, unitPartition, type CompiledUnit } from '../intent/systemd-compile.js';
import { settingsFromFiles, settingsFromShow } from '../intent/systemd-settings.js';
import type { PolicyPartition } from '../intent/types.js';
import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import type { ContainerRecord, Snapshot, UnitRecord } from '../snapshot/types.js';
import { listVerdict } from '../symbolic/retval.js';
import type { Evaluator, Outcome } from '../symbolic/evaluate.js';
import { partition } from '../symbolic/partition.js';
import { pendingEvent } from './pending-event.js';
import { systemdPrograms, type Reading } from './pending-identify.js';
import { canAttachMulti, runOrder } from './pending-order.js';
import type { LevelChange, Pending, PendingBasis, PendingLevel, PendingProgram } from './pending-types.js';

export interface PendingRequest {
  readonly space: DeviceSpace;
  readonly evaluator: Evaluator;
  readonly snapshot: Snapshot;
  /** The subject: a container, or any cgroup (then without nestedIn). */
  readonly subject: Pick<ContainerRecord, 'cgroup' | 'nestedIn'>;
  /** From the subject's cgroup up to the root. */
  readonly levels: readonly PendingLevel[];
  /** What must be allowed besides the programs: the v1 devices controller of a hybrid host. Null: nothing. */
  readonly alsoRequired: PolicyPartition | null;
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
  const applied = basis === 'files' ? units : units.map((unit, index) => (index === own ? unit : null));
  const compiled = applied.map((unit) => (unit === null ? null : compiledOf(request, unit, basis)));
  if (compiled[own] === null) return none(basis === 'files' ? 'no-files' : 'not-shown');
  if (levels.some(({ programs }) => programs === null)) return none('programs-unread');
  const results = readingsOf(request, units, compiled, basis);
  const first = results[0];
  if (first === undefined) return none('programs-unread');
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
      event: pendingEvent(basis, release),
      changes: first.changes,
      unread: applied.flatMap((unit, index) => (unit !== null && compiled[index] === null ? [unit.name] : [])),
      needDaemonReload: needsReload(units[own] ?? null),
    },
  };
}

function compiledOf({ snapshot }: PendingRequest, unit: UnitRecord, basis: PendingBasis): CompiledUnit | null {
  const settings = basis === 'files' ? settingsFromFiles(unit) : settingsFromShow(unit);
  return settings === null ? null : compileUnit(settings, hostOf(snapshot, unit.nestedIn).systemd);
}

interface Result {
  readonly partition: PolicyPartition;
  readonly changes: readonly LevelChange[];
}

/** More readings than this are not told apart: a level would have to hold many nameless programs nobody knows. */
const MOST_READINGS = 16;

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
        ? [{ level, change: null, unit: null }]
        : levelReadings(request, level, record, unit, basis);
    combinations = combinations
      .flatMap((before) => readings.map((reading) => [...before, reading]))
      .slice(0, MOST_READINGS);
  });
  return combinations.map((readings) => ({
    partition: composed(request, applyReadings(request, readings)),
    changes: readings.flatMap(({ change }) => (change === null ? [] : [change])),
  }));
}

interface LevelReading {
  readonly level: PendingLevel;
  readonly change: LevelChange | null;
  readonly unit: CompiledUnit | null;
}

function levelReadings(
  request: PendingRequest,
  level: PendingLevel,
  record: UnitRecord,
  compiled: CompiledUnit,
  basis: PendingBasis,
): LevelReading[] {
  const programs = level.programs ?? [];
  const { release } = hostOf(request.snapshot, record.nestedIn).systemd;
  const lists = (['files', 'shown'] as const)
    .map((each) => compiledOf(request, record, each))
    .flatMap((unit) => (unit === null ? [] : (unitPartition(request.space, unit)?.allowed ?? [])));
  const own = systemdPrograms(programs, release, lists, request.runtimeOwn);
  return pinReadings(request, programs, compiled, basis).flatMap(({ missingPins, gone }) =>
    own.map((reading: Reading) => ({
      level,
      unit: compiled,
      change: {
        cgroup: level.cgroup,
        unit: record.name,
        compiled,
        replaced: [...new Set([...reading.leaving, ...gone])],
        adds: compiled.program !== null,
        missingPins,
      },
    })),
  );
}

/**
 * Programs systemd attached for BPFProgram=device:PIN. They are not kept over a reload but read again from bpffs: one whose pin is gone is not attached
 * again. Which program it was is certain only where one program on the level can be it.
 */
function pinReadings(
  { snapshot }: PendingRequest,
  programs: readonly PendingProgram[],
  { settings }: CompiledUnit,
  basis: PendingBasis,
): { missingPins: string[]; gone: number[] }[] {
  const stays = { missingPins: [], gone: [] };
  if (settings.bpfPrograms.length === 0 || basis === 'shown') return [stays];
  const pins = snapshot.host.bpfPins;
  const state = (path: string): boolean | null =>
    pins === null ? null : (pins.find((pin) => pin.path === path)?.present ?? null);
  const missing = settings.bpfPrograms.filter((path) => state(path) === false);
  const unknown = settings.bpfPrograms.filter((path) => state(path) === null);
  const candidates = programs.filter(({ name }) => name !== 'sd_devices').map(({ id }) => id);
  const leave = (count: number, paths: string[]): { missingPins: string[]; gone: number[] }[] =>
    candidates.length <= count
      ? [{ missingPins: paths, gone: candidates }]
      : candidates.map((id) => ({ missingPins: paths, gone: [id] }));
  const certain = missing.length === 0 ? [stays] : leave(missing.length, missing);
  return unknown.length === 0
    ? certain
    : [...certain, ...leave(missing.length + unknown.length, [...missing, ...unknown])];
}

function applyReadings(request: PendingRequest, readings: readonly LevelReading[]): PendingLevel[] {
  return readings.map(({ level, change, unit }, index) => {
    if (change === null || unit === null || level.programs === null) return level;
    const leaving = new Set(change.replaced);
    const staying = level.programs.filter(({ id }) => !leaving.has(id));
    const fresh = newProgram(request, unit, level);
    if (fresh === null) return { ...level, programs: staying };
    const above = readings.slice(index + 1).map((each) => each.level);
    // A refused attach leaves everything as it was: the old program is only detached once the new one is in place.
    if (!canAttachMulti(level, above, leaving)) return level;
    return { cgroup: level.cgroup, flags: 2, programs: [...staying, fresh] };
  });
}

/** systemd's program of a unit, not yet loaded anywhere; null where it has none. */
function newProgram(
  { space, evaluator }: PendingRequest,
  unit: CompiledUnit,
  level: PendingLevel,
): PendingProgram | null {
  // systemd's present program shows what lines resolve to that the snapshot has no node for.
  const lastApplied = (level.programs ?? []).flatMap(({ name, allowed }) =>
    name === 'sd_devices' && allowed !== null ? [allowed] : [],
  );
  const meaning = unitPartition(space, unit, lastApplied);
  if (meaning === null) return null;
  return {
    id: -1,
    name: 'sd_devices',
    outcome: outcomeOf(evaluator, meaning, level.cgroup),
    allowed: meaning.undecided.length === 0 ? meaning.allowed : null,
    preorder: false,
  };
}

/** A program of which only the policy is known, undecided regions as inputs of their own. */
function outcomeOf({ manager, inputs }: Evaluator, meaning: PolicyPartition, name: string): Outcome {
  const open = meaning.undecided.map(({ region, reason }) => {
    const bit = inputs.word(`pending ${name} ${reason}`, reason, 1)[0];
    return bit === undefined ? region.ref : manager.and(region.ref, bit);
  });
  return { returnsNonZero: manager.orAll([meaning.allowed.ref, ...open]), retval: null };
}

function composed(
  { space, evaluator, alsoRequired }: PendingRequest,
  levels: readonly PendingLevel[],
): PolicyPartition {
  const { manager, inputs } = evaluator;
  const list = runOrder(levels).map(({ outcome }) => outcome);
  if (alsoRequired !== null) list.push(outcomeOf(evaluator, alsoRequired, 'v1'));
  const { allowed, denied, undecided } = partition(manager, inputs, listVerdict(manager, inputs, list));
  const open = undecided.map(({ region, reason }) => ({ region: space.fromRef(region), reason }));
  return open.length === 0
    ? { allowed: space.fromRef(allowed), denied: space.fromRef(denied), undecided: [] }
    : partitionWith(space.fromRef(allowed), open);
}

function needsReload(unit: UnitRecord | null): boolean | null {
  const value =
    unit?.shown != null && Object.hasOwn(unit.shown, 'NeedDaemonReload')
      ? unit.shown['NeedDaemonReload']?.[0]
      : undefined;
  return value === undefined ? null : value === 'yes';
}

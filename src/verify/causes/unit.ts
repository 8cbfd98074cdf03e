import { hostOf } from '../../intent/intended.js';
import { ruleSet } from '../../intent/set.js';
import { compileUnit, unitPartition, type CompiledUnit, type SystemdHost } from '../../intent/systemd-compile.js';
import { settingsFromFiles, settingsFromShow, type UnitDeviceSettings } from '../../intent/systemd-settings.js';
import type { DeviceSet, DeviceSpace } from '../../policy/device-set.js';
import { pickWitness } from '../../policy/witness.js';
import type { UnitRecord } from '../../snapshot/types.js';
import type { CheckInput } from '../checks/check.js';
import type { ProgramView } from '../programs.js';
import type { NamedCause } from './types.js';
import { ruleTexts } from './words.js';

interface AppliedUnit {
  readonly unit: UnitRecord;
  readonly host: SystemdHost;
  /** systemd's program for the unit, as far as it is decided. */
  readonly applied: DeviceSet;
  readonly program: ProgramView;
}

/** Is what denies above a container the device settings of the unit there? Named where they compile to exactly the program. */
export function unitListCause(input: CheckInput, cgroup: string, ids: readonly number[]): NamedCause | null {
  for (const { unit, host, applied, program } of appliedAt(input, cgroup)) {
    if (!ids.includes(program.id)) continue;
    for (const settings of [settingsFromShow(unit), settingsFromFiles(unit)]) {
      if (settings === null || !compilesTo(applied.space, compileUnit(settings, host), applied)) continue;
      return {
        kind: 'unit-list',
        runtime: 'systemd',
        version: input.snapshot.host.systemd?.version ?? null,
        about: [unit.name, ...settingLines(settings)],
        fixedIn: null,
        evidence: [
          `the settings of ${unit.name} compile to program ${String(program.id)}`,
          ...(unit.files ?? []).map(({ path }) => path),
        ],
      };
    }
  }
  return null;
}

/**
 * Why systemd's next program of a unit will be another one than the one it has attached, though its runtime has no part in it: a path whose number moved,
 * or files that changed since. Named where the unit's lines, with the old number or as systemd holds them, compile to exactly what is attached.
 */
export function staleUnitCause(input: CheckInput): NamedCause | null {
  const { subject } = input.analysis;
  if (subject.cgroup === null) return null;
  for (const applied of appliedAt(input, subject.cgroup)) {
    const cause = movedNode(input, applied) ?? changedFiles(input, applied);
    if (cause !== null) return cause;
  }
  return null;
}

/** A path that resolves to one device now, and was another one when the unit was applied: with that one in its place the lines are what is attached. */
function movedNode(input: CheckInput, { unit, host, applied, program }: AppliedUnit): NamedCause | null {
  const settings = settingsFromShow(unit) ?? settingsFromFiles(unit);
  if (settings === null || compilesTo(applied.space, compileUnit(settings, host), applied)) return null;
  for (const entry of settings.allow) {
    const { node, access } = entry;
    if (node.kind !== 'path') continue;
    const others = compileUnit({ ...settings, allow: settings.allow.filter((each) => each !== entry) }, host);
    const rest = unitPartition(applied.space, others);
    if (rest === null || rest.undecided.length > 0 || !rest.allowed.implies(applied)) continue;
    const old = applied.subtract(rest.allowed);
    const device = deviceOf(old, access);
    if (device === null) continue;
    const now = host.nodes.get(node.path);
    const number = now?.type == null ? 'no device' : `${now.type} ${String(now.major)}:${String(now.minor)}`;
    return {
      kind: 'moved-node',
      runtime: 'systemd',
      version: input.snapshot.host.systemd?.version ?? null,
      about: [`${node.path}: ${device} when systemd applied it, ${number} now`],
      fixedIn: null,
      evidence: [`${unit.name} with ${device} for ${node.path} compiles to program ${String(program.id)}`],
    };
  }
  return null;
}

/** The files of the unit do not say what systemd holds, and what it holds is what is attached. */
function changedFiles(input: CheckInput, { unit, host, applied, program }: AppliedUnit): NamedCause | null {
  const [held, written] = [settingsFromShow(unit), settingsFromFiles(unit)];
  if (held === null || written === null || !compilesTo(applied.space, compileUnit(held, host), applied)) return null;
  const [now, coming] = [compileUnit(held, host), compileUnit(written, host)].map((compiled) =>
    unitPartition(applied.space, compiled),
  );
  if (now == null || coming?.allowed.equals(now.allowed) === true) return null;
  return {
    kind: 'unit-changed',
    runtime: 'systemd',
    version: input.snapshot.host.systemd?.version ?? null,
    about: settingLines(written),
    fixedIn: null,
    evidence: [
      `what systemd holds for ${unit.name} compiles to program ${String(program.id)}; its files say something else`,
      ...(unit.files ?? []).map(({ path }) => path),
    ],
  };
}

/** systemd's programs at a level, with the unit that owns it. */
function appliedAt({ snapshot, analysis }: CheckInput, cgroup: string): AppliedUnit[] {
  const nestedIn = analysis.subject.container?.nestedIn ?? null;
  const unit = snapshot.units.find((each) => each.cgroup === cgroup && each.nestedIn === nestedIn);
  if (unit === undefined) return [];
  const host = hostOf(snapshot, nestedIn).systemd;
  return analysis.programs.flatMap((program): AppliedUnit[] => {
    const { alone } = program;
    if (program.attachedAt !== cgroup || alone === null || alone.undecided.length > 0) return [];
    return [{ unit, host, applied: alone.allowed, program }];
  });
}

function compilesTo(space: DeviceSpace, compiled: CompiledUnit, applied: DeviceSet): boolean {
  const partition = unitPartition(space, compiled, [applied]);
  return partition !== null && partition.undecided.length === 0 && partition.allowed.equals(applied);
}

/** The one device that a region is, with exactly this access: "c 188:0 rw"; null where it is anything else. */
function deviceOf(region: DeviceSet, access: number): string | null {
  const request = pickWitness(region);
  if (request === null) return null;
  const { type, major, minor } = request;
  const whole = ruleSet(region.space, { type, major, minor, access, test: 'subset', allow: true });
  return whole.equals(region) ? (ruleTexts(region, 'policy')[0] ?? null) : null;
}

function settingLines({ policy, allow }: UnitDeviceSettings): string[] {
  return [
    `DevicePolicy=${policy}`,
    ...allow.filter(({ impliedBy }) => impliedBy === null).map(({ text }) => `DeviceAllow=${text.replaceAll('"', '')}`),
  ];
}

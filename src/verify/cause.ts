import { explainDeviceAllow, type ListExplanation } from '../intent/device-allow-cause.js';
import type { LossReason } from '../intent/device-allow-generation.js';
import { stateRules } from '../intent/runc.js';
import { settingsFromFiles, settingsFromShow, type UnitDeviceSettings } from '../intent/systemd-settings.js';
import { systemdRelease } from '../intent/version.js';
import { parseProcDevices } from '../policy/proc-devices.js';
import type { ContainerRecord, NestedHostRecord, Snapshot, UnitRecord } from '../snapshot/types.js';
import type { Subject } from './subjects.js';

/**
 * Why systemd holds another list than the runtime. It is named only where the modelled runtime writes exactly the lines that systemd has; otherwise
 * `kind` is "unknown" and the evidence stands beside it.
 */
export interface Cause {
  kind: 'runtime-list' | 'unknown';
  /** The runtime of the container and its version, where known. */
  runtime: string;
  version: string | null;
  /** Versions of the runtime that write exactly this list ("1.1.4"), the likeliest first. */
  generators: string[];
  /** Does the container's version belong to them? null: the version is not known. */
  versionAgrees: boolean | null;
  /** What was left out, why, and the first version that does not leave it out (null: none can say it to systemd). */
  parts: { reason: LossReason; rules: string[]; fixedIn: string | null }[];
  /** Lines systemd holds, and rules the runtime recorded. */
  held: number;
  recorded: number;
  policy: UnitDeviceSettings['policy'];
  /** Facts about the host the explanation rests on. */
  evidence: string[];
}

/** @returns null where there is nothing to explain: no list of runc's, or no unit */
export function causeOf(snapshot: Snapshot, subject: Subject): Cause | null {
  const { container } = subject;
  const state = container?.sources.find((source) => source.kind === 'runc-state');
  if (container == null || state?.kind !== 'runc-state') return null;
  const unit = unitOf(snapshot, container);
  const settings = unit === null ? null : (settingsFromShow(unit) ?? settingsFromFiles(unit));
  if (settings === null) return null;
  const rules = stateRules(state);
  const host = hostFacts(snapshot, container);
  const version = container.runtimeVersion?.version ?? null;
  const procDevices = snapshot.host.procDevices === null ? null : parseProcDevices(snapshot.host.procDevices);
  const explanation = explainDeviceAllow(
    rules,
    settings,
    { procDevices, links: host.deviceLinks, systemd: host.release },
    version,
  );
  return {
    runtime: container.runtime ?? 'runc',
    version,
    held: settings.allow.length,
    recorded: rules.length,
    policy: settings.policy,
    evidence: evidenceOf(host, explanation),
    ...explained(explanation),
  };
}

function explained(explanation: ListExplanation): Pick<Cause, 'kind' | 'generators' | 'versionAgrees' | 'parts'> {
  if (explanation.kind === 'unknown') return { kind: 'unknown', generators: [], versionAgrees: null, parts: [] };
  return {
    kind: 'runtime-list',
    generators: [...explanation.generators],
    versionAgrees: explanation.versionAgrees,
    parts: explanation.causes.map(({ reason, rules, fixedIn }) => ({
      reason,
      rules: rules.map(
        ({ type, major, minor }) =>
          `${type} ${major === null ? '*' : String(major)}:${minor === null ? '*' : String(minor)}`,
      ),
      fixedIn,
    })),
  };
}

interface HostFacts {
  deviceLinks: NestedHostRecord['deviceLinks'];
  devChar: boolean | null;
  release: number | null;
}

/** The host the container's systemd runs on: this one, or a nested one. */
function hostFacts({ host, nestedHosts }: Snapshot, { nestedIn }: ContainerRecord): HostFacts {
  const nested = nestedIn === null ? undefined : nestedHosts.find(({ key }) => key === nestedIn);
  const { deviceLinks, devChar, systemd } = nested ?? host;
  return { deviceLinks, devChar, release: systemd === null ? null : systemdRelease(systemd.version) };
}

function evidenceOf({ deviceLinks, devChar }: HostFacts, explanation: ListExplanation): string[] {
  const facts: string[] = [];
  if (devChar !== null) facts.push(`/dev/char: ${devChar ? 'present' : 'ENOENT'}`);
  if (devChar === true && deviceLinks.devChar?.length === 0) facts.push('/dev/char: empty');
  if (explanation.kind === 'explained' && explanation.systemdSilent)
    facts.push('systemd did not answer the runtime over D-Bus');
  if (explanation.kind === 'unknown') facts.push(...explanation.missing.map((missing) => `not known: ${missing}`));
  return facts;
}

function unitOf(snapshot: Snapshot, { unit, nestedIn, cgroup }: ContainerRecord): UnitRecord | null {
  if (unit === null) return null;
  const named = snapshot.units.filter((each) => each.name === unit && each.nestedIn === nestedIn);
  return named.find((each) => each.cgroup === cgroup) ?? named[0] ?? null;
}

import { explainCrunList, explainDeviceAllow, type ListExplanation } from '../../intent/device-allow-cause.js';
import { ociRule } from '../../intent/oci-rule.js';
import { stateRules } from '../../intent/runc.js';
import { settingsFromFiles, settingsFromShow, type UnitDeviceSettings } from '../../intent/systemd-settings.js';
import { systemdRelease } from '../../intent/version.js';
import { parseProcDevices } from '../../policy/proc-devices.js';
import type { ContainerRecord, NestedHostRecord, Snapshot, UnitRecord } from '../../snapshot/types.js';
import type { Subject } from '../subjects.js';
import type { ListCause } from './types.js';

/** Why systemd holds another list than the container's runtime recorded. @returns null where there is nothing to explain: no list of a runtime's, or no unit */
export function listCause(snapshot: Snapshot, { container }: Subject): ListCause | null {
  if (container === null) return null;
  const unit = unitOf(snapshot, container);
  const settings = unit === null ? null : (settingsFromShow(unit) ?? settingsFromFiles(unit));
  if (settings === null) return null;
  const host = hostFacts(snapshot, container);
  const told = runcList(snapshot, container, settings, host) ?? crunList(container, settings, host);
  if (told === null) return null;
  return {
    runtime: container.runtime ?? told.runtime,
    version: versionOf(container, host, told.runtime),
    held: settings.allow.length,
    recorded: told.recorded,
    policy: settings.policy,
    evidence: evidenceOf(host, told.explanation),
    ...explained(told.explanation),
  };
}

/** The container's own runtime where that is recorded, else the installed one, which may be newer: the list tells (`versionAgrees`). */
function versionOf(container: ContainerRecord, { runtimes }: HostFacts, runtime: string): string | null {
  const installed = Object.hasOwn(runtimes, runtime) ? (runtimes[runtime]?.version ?? null) : null;
  return container.runtimeVersion?.version ?? installed;
}

interface Told {
  readonly runtime: string;
  readonly recorded: number;
  readonly explanation: ListExplanation;
}

function runcList(
  snapshot: Snapshot,
  container: ContainerRecord,
  settings: UnitDeviceSettings,
  host: HostFacts,
): Told | null {
  const state = container.sources.find((source) => source.kind === 'runc-state');
  if (state?.kind !== 'runc-state') return null;
  const { deviceLinks, release } = host;
  const rules = stateRules(state);
  const procDevices = snapshot.host.procDevices === null ? null : parseProcDevices(snapshot.host.procDevices);
  const explanation = explainDeviceAllow(
    rules,
    settings,
    { procDevices, links: deviceLinks, systemd: release },
    versionOf(container, host, 'runc'),
  );
  return { runtime: 'runc', recorded: rules.length, explanation };
}

/** crun gives its scope a list since 1.18; without one there is nothing to explain. */
function crunList(container: ContainerRecord, settings: UnitDeviceSettings, host: HostFacts): Told | null {
  const config = container.sources.find((source) => source.kind === 'oci-config');
  if (container.runtime !== 'crun' || config?.kind !== 'oci-config' || settings.allow.length === 0) return null;
  const rules = (config.resourcesDevices ?? []).map(ociRule);
  const explanation = explainCrunList(rules, settings, versionOf(container, host, 'crun'));
  return { runtime: 'crun', recorded: rules.length, explanation };
}

function explained(explanation: ListExplanation): Pick<ListCause, 'kind' | 'generators' | 'versionAgrees' | 'parts'> {
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
  runtimes: NestedHostRecord['runtimes'];
  deviceLinks: NestedHostRecord['deviceLinks'];
  devChar: boolean | null;
  release: number | null;
}

/** The host the container's systemd runs on: this one, or a nested one. */
function hostFacts({ host, nestedHosts }: Snapshot, { nestedIn }: ContainerRecord): HostFacts {
  const nested = nestedIn === null ? undefined : nestedHosts.find(({ key }) => key === nestedIn);
  const { deviceLinks, devChar, systemd, runtimes } = nested ?? host;
  return { runtimes, deviceLinks, devChar, release: systemd === null ? null : systemdRelease(systemd.version) };
}

function evidenceOf({ deviceLinks, devChar }: HostFacts, explanation: ListExplanation): string[] {
  const facts: string[] = [];
  if (devChar !== null) facts.push(`/dev/char: ${devChar ? 'present' : 'ENOENT'}`);
  if (devChar === true && deviceLinks.devChar?.length === 0) facts.push('/dev/char: empty');
  if (explanation.kind === 'explained' && explanation.systemdSilent)
    facts.push('systemd did not answer the runtime over D-Bus');
  if (explanation.kind === 'explained' && explanation.linksInferred)
    facts.push('not captured: which links there were below /dev/char and /sys/dev/char; the lines that are there tell');
  if (explanation.kind === 'unknown') facts.push(...explanation.missing.map((missing) => `not known: ${missing}`));
  return facts;
}

function unitOf(snapshot: Snapshot, { unit, nestedIn, cgroup }: ContainerRecord): UnitRecord | null {
  if (unit === null) return null;
  const named = snapshot.units.filter((each) => each.name === unit && each.nestedIn === nestedIn);
  return named.find((each) => each.cgroup === cgroup) ?? named[0] ?? null;
}

import { askedOf } from '../intent/custody.js';
import { configuredPolicy, custodyChanges, type Hop, type HopChange } from '../intent/custody-chain.js';
import { hostOf } from '../intent/intended.js';
import { compileUnit, unitPartition } from '../intent/systemd-compile.js';
import { settingsFromFiles, settingsFromShow } from '../intent/systemd-settings.js';
import type { DeviceSpace } from '../policy/device-set.js';
import type { Snapshot } from '../snapshot/types.js';
import type { Subject } from './subjects.js';
import type { SubjectAnalysis } from './types.js';

/** The stations a container's devices passed that are known, and what changed between neighbours. */
export interface Custody {
  readonly hops: readonly Hop[];
  /** One for each hop but the first: how it differs from the one before it. */
  readonly changes: readonly HopChange[];
}

/**
 * From what was asked for to what the kernel enforces. systemd's list is a station of its own even while it sleeps: what it lacks is lost when systemd next
 * applies it. A station that is not known is left out.
 */
export function custodyOf(snapshot: Snapshot, analysis: SubjectAnalysis): Custody {
  const { subject, intended, enforced, programs } = analysis;
  const hops: Hop[] = [];
  const space =
    intended.status === 'known'
      ? intended.policy.allowed.space
      : enforced.status === 'known'
        ? enforced.policy.allowed.space
        : null;
  if (space === null) return { hops, changes: [] };
  const asked = subject.container === null ? null : askedOf(space, subject.container, snapshot.nodes);
  if (asked !== null) hops.push({ name: 'asked', ...asked, complete: false });
  hops.push(...configHop(space, subject));
  if (intended.status === 'known') hops.push(station('runtime', intended.policy.source.path, intended.policy));
  hops.push(...systemdHop(space, snapshot, subject));
  if (enforced.status === 'known') {
    const ids = programs.map(({ id }) => String(id));
    const source = ids.length === 0 ? 'no device program' : `programs ${ids.join(' ')}`;
    hops.push(station('kernel', source, enforced.policy));
  }
  return { hops, changes: custodyChanges(hops) };
}

function station(name: Hop['name'], source: string, { allowed, denied, undecided }: Hop['policy']): Hop {
  return { name, source, policy: { allowed, denied, undecided }, complete: true, unresolved: [] };
}

/** The list of the configuration the runtime was given, before the runtime added its own rules. */
function configHop(space: DeviceSpace, { container }: Subject): Hop[] {
  const config = container?.sources.find((source) => source.kind === 'oci-config');
  const policy = config === undefined ? null : configuredPolicy(space, config);
  return config === undefined || policy === null ? [] : [station('config', config.path, policy)];
}

/** What the list of the subject's unit would allow alone; nothing where systemd has no list for it. */
function systemdHop(space: DeviceSpace, snapshot: Snapshot, { unit: name, container, cgroup }: Subject): Hop[] {
  const nestedIn = container?.nestedIn ?? null;
  const named = snapshot.units.filter((each) => each.name === name && each.nestedIn === nestedIn);
  const unit = named.find((each) => each.cgroup === cgroup) ?? named[0];
  const shown = unit === undefined ? null : settingsFromShow(unit);
  const settings = shown ?? (unit === undefined ? null : settingsFromFiles(unit));
  if (unit === undefined || settings === null) return [];
  const policy = unitPartition(space, compileUnit(settings, hostOf(snapshot, nestedIn).systemd));
  if (policy === null) return [];
  return [station('systemd', shown === null ? `files of ${unit.name}` : `systemctl show ${unit.name}`, policy)];
}

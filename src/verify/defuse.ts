import { accessMask } from '../intent/compiled.js';
import type { DeviceSet } from '../policy/device-set.js';
import type { UnitRecord } from '../snapshot/types.js';
import { bothMasks, deviceAllowLines, lineText, MOST_LINES, type AllowLine } from './defuse-lines.js';
import { afterSetProperty, type NewSettings } from './defuse-simulate.js';
import { analyseSubject } from './examine/analyse.js';
import { workshopAfter, type Workshop } from './examine/workshop.js';
import type { Subject } from './subjects.js';
import type { SubjectAnalysis } from './types.js';

/** A way to keep, without a restart, what systemd's next event would take away. */
export interface Defusal {
  /** `complete-list`: systemd's list of the unit is completed. `no-list`: systemd has no list for it, only the runtime's program restricts. */
  readonly way: 'complete-list' | 'no-list';
  readonly unit: string;
  /** Key of the container in which the commands are to be run; null: on this host. */
  readonly nestedIn: string | null;
  /** Arguments of `systemctl set-property --runtime -- UNIT`. */
  readonly properties: readonly string[];
  /** What is allowed or intended now and denied after these commands, or after the next reload. Empty: nothing. */
  readonly stillLost: DeviceSet;
  /** What could not be foretold of it. Empty: nothing. */
  readonly undecided: DeviceSet;
}

/** Commands that keep what is about to be lost, the best way first; or why there are none. */
export type DefuseResult =
  | { readonly kind: 'ways'; readonly ways: readonly Defusal[] }
  /** Nothing is about to be lost. */
  | { readonly kind: 'nothing-to-do' }
  /** There is a loss, and no command is offered for it. */
  | { readonly kind: 'none'; readonly reason: string };

/**
 * Commands that complete what systemd holds, each simulated before it is offered: `set-property` itself makes systemd apply the list, so the policy after
 * it is computed as any other, from a host that has the new settings. The best comes first; one that keeps no more than its predecessor is left out.
 */
export function defuse(workshop: Workshop, subject: Subject): DefuseResult {
  const analysis = analyseSubject(workshop, subject);
  const { enforced } = analysis;
  const none = (reason: string): DefuseResult => ({ kind: 'none', reason });
  if (enforced.status !== 'known') return none(`what is enforced is not known: ${enforced.reason}`);
  const wanted = wantedOf(analysis);
  if (wanted === null) return none('what systemd would leave is not known');
  const before = remaining(analysis, wanted);
  if (before.lost.isEmpty()) return { kind: 'nothing-to-do' };
  const unit = unitOf(workshop, subject);
  if (unit === null) return none('no systemd unit owns its cgroup');
  if (!VALID_UNIT.test(unit.name)) return none('the name of its unit is none that systemd takes');
  if (!unit.name.endsWith('.scope')) return none('its unit is no scope: change its unit file, then restart it');
  const held = heldLines(unit);
  if (held === null) return none('what systemd holds for its unit is not known: run this on the host itself');
  const ways: Defusal[] = [];
  for (const proposal of proposals(held, before.lost.union(before.undecided))) {
    const { lost, undecided, gained } = simulate(workshop, subject, unit, proposal.settings, {
      wanted,
      unwanted: enforced.policy.denied.subtract(wanted).subtract(wanted.space.neverAsked),
    });
    // Where systemd's program is the only one that restricts, taking its list away would open everything.
    if (!gained.isEmpty()) continue;
    const best = ways.at(-1);
    if (best?.stillLost.isEmpty() === true && best.undecided.isEmpty()) break;
    // What helps nothing is no defusal; it might even bring the loss forward.
    if (before.lost.implies(lost) || best?.stillLost.implies(lost) === true) continue;
    const { way, properties } = proposal;
    ways.push({ way, unit: unit.name, nestedIn: unit.nestedIn, properties, stillLost: lost, undecided });
  }
  if (ways.length === 0)
    return none('no list that systemd can hold would keep it: another unit or program takes it away');
  return { kind: 'ways', ways: ways.reverse() };
}

/** What unit_name_is_valid() of systemd takes (src/basic/unit-name.c). */
const VALID_UNIT = /^[A-Za-z0-9:_.\\@-]{1,255}$/;

/** What should be allowed afterwards: all that is now, and what was intended. Null where nothing pending is known. */
function wantedOf({ enforced, intended, afterReload, afterApply }: SubjectAnalysis): DeviceSet | null {
  if (enforced.status !== 'known' || (afterReload.status !== 'known' && afterApply.status !== 'known')) return null;
  const now = enforced.policy.allowed;
  const all = intended.status === 'known' ? now.union(intended.policy.allowed) : now;
  return all.subtract(now.space.neverAsked);
}

/** What of a wish systemd's events would leave denied, or open. */
function remaining(
  { afterReload, afterApply }: SubjectAnalysis,
  wanted: DeviceSet,
): { lost: DeviceSet; undecided: DeviceSet } {
  const { space } = wanted;
  const known = [afterReload, afterApply].flatMap((each) => (each.status === 'known' ? [each.policy] : []));
  return {
    lost: space.unionAll(known.map(({ denied }) => denied)).intersect(wanted),
    undecided: space
      .unionAll(known.flatMap(({ undecided }) => undecided.map(({ region }) => region)))
      .intersect(wanted),
  };
}

interface Aim {
  readonly wanted: DeviceSet;
  /** Must stay denied. */
  readonly unwanted: DeviceSet;
}

function simulate(
  workshop: Workshop,
  subject: Subject,
  unit: UnitRecord,
  settings: NewSettings,
  { wanted, unwanted }: Aim,
): { lost: DeviceSet; undecided: DeviceSet; gained: DeviceSet } {
  const { space } = wanted;
  const changed = afterSetProperty(workshop.snapshot, unit, settings);
  const analysis = analyseSubject(workshopAfter(workshop, changed), subject);
  const known = [analysis.afterReload, analysis.afterApply].flatMap((each) =>
    each.status === 'known' ? [each.policy] : [],
  );
  if (known.length === 0) return { lost: space.nothing, undecided: wanted, gained: unwanted };
  const gained = space.unionAll(known.map(({ denied }) => unwanted.subtract(denied)));
  return { ...remaining(analysis, wanted), gained };
}

interface Proposal {
  readonly way: Defusal['way'];
  readonly properties: readonly string[];
  readonly settings: NewSettings;
}

function proposals(held: readonly AllowLine[], lost: DeviceSet): Proposal[] {
  const more = deviceAllowLines(lost);
  const access = new Map(held.map((line) => [line.node, line.access]));
  // A line for a node that is listed already takes its place (bus_cgroup_set_property()), so it must say both.
  const added = more.map(({ node, access: letters }) => ({ node, access: bothMasks(letters, access.get(node) ?? 0) }));
  const replaced = new Set(added.map(({ node }) => node));
  const all = [...held.filter(({ node }) => !replaced.has(node)), ...added];
  const completed: Proposal = {
    way: 'complete-list',
    properties: added.map((line) => `DeviceAllow=${lineText(line)}`),
    settings: { policy: null, allow: all.map(lineText) },
  };
  const without: Proposal = {
    way: 'no-list',
    properties: ['DevicePolicy=auto', 'DeviceAllow='],
    settings: { policy: 'auto', allow: [] },
  };
  return added.length === 0 || added.length > MOST_LINES ? [without] : [completed, without];
}

/** The lines systemd holds; null where it was not asked. */
function heldLines({ shown }: UnitRecord): AllowLine[] | null {
  if (shown === null || !Object.hasOwn(shown, 'DevicePolicy')) return null;
  const lines = Object.hasOwn(shown, 'DeviceAllow') ? (shown['DeviceAllow'] ?? []) : [];
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const space = line.lastIndexOf(' ');
      const access = space === -1 ? null : accessMask(line.slice(space + 1));
      return access === null ? { node: line, access: 7 } : { node: line.slice(0, space), access };
    });
}

/** The unit of the subject's cgroup, or of the nearest cgroup above it that has one. */
function unitOf({ snapshot }: Workshop, { cgroup, container }: Subject): UnitRecord | null {
  if (cgroup === null) return null;
  const nestedIn = container?.nestedIn ?? null;
  const owners = snapshot.units.filter(
    (each) =>
      each.nestedIn === nestedIn &&
      each.cgroup !== null &&
      (each.cgroup === cgroup || (each.cgroup !== '/' && cgroup.startsWith(`${each.cgroup}/`))),
  );
  return owners.sort((a, b) => (b.cgroup ?? '').length - (a.cgroup ?? '').length)[0] ?? null;
}

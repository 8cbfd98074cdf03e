import { askedOf } from '../../intent/custody.js';
import type { LxcConfigSource } from '../../snapshot/types.js';
import { lostRules } from '../region-rules.js';
import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** Asked for, and lost before the runtime's list was made: nothing below can bring it back. */
export const DP204: Check = { code: 'DP204', severity: 'warning', run };

function run(input: CheckInput): Evidence[] {
  return [...droppedByEngine(input), ...keysOfOtherVersion(input)];
}

/** The engine's own record says a device or rule, and the runtime's list does not allow it. */
function droppedByEngine({ snapshot, names, analysis: { subject, intended } }: CheckInput): Evidence[] {
  const { container } = subject;
  if (container === null || intended.status !== 'known' || intended.policy.attaches !== 'program') return [];
  const { allowed, denied, source } = intended.policy;
  const asked = askedOf(allowed.space, container, snapshot.nodes);
  if (asked === null) return [];
  const lost = asked.policy.allowed.intersect(denied).subtract(denied.space.neverAsked);
  // A rule that was dropped lacks its letters; the check without any is refused by old runtimes for rules they kept (DP110).
  const { space } = denied;
  const opened = space.forPattern({ type: 'a', major: null, minor: null, access: (access) => access !== 0 });
  if (lost.intersect(opened).isEmpty()) return [];
  return [{ ...lostRules(lost, names), witness: null, sources: [asked.source, source.path] }];
}

/** `lxc.cgroup.devices.*` means cgroup v1; where there is only v2 LXC ignores it without a word (lxc.container.conf(5)). */
function keysOfOtherVersion({ snapshot, analysis: { subject, programs } }: CheckInput): Evidence[] {
  const configs = (subject.container?.sources ?? []).filter((each) => each.kind === 'lxc-config');
  // Where the layout was not captured a program of LXC's tells: it attaches one only where cgroup v2 is the whole hierarchy.
  const attached = programs.some(({ attachedAt }) => attachedAt === subject.cgroup);
  const { cgroupLayout } = snapshot.host;
  if (cgroupLayout !== 'unified' && !(cgroupLayout === null && attached)) return [];
  return configs.flatMap((config) => {
    const reasons = ignoredLines(config);
    return reasons.length === 0 ? [] : [{ rules: [], witness: null, reasons, sources: [config.path] }];
  });
}

/** Distributions ship each line under both keys: only one without its twin is lost. */
function ignoredLines({ assignments }: LxcConfigSource): string[] {
  const said = new Set(assignments.map(({ key, value }) => `${key} ${value}`));
  const old = assignments.filter(
    ({ key, value }) =>
      /^lxc\.cgroup\.devices\.(allow|deny)$/.test(key) &&
      value !== '' &&
      !said.has(`${key.replace('cgroup', 'cgroup2')} ${value}`),
  );
  return [...new Set(old.map(({ key, value }) => `${key} = ${value}`))];
}

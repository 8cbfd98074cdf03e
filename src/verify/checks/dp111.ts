import { hostOf } from '../../intent/intended.js';
import { leftOutTun } from '../../intent/left-out-default.js';
import type { ContainerRecord } from '../../snapshot/types.js';
import { lostRules } from '../region-rules.js';
import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** The container has a node of /dev/net/tun, its runtime allows that by default in other versions, and this one denies it. */
export const DP111: Check = { code: 'DP111', severity: 'warning', run };

const TUN = { major: 10, minor: 200 };

function run({ snapshot, names, analysis: { subject, enforced, intended } }: CheckInput): Evidence[] {
  const { container } = subject;
  if (container === null || enforced.status !== 'known' || intended.status !== 'known') return [];
  const { space } = enforced.policy.denied;
  const opening = space.forPattern({ type: 'c', ...TUN, access: (access) => access === 6 });
  const region = opening.intersect(enforced.policy.denied).intersect(intended.policy.denied);
  if (region.isEmpty() || !hasNode(container)) return [];
  const left = leftOutTun(container, hostOf(snapshot, container.nestedIn).runtimes);
  if (left === null) return [];
  const { runtime, versions, fixedIn } = left;
  return [{ ...lostRules(region, names), witness: null, reasons: [`${runtime} ${versions}`, `${runtime} ${fixedIn}`] }];
}

/** In the container's /dev, or in the nodes that it was to be given. */
function hasNode({ nodes, sources }: ContainerRecord): boolean {
  const given = sources.flatMap((source) =>
    source.kind === 'runc-state' ? source.nodes : source.kind === 'oci-config' ? source.devices : [],
  );
  return [...nodes, ...given].some(
    ({ type, major, minor }) => type === 'c' && major === TUN.major && minor === TUN.minor,
  );
}

import { lostRules } from '../region-rules.js';
import type { DockerSource, SourceRecord } from '../../snapshot/types.js';
import type { Evidence } from '../types.js';
import { nodesOnNodevMounts } from '../refusals.js';
import type { Check, CheckInput } from './check.js';

/** Allowed by the device policy, and refused by something else that the snapshot shows. */
export const DP401: Check = { code: 'DP401', severity: 'note', run };

function run(input: CheckInput): Evidence[] {
  return [...nodesGone(input), ...nodevMounts(input), ...mknodInUserNamespace(input)];
}

/** A device given by name whose node is not in the container: there is nothing to open. */
function nodesGone({ analysis: { subject, enforced } }: CheckInput): Evidence[] {
  const nodes = subject.container?.nodes ?? [];
  // Without a listing of the container's /dev, absence tells nothing. Every runtime makes /dev/null.
  if (enforced.status !== 'known' || !nodes.some(({ path }) => path === '/dev/null')) return [];
  const asked = (subject.container?.sources ?? []).filter(isDocker).flatMap(({ devices }) => devices);
  // A directory of the host is given as all the nodes in it, so it counts as present where one lies below it.
  const absent = asked
    .map(({ pathInContainer }) => pathInContainer)
    .filter((path) => isListed(path) && !nodes.some((node) => node.path === path || node.path.startsWith(`${path}/`)));
  const reasons = [...new Set(absent)].sort().map((path) => `no node ${path} in the container`);
  return reasons.length === 0 ? [] : [{ rules: [], witness: null, reasons }];
}

/** Nodes that the policy allows to open and that nobody can open where they are. */
function nodevMounts({ analysis: { subject, enforced } }: CheckInput): Evidence[] {
  const { container } = subject;
  if (container === null || enforced.status !== 'known') return [];
  const { allowed } = enforced.policy;
  const reasons = nodesOnNodevMounts(container).flatMap(({ path, point }) => {
    const node = container.nodes.find((each) => each.path === path);
    if (node?.type == null) return [];
    const { type, major, minor } = node;
    const opened = [2, 4, 6].some((access) => allowed.contains({ type, major, minor, access }));
    return opened ? [`${path} is on ${point}, which is mounted nodev`] : [];
  });
  return reasons.length === 0 ? [] : [{ rules: [], witness: null, reasons }];
}

function isDocker(source: SourceRecord): source is DockerSource {
  return source.kind === 'docker';
}

/** Paths that the listing of a container's /dev holds: below /dev, and not in the folders it passes over. */
function isListed(path: string): boolean {
  return /^\/dev\/(?!(?:pts|shm|mqueue|hugepages|fd|char|block|disk)\/|console$)[^/]+(?:\/[^/]+){0,3}$/.test(path);
}

/** mknod(2) of a device needs CAP_MKNOD in the first user namespace, whatever the policy says (fs/namei.c, vfs_mknod). */
function mknodInUserNamespace({ names, analysis: { subject, enforced } }: CheckInput): Evidence[] {
  if (subject.container?.userNamespace !== true || enforced.status !== 'known') return [];
  const { allowed } = enforced.policy;
  const { space } = allowed;
  const making = space.forPattern({ type: 'a', major: null, minor: null, access: (access) => access === 1 });
  const region = allowed.intersect(making).subtract(space.neverAsked);
  if (region.isEmpty()) return [];
  const { rules, remainder } = lostRules(region, names);
  return [
    {
      rules,
      ...(remainder === undefined ? {} : { remainder }),
      witness: null,
      reasons: ['mknod is refused in a user namespace'],
    },
  ];
}

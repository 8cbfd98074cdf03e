import type { ContainerRecord, NodeRecord, RawDeviceNode } from '../../snapshot/types.js';
import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** A node of the container's configuration has another number on the host now. */
export const DP106: Check = { code: 'DP106', severity: 'warning', run };

function run({ snapshot, analysis: { subject } }: CheckInput): Evidence[] {
  const { container } = subject;
  if (container?.nestedIn !== null) return [];
  const host = new Map(snapshot.nodes.map((node) => [node.path, node]));
  const moved = configuredNodes(container).flatMap(({ node, hostPath }): string[] => {
    const now = host.get(hostPath);
    return now !== undefined && differs(node, now)
      ? [`${hostPath}: ${numbers(node)} in the configuration, ${numbers(now)} now`]
      : [];
  });
  return moved.length === 0 ? [] : [{ rules: [], witness: null, sources: [...new Set(moved)].sort() }];
}

/** Nodes with the path they had on the host: Docker may give them another one inside. */
function configuredNodes({ sources }: ContainerRecord): { node: RawDeviceNode; hostPath: string }[] {
  const hostPaths = new Map(
    sources
      .flatMap((source) => (source.kind === 'docker' ? source.devices : []))
      .map((each) => [each.pathInContainer, each.pathOnHost]),
  );
  const nodes = sources.flatMap((source) =>
    source.kind === 'runc-state' ? source.nodes : source.kind === 'oci-config' ? source.devices : [],
  );
  return nodes.map((node) => ({ node, hostPath: hostPaths.get(node.path) ?? node.path }));
}

function differs(node: RawDeviceNode, now: NodeRecord): boolean {
  if (now.type === null || node.major === null || node.minor === null || (node.type !== 'b' && node.type !== 'c'))
    return false;
  return node.type !== now.type || node.major !== now.major || node.minor !== now.minor;
}

function numbers({ type, major, minor }: RawDeviceNode): string {
  return `${type ?? '?'} ${String(major)}:${String(minor)}`;
}

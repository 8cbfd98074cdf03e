/**
 * Weak topological order (Bourdoncle, FMPA 1993): like a topological order, but each loop is one contiguous block that begins with its
 * entry, its inner loops likewise. Taking the smallest pending rank first therefore finishes a loop before anything after it.
 *
 * @returns rank of each position
 */
export function weakTopologicalOrder(successors: readonly (readonly number[])[]): Int32Array {
  const rank = new Int32Array(successors.length);
  let next = 0;
  const everything = successors.map((_, position) => position);
  /** Ranks the positions of one component whose inner edges are those between members, except edges to `entry`. */
  const place = (members: readonly number[], entry: number): void => {
    for (const component of stronglyConnected(members, successors, entry)) {
      if (component.length === 1) {
        rank[component[0]!] = next++;
        continue;
      }
      const head = entryOf(component, successors, everything.length);
      rank[head] = next++;
      place(
        component.filter((position) => position !== head),
        head,
      );
    }
  };
  place(everything, -1);
  return rank;
}

/** The member that is reached from outside; with several (irreducible flow) the first in program order. */
function entryOf(component: readonly number[], successors: readonly (readonly number[])[], count: number): number {
  const inside = new Set(component);
  let entry = Infinity;
  for (let position = 0; position < count; position++) {
    if (inside.has(position)) continue;
    for (const target of successors[position]!) if (inside.has(target) && target < entry) entry = target;
  }
  return entry === Infinity ? Math.min(...component) : entry;
}

/** Tarjan's algorithm without recursion: components in topological order, edges to `ignored` and to non-members left out. */
function stronglyConnected(
  members: readonly number[],
  successors: readonly (readonly number[])[],
  ignored: number,
): number[][] {
  const inside = new Set(members);
  const index = new Map<number, number>();
  const lowest = new Map<number, number>();
  const onStack = new Set<number>();
  const stack: number[] = [];
  const components: number[][] = [];
  for (const root of [...members].reverse()) {
    if (index.has(root)) continue;
    const work: { node: number; edge: number }[] = [{ node: root, edge: 0 }];
    while (work.length > 0) {
      const top = work[work.length - 1]!;
      const { node } = top;
      if (top.edge === 0) {
        index.set(node, index.size);
        lowest.set(node, index.get(node)!);
        stack.push(node);
        onStack.add(node);
      }
      const target = successors[node]![top.edge++];
      if (target !== undefined) {
        if (target === ignored || !inside.has(target)) continue;
        if (!index.has(target)) work.push({ node: target, edge: 0 });
        else if (onStack.has(target)) lowest.set(node, Math.min(lowest.get(node)!, index.get(target)!));
        continue;
      }
      work.pop();
      const parent = work[work.length - 1]?.node;
      if (parent !== undefined) lowest.set(parent, Math.min(lowest.get(parent)!, lowest.get(node)!));
      if (lowest.get(node) !== index.get(node)) continue;
      const component: number[] = [];
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        onStack.delete(member);
        component.push(member);
        if (member === node) break;
      }
      components.push(component);
    }
  }
  return components.reverse();
}

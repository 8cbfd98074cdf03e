import type { DeviceSet, DeviceSpace } from '../../policy/device-set.js';
import type { Arrivals, BlockPlace } from '../../symbolic/arrivals.js';

export interface MayCome {
  region: DeviceSet;
  reason: string;
}

/**
 * For a block, the requests that may come to it though the evaluation followed them no further than to some other: to every block that jumps lead to
 * from there. Where it stopped in a function that was called, or where is not known, that is every block.
 */
export function possiblyReached(arrivals: Arrivals, space: DeviceSpace): (place: BlockPlace) => MayCome[] {
  const stops = arrivals.abandoned.map(({ at, region, reason }) => ({
    blocks: at === null ? null : blocksAfter(arrivals, at),
    may: { region: space.fromRef(arrivals.forSomeInputs(region)), reason },
  }));
  return ({ program, block }) =>
    stops.filter(({ blocks }) => blocks === null || (program === 0 && blocks.has(block))).map(({ may }) => may);
}

/** null: any block. */
function blocksAfter(arrivals: Arrivals, { program, block }: BlockPlace): Set<number> | null {
  const { blocks } = arrivals.graph(program);
  const isMain = program === 0 && blocks[block]?.subprogram === 0;
  const callsOn = arrivals.programs.length > 1 || arrivals.graph(0).subprograms.length > 1;
  if (!isMain || callsOn) return null;
  const found = new Set<number>();
  const left = [block];
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    if (blocks[id]?.indirect === true) return null;
    for (const next of blocks[id]?.successors ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      left.push(next);
    }
  }
  return found;
}

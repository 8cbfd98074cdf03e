/** A box to be placed; sizes in pixels. Boxes come in program order: what is jumped forward to comes later. */
export interface Node {
  width: number;
  height: number;
}
export interface Link {
  from: number;
  to: number;
  label: string;
}
export interface Placed {
  x: number;
  y: number;
}
/** A way between boxes: points of an orthogonal line, the last with an arrow. */
export interface Route {
  link: Link;
  points: Placed[];
}
export interface Layout {
  nodes: Placed[];
  routes: Route[];
  width: number;
  height: number;
}

const GAP = 26;
const TRACK = 7;
const LANE = 9;
const COLUMN_GAP = 36;

/**
 * A layered drawing: each box below all that lead to it (longest path), the first column a straight spine. A link over several layers runs beside the
 * boxes in a lane that it shares with all others to the same box, loops run back in lanes on the other side: no line crosses a box.
 */
export function layOut(nodes: readonly Node[], links: readonly Link[]): Layout {
  const layer = layersOf(nodes.length, links);
  const rows = rowsOf(layer, links);
  const isShort = ({ from, to }: Link): boolean => (layer[to] ?? 0) - (layer[from] ?? 0) === 1;
  const lanes = lanesOf(
    links.filter((link) => !isShort(link)),
    layer,
  );
  const left = lanes.filter(({ back }) => !back);
  const x0 = left.reduce((most, { column }) => Math.max(most, column + 1), 0) * LANE + (left.length > 0 ? LANE : 0);
  const { xs, right } = columns(nodes, rows, x0);
  const tracks = tracksOf(links, lanes, layer, rows.length);
  const gapHeight = (gap: number): number => GAP + TRACK * (tracks.counts[gap] ?? 0);
  const tops: number[] = [];
  let y = gapHeight(0) > GAP ? gapHeight(0) : 0;
  const bottoms = rows.map((row, index) => {
    tops.push(y);
    const bottom = y + Math.max(...row.map((node) => nodes[node]!.height));
    y = bottom + gapHeight(index + 1);
    return bottom;
  });
  const placed = nodes.map((_, node) => ({ x: xs[node]!, y: tops[layer[node]!]! }));
  const laneX = (lane: Lane): number => (lane.back ? right + LANE * (lane.column + 1) : x0 - LANE * (lane.column + 2));
  const trackY = (gap: number, track: number): number => (gap === 0 ? 0 : bottoms[gap - 1]!) + GAP / 2 + TRACK * track;
  const routes = links.map((link): Route => {
    const source = nodes[link.from]!;
    const [from, to] = [placed[link.from]!, placed[link.to]!];
    const end = nodes[link.to]!;
    const bottom = from.y + source.height;
    if (isShort(link)) {
      const start = from.x + (xs[link.to] === from.x ? 70 : 120);
      const stop = to.x + 70;
      const track = tracks.of.get(link) ?? 0;
      const turn = trackY(layer[link.from]! + 1, track);
      const points =
        start === stop
          ? []
          : [
              { x: start, y: turn },
              { x: stop, y: turn },
            ];
      return { link, points: [{ x: start, y: bottom }, ...points, { x: stop, y: to.y }] };
    }
    const lane = lanes.find((each) => each.to === link.to && each.back === layer[link.to]! <= layer[link.from]!)!;
    const start = lane.back ? from.x + source.width - 20 : from.x + (link.label === 'no' ? 46 : 20);
    const stop = lane.back ? to.x + end.width - 20 : to.x + 20;
    const at = laneX(lane);
    const [leave, arrive] = [
      trackY(layer[link.from]! + 1, tracks.leave(lane, layer[link.from]! + 1)),
      trackY(layer[link.to]!, tracks.leave(lane, layer[link.to]!)),
    ];
    return {
      link,
      points: [
        { x: start, y: bottom },
        { x: start, y: leave },
        { x: at, y: leave },
        { x: at, y: arrive },
        { x: stop, y: arrive },
        { x: stop, y: to.y },
      ],
    };
  });
  const backs = lanes.filter(({ back }) => back).reduce((most, { column }) => Math.max(most, column + 2), 0);
  return { nodes: placed, routes, width: right + backs * LANE, height: y - (gapHeight(rows.length) > GAP ? 0 : GAP) };
}

/** Longest path from the first box; links back are not counted. */
function layersOf(count: number, links: readonly Link[]): number[] {
  const layer = new Array<number>(count).fill(0);
  const forward = links.filter(({ from, to }) => to > from).sort((a, b) => a.from - b.from);
  for (const { from, to } of forward) layer[to] = Math.max(layer[to]!, layer[from]! + 1);
  return layer;
}

/** Boxes of each layer from left to right: those with most ways on first, so that they form the spine; ends last. */
function rowsOf(layer: readonly number[], links: readonly Link[]): number[][] {
  const waysOn = layer.map(() => 0);
  for (const { from } of links) waysOn[from]!++;
  const rows: number[][] = Array.from({ length: Math.max(0, ...layer) + 1 }, () => []);
  layer.forEach((row, node) => rows[row]!.push(node));
  for (const row of rows) row.sort((a, b) => waysOn[b]! - waysOn[a]! || a - b);
  return rows;
}

function columns(nodes: readonly Node[], rows: readonly number[][], x0: number): { xs: number[]; right: number } {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((node, column) => (widths[column] = Math.max(widths[column] ?? 0, nodes[node]!.width)));
  const xs: number[] = [];
  let right = x0;
  widths.forEach((width, column) => {
    for (const row of rows) if (row[column] !== undefined) xs[row[column]] = right;
    right += width + (column === widths.length - 1 ? 0 : COLUMN_GAP);
  });
  return { xs, right };
}

/** A vertical line beside the boxes that ends at one of them. `first` and `last`: gaps between layers that it spans, gap n is above layer n. */
interface Lane {
  to: number;
  back: boolean;
  first: number;
  last: number;
  column: number;
}

/** Lanes that overlap get different columns, short ones the inner. */
function lanesOf(long: readonly Link[], layer: readonly number[]): Lane[] {
  const lanes = new Map<string, Lane>();
  for (const { from, to } of long) {
    const back = layer[to]! <= layer[from]!;
    const [first, last] = back ? [layer[to]!, layer[from]! + 1] : [layer[from]! + 1, layer[to]!];
    const key = `${String(to)} ${String(back)}`;
    const lane = lanes.get(key);
    if (lane === undefined) lanes.set(key, { to, back, first, last, column: 0 });
    else Object.assign(lane, { first: Math.min(lane.first, first), last: Math.max(lane.last, last) });
  }
  const sorted = [...lanes.values()].sort((a, b) => a.last - a.first - (b.last - b.first) || a.to - b.to);
  for (const [index, lane] of sorted.entries()) {
    const taken = new Set(
      sorted
        .slice(0, index)
        .filter((other) => other.back === lane.back && other.first <= lane.last && lane.first <= other.last)
        .map(({ column }) => column),
    );
    while (taken.has(lane.column)) lane.column++;
  }
  return sorted;
}

interface Tracks {
  /** Horizontal lines in each gap. */
  counts: number[];
  /** Track of a short link that is not straight. */
  of: Map<Link, number>;
  leave: (lane: Lane, gap: number) => number;
}

/** Every lane and every bent short link has a height of its own in each gap where it is horizontal. */
function tracksOf(links: readonly Link[], lanes: readonly Lane[], layer: readonly number[], rows: number): Tracks {
  const counts = new Array<number>(rows + 1).fill(0);
  const ofLane = new Map<string, number>();
  const of = new Map<Link, number>();
  const key = (lane: Lane, gap: number): string => `${String(lanes.indexOf(lane))} ${String(gap)}`;
  for (const link of links) {
    const [from, to] = [layer[link.from]!, layer[link.to]!];
    if (to - from === 1) {
      of.set(link, counts[to]!++);
      continue;
    }
    const lane = lanes.find((each) => each.to === link.to && each.back === to <= from)!;
    for (const gap of [from + 1, to]) if (!ofLane.has(key(lane, gap))) ofLane.set(key(lane, gap), counts[gap]!++);
  }
  return { counts, of, leave: (lane, gap) => ofLane.get(key(lane, gap)) ?? 0 };
}

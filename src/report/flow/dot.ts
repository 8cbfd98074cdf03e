import type { FlowBox, FlowEdge, FlowVerdict, ProgramFlow } from '../../verify/flow.js';
import { boxLabel, flowNotes, functionTitle, programTitle } from './labels.js';
import { FLOW_COLOURS } from './colours.js';
import type { RegionLines } from './region-lines.js';

/** Shape and border say what the colour says. */
const SHAPES: Readonly<Record<FlowVerdict, string>> = {
  allow: 'shape=box, style="filled,rounded"',
  deny: 'shape=octagon, style="filled,bold"',
  both: 'shape=box, style="filled"',
  undecided: 'shape=box, style="filled,dashed"',
  never: 'shape=box, style="filled,dotted"',
};

const EDGES: Readonly<Record<FlowEdge['kind'], string>> = {
  on: '',
  taken: ' [label="yes"]',
  otherwise: ' [label="no"]',
  call: ' [style=dashed, label="call", constraint=false]',
  callback: ' [style=dashed, label="callback", constraint=false]',
  'tail-call': ' [style=dotted, label="may tail call", constraint=false]',
};

/** The control flow of programs in the language of Graphviz's dot. */
export function flowDot(flows: readonly ProgramFlow[], regions: RegionLines): string {
  const lines = [
    'digraph devpolicy {',
    '  graph [bgcolor="transparent", fontname="sans-serif", fontcolor="#808080", color="#808080", labeljust=l];',
    '  node [fontname="monospace", fontsize=10, margin="0.12,0.08"];',
    '  edge [fontname="sans-serif", fontsize=9, color="#808080", fontcolor="#808080"];',
    ...flows.flatMap((flow, index) => programLines(flow, index, regions)),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

function programLines(flow: ProgramFlow, index: number, regions: RegionLines): string[] {
  const name = (box: number): string => `p${String(index)}_${String(box)}`;
  const clusters = flow.functions.flatMap((fn, number) => {
    const boxes = flow.boxes.filter((box) => box.fn === number).map((box) => boxLine(flow, box, name(box.id), regions));
    const title = functionTitle(flow, fn);
    if (title === '') return boxes.map((line) => `  ${line}`);
    return [
      `    subgraph cluster_p${String(index)}_f${String(number)} {`,
      `      label=${quoted([title])};`,
      ...boxes.map((line) => `    ${line}`),
      '    }',
    ];
  });
  const edges = flow.edges.map(({ from, to, kind }) => `    ${name(from)} -> ${name(to)}${EDGES[kind]};`);
  const heading = quoted([programTitle(flow), ...flowNotes(flow, regions)]);
  return [`  subgraph cluster_p${String(index)} {`, `    label=${heading};`, ...clusters, ...edges, '  }'];
}

function boxLine(flow: ProgramFlow, box: FlowBox, name: string, regions: RegionLines): string {
  const { title, verdict, code, rules } = boxLabel(flow, box, regions);
  const { fill, line, text } = FLOW_COLOURS.light[box.verdict];
  const label = quoted([`${title}: ${verdict}`, ...code, ...rules]);
  return `  ${name} [label=${label}, ${SHAPES[box.verdict]}, fillcolor="${fill}", color="${line}", fontcolor="${text}"];`;
}

/** Lines of a label, each left-justified. In a label `&` begins an HTML entity and a backslash an escape. */
function quoted(lines: readonly string[]): string {
  const text = lines.map((line) => line.replace(/&/g, '&amp;').replace(/[\\"]/g, '\\$&'));
  return `"${text.map((line) => `${line}\\l`).join('')}"`;
}

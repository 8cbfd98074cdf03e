import type { FlowBox, FlowFunction, FlowVerdict, ProgramFlow } from '../../verify/flow.js';
import { FLOW_COLOURS, type BoxColours } from './colours.js';
import {
  boxLabel,
  flowNotes,
  functionTitle,
  programTitle,
  VERDICT_MEANING,
  VERDICT_WORDS,
  type BoxLabel,
} from './labels.js';
import { layOut, type Link, type Placed, type Route } from './layout.js';
import type { RegionLines } from './region-lines.js';

const CHARACTER = 7.3;
const LINE = 15;
const PADDING = 8;
const NARROWEST = 170;
const MARGIN = 24;
/** Space around a function, and above it for its title. */
const FRAME = 14;
const TITLE = 24;

interface Part {
  text: string[];
  width: number;
  height: number;
}

/** The control flow of programs as one SVG file that needs nothing else: no scripts, fonts or references; text can be selected and searched. */
export function flowSvg(flows: readonly ProgramFlow[], regions: RegionLines): string {
  const parts = [legend(), ...flows.map((flow) => programPart(flow, regions))];
  const width = Math.ceil(Math.max(...parts.map((part) => part.width)) + 2 * MARGIN);
  let y = MARGIN;
  const body = parts.flatMap((part) => {
    const at = y;
    y += part.height + MARGIN;
    return [`<g transform="translate(${String(MARGIN)} ${number(at)})">`, ...part.text, '</g>'];
  });
  const size = `width="${String(width)}" height="${number(y)}" viewBox="0 0 ${String(width)} ${number(y)}"`;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} xml:space="preserve" role="img" aria-labelledby="title">`,
    `<title id="title">${escapeXml(flows.map(programTitle).join('; '))}</title>`,
    `<style>${styleSheet()}</style>`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
    '<rect class="page" width="100%" height="100%"/>',
    ...body,
    '</svg>',
  ].join('\n')}\n`;
}

function styleSheet(): string {
  const verdicts = Object.keys(VERDICT_WORDS) as FlowVerdict[];
  const rules = (colours: Readonly<Record<FlowVerdict, BoxColours>>): string =>
    verdicts
      .map((verdict) => {
        const { fill, line, text } = colours[verdict];
        return `.${verdict} .shape{fill:${fill};stroke:${line}}.${verdict} text{fill:${text}}.${verdict} .rule{stroke:${line}}`;
      })
      .join('');
  const ground = (page: string, ink: string, line: string): string =>
    `.page{fill:${page}}.ink{fill:${ink}}.way{stroke:${line}}.tip,.word{fill:${line}}.frame{stroke:${line}}`;
  return [
    'text{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}',
    '.ink{font-family:system-ui,"DejaVu Sans",sans-serif}.head{font-weight:bold}.big{font-size:16px}.word{font-size:10px}',
    '.shape{stroke-width:1.5}.deny .shape{stroke-width:2.5}.undecided .shape{stroke-dasharray:7 3}.never .shape{stroke-dasharray:2 3}',
    '.way{fill:none;stroke-width:1.2}.frame{fill:none;stroke-dasharray:4 4}.rule{stroke-opacity:.5}',
    ground('#ffffff', '#1f1f1f', '#5c5c5c'),
    rules(FLOW_COLOURS.light),
    `@media (prefers-color-scheme:dark){${ground('#16181c', '#e6e6e6', '#a8a8a8')}${rules(FLOW_COLOURS.dark)}}`,
  ].join('');
}

function legend(): Part {
  const verdicts = Object.keys(VERDICT_WORDS) as FlowVerdict[];
  const text = verdicts.flatMap((verdict, index) => [
    `<g class="${verdict}" transform="translate(0 ${String(index * 24)})">`,
    shape(verdict, 120, 19),
    line(PADDING, 14, VERDICT_WORDS[verdict], ' class="head"'),
    '</g>',
    line(132, index * 24 + 14, VERDICT_MEANING[verdict], ' class="ink"'),
  ]);
  const note =
    'c 1:3 rw: these letters and every subset of them, the check without access included; {r,w}: these accesses and no others.';
  const y = verdicts.length * 24 + 12;
  text.push(line(0, y, note, ' class="ink"'));
  return { text, width: note.length * 6.8, height: y + 4 };
}

function programPart(flow: ProgramFlow, regions: RegionLines): Part {
  const title = programTitle(flow);
  const notes = flowNotes(flow, regions);
  const text = [
    line(0, 16, title, ' class="ink head big"'),
    ...notes.map((note, index) => line(0, 36 + index * 18, note, ' class="ink"')),
  ];
  const top = 30 + notes.length * 18;
  let x = 0;
  let height = 0;
  for (const [index, fn] of flow.functions.entries()) {
    const part = functionPart(
      flow,
      fn,
      flow.boxes.filter((box) => box.fn === index),
      regions,
    );
    text.push(`<g transform="translate(${number(x)} ${String(top)})">`, ...part.text, '</g>');
    x += part.width + MARGIN;
    height = Math.max(height, part.height);
  }
  const widest = Math.max(title.length * 9.5, ...notes.map((note) => note.length * 6.8));
  return { text, width: Math.max(x - MARGIN, widest), height: top + height };
}

function functionPart(flow: ProgramFlow, fn: FlowFunction, boxes: readonly FlowBox[], regions: RegionLines): Part {
  const labels = boxes.map((box) => boxLabel(flow, box, regions));
  const sizes = labels.map(sizeOf);
  const { nodes, routes, width, height } = layOut(sizes, linksWithin(flow, boxes));
  const title = functionTitle(flow, fn);
  const callers = title === '' ? '' : callersOf(flow, boxes[0]?.id ?? -1);
  const heading = `${title}${callers}`;
  const frame = title === '' ? 0 : FRAME;
  const top = title === '' ? 0 : TITLE + FRAME;
  const whole = { width: Math.max(width, heading.length * 6.8) + 2 * frame, height: height + top + frame };
  const text = [
    ...(title === ''
      ? []
      : [
          `<rect class="frame" width="${number(whole.width)}" height="${number(whole.height)}" rx="6"/>`,
          line(FRAME, 20, heading, ' class="ink head"'),
        ]),
    `<g transform="translate(${String(frame)} ${String(top)})">`,
    ...routes.flatMap(routeText),
    ...boxes.flatMap((box, index) => boxText(box, labels[index]!, nodes[index]!, sizes[index]!)),
    '</g>',
  ];
  return { text, ...whole };
}

/** Calls are in the boxes' text; lines between functions would run across everything. Two ways to the same box are one line. */
function linksWithin({ edges }: ProgramFlow, boxes: readonly FlowBox[]): Link[] {
  const indexOf = new Map(boxes.map(({ id }, index) => [id, index]));
  const links = new Map<string, Link>();
  for (const { from, to, kind } of edges) {
    const [source, target] = [indexOf.get(from), indexOf.get(to)];
    if (source === undefined || target === undefined || !(kind in JUMP_WORDS)) continue;
    const word = JUMP_WORDS[kind as keyof typeof JUMP_WORDS];
    const key = `${String(source)} ${String(target)}`;
    const known = links.get(key);
    links.set(key, { from: source, to: target, label: known === undefined ? word : `${known.label}/${word}` });
  }
  return [...links.values()];
}

const JUMP_WORDS = { on: '', taken: 'yes', otherwise: 'no' } as const;

function callersOf(flow: ProgramFlow, entry: number): string {
  const slots = flow.edges
    .filter(({ to, kind }) => to === entry && !(kind in JUMP_WORDS))
    .map(({ from }) => {
      const box = flow.boxes[from]!;
      const { graph, program } = flow.functions[box.fn]!;
      return String(program.instructions[graph.blocks[box.blocks[0]!]!.first]!.index);
    });
  return slots.length === 0
    ? ''
    : `, from the block${slots.length > 1 ? 's' : ''} at ${slots.slice(0, 6).join(', ')}${slots.length > 6 ? ' and others' : ''}`;
}

function sizeOf({ title, verdict, code, rules }: BoxLabel): { width: number; height: number } {
  const longest = Math.max(...[`${title}  ${verdict}`, ...code, ...rules].map(columnsOf));
  const lines = 1 + code.length + rules.length;
  return {
    width: Math.max(NARROWEST, longest * CHARACTER + 2 * PADDING),
    height: lines * LINE + 2 * PADDING + (rules.length > 0 ? 6 : 0),
  };
}

/** Characters outside ASCII may be two columns wide. */
function columnsOf(text: string): number {
  return Array.from(text).reduce((sum, character) => sum + ((character.codePointAt(0) ?? 0) < 0x2000 ? 1 : 2), 0);
}

function boxText(box: FlowBox, label: BoxLabel, at: Placed, size: { width: number; height: number }): string[] {
  const { title, verdict, code, rules } = label;
  const right = size.width - PADDING;
  const baseline = (index: number): number => PADDING + 11 + LINE * index;
  const rulesFrom = code.length + 1;
  const split = PADDING + LINE * rulesFrom + 3;
  return [
    `<g class="${box.verdict}" transform="translate(${number(at.x)} ${number(at.y)})">`,
    shape(box.verdict, size.width, size.height),
    line(PADDING, baseline(0), title),
    line(right, baseline(0), verdict, ' class="head" text-anchor="end"'),
    ...code.map((each, index) => line(PADDING, baseline(index + 1), each)),
    ...(rules.length === 0 ? [] : [`<path class="rule" d="M0 ${number(split)}H${number(size.width)}"/>`]),
    ...rules.map((each, index) => line(PADDING, baseline(rulesFrom + index) + 6, each)),
    '</g>',
  ];
}

/** What the colour says, the outline says too: round corners allow, cut ones deny. */
function shape(verdict: FlowVerdict, width: number, height: number): string {
  const [w, h] = [number(width), number(height)];
  if (verdict === 'deny') {
    const cut = 7;
    const [x, y] = [number(width - cut), number(height - cut)];
    return `<path class="shape" d="M${String(cut)} 0H${x}L${w} ${String(cut)}V${y}L${x} ${h}H${String(cut)}L0 ${y}V${String(cut)}Z"/>`;
  }
  return `<rect class="shape" width="${w}" height="${h}"${verdict === 'allow' ? ' rx="9"' : ''}/>`;
}

function routeText({ link, points }: Route): string[] {
  const [first, ...rest] = points;
  if (first === undefined) return [];
  const path = rest.map(({ x, y }) => `L${number(x)} ${number(y)}`).join('');
  const way = `<path class="way" d="M${number(first.x)} ${number(first.y)}${path}" marker-end="url(#arrow)"/>`;
  return link.label === '' ? [way] : [way, line(first.x + 3, first.y + 10, link.label, ' class="word"')];
}

function line(x: number, y: number, text: string, attributes = ''): string {
  return `<text x="${number(x)}" y="${number(y)}"${attributes}>${escapeXml(text)}</text>`;
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

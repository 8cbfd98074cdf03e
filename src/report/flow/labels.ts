import { disassembleInstruction } from '../../ebpf/disassemble.js';
import type { Instruction } from '../../ebpf/types.js';
import type { PolicyPartition } from '../../intent/types.js';
import type { FlowBox, FlowFunction, FlowVerdict, ProgramFlow } from '../../verify/flow.js';
import { escapeShort, escapeText } from '../escape.js';
import { shortPath } from '../paths.js';
import { shorten, type RegionLines } from './region-lines.js';

/** What stands in a box. All text is safe to print; not yet escaped for DOT or XML. */
export interface BoxLabel {
  /** `slots 5-8`. */
  title: string;
  /** The verdict in words: colour never is the only carrier. */
  verdict: string;
  code: string[];
  rules: string[];
}

/** Verdicts in words, as in the legend. */
export const VERDICT_WORDS: Readonly<Record<FlowVerdict, string>> = {
  allow: 'always ALLOW',
  deny: 'always DENY',
  both: 'DEPENDS',
  undecided: 'UNDECIDED',
  never: 'never reached',
};

export const VERDICT_MEANING: Readonly<Record<FlowVerdict, string>> = {
  allow: 'whatever comes here ends allowed',
  deny: 'whatever comes here ends denied',
  both: 'some of it ends allowed, some denied or undecided',
  undecided: 'the verdict is not known',
  never: 'nothing the kernel asks about comes here',
};

const MOST_CODE = 7;

export function boxLabel(flow: ProgramFlow, box: FlowBox, regions: RegionLines): BoxLabel {
  const fn = flow.functions[box.fn]!;
  const { graph, program } = fn;
  const first = program.instructions[graph.blocks[box.blocks[0]!]!.first]!;
  const last = program.instructions[graph.blocks[box.blocks.at(-1)!]!.last]!;
  const several = box.blocks.length > 1;
  const slots =
    first.index === last.index ? `slot ${String(first.index)}` : `slots ${String(first.index)}-${String(last.index)}`;
  return {
    title: several ? `${slots}, ${String(box.blocks.length)} blocks` : slots,
    verdict: VERDICT_WORDS[box.verdict],
    code: several ? [] : withoutMiddle(codeLines(fn, box)),
    rules: several ? stopLines(box, regions) : comeLines(box, regions),
  };
}

/** The first and the last instruction say most: what is loaded, and what is compared. */
function withoutMiddle(lines: readonly string[]): string[] {
  if (lines.length <= MOST_CODE) return [...lines];
  const left = lines.length - (MOST_CODE - 1);
  return [...lines.slice(0, MOST_CODE - 3), `... ${String(left)} more ...`, ...lines.slice(-2)];
}

function codeLines(fn: FlowFunction, box: FlowBox): string[] {
  const { graph, program } = fn;
  const { first, last } = graph.blocks[box.blocks[0]!]!;
  return program.instructions
    .slice(first, last + 1)
    .map((each) => shorten(`${String(each.index)}: ${shortForm(each, fn)}`));
}

/** As bpftool prints it, without the opcode, and with the slot that a jump leads to. */
function shortForm(instruction: Instruction, { program, callNames }: FlowFunction): string {
  const functionName = (imm: number): string | undefined => callNames.get(imm);
  const text = disassembleInstruction(instruction, program, { functionName }).replace(/^\([0-9a-f]+\) /, '');
  const target = 'target' in instruction && instruction.target !== null ? String(instruction.target) : null;
  return escapeText(target === null ? text : text.replace(/(goto|goto[l]) pc[+-]\d+/, `$1 ${target}`));
}

/** What comes to a block, and how it ends. The verdict with the longer list is the rest. */
function comeLines({ verdict, comes }: FlowBox, regions: RegionLines): string[] {
  const { allowed, denied, undecided } = comes;
  if (verdict === 'never') return [];
  if (verdict === 'allow') return titled('allow', regions.of(allowed));
  if (verdict === 'deny') return titled('deny', regions.of(denied));
  const all = allowed.space.unionAll([allowed, denied, ...undecided.map(({ region }) => region)]);
  return [...titled('reached by', regions.of(all)), ...endings(comes, regions)];
}

/** Of several blocks: what ends in one of them. Everything else goes on to a box below. */
function stopLines({ comes, stops, verdict }: FlowBox, regions: RegionLines): string[] {
  if (stops === null || verdict === 'never') return [];
  const { allowed, denied, undecided } = stops;
  const ends = [
    ...(allowed.isEmpty() ? [] : titled('allow', regions.of(allowed))),
    ...(denied.isEmpty() ? [] : titled('deny', regions.of(denied))),
    ...undecided.flatMap(({ region, reason }) => titled(`undecided (${escapeShort(reason, 24)})`, regions.of(region))),
  ];
  const all = (policy: PolicyPartition) =>
    allowed.space.unionAll([policy.allowed, policy.denied, ...policy.undecided.map(({ region }) => region)]);
  return all(comes).implies(all(stops)) ? ends : [...ends, 'the rest goes on'];
}

function endings({ allowed, denied, undecided }: PolicyPartition, regions: RegionLines): string[] {
  const open = undecided.flatMap(({ region, reason }) =>
    titled(`undecided (${escapeShort(reason, 24)})`, regions.of(region)),
  );
  if (allowed.isEmpty() || denied.isEmpty()) {
    const decided = allowed.isEmpty() ? 'deny' : 'allow';
    return [...open, ...(allowed.isEmpty() && denied.isEmpty() ? [] : [`${decided} the rest`])];
  }
  const [yes, no] = [regions.of(allowed), regions.of(denied)];
  const shorter =
    no.length < yes.length || (no[0]?.startsWith('everything') === false && yes[0]?.startsWith('everything') === true);
  return shorter
    ? [...titled('deny', no), ...open, 'allow the rest']
    : [...titled('allow', yes), ...open, 'deny the rest'];
}

/** The first line behind the word, the others below it. */
function titled(word: string, lines: readonly string[]): string[] {
  const indent = ' '.repeat(lines[0]?.endsWith(' but') === true || word.length > SHORT_WORD ? 2 : word.length + 1);
  return lines.map((line, index) => (index === 0 ? `${word} ${line}` : `${indent}${line}`));
}
const SHORT_WORD = 6;

/** Heading of a program. */
export function programTitle({ view }: ProgramFlow): string {
  const { id, author } = view;
  const who =
    author.confidence === 'unknown' ? '' : `, written by ${escapeShort(author.name, 40)} (${author.confidence})`;
  return `${id === 0 ? 'the program' : `program ${String(id)}`}${who}`;
}

/** Heading of a function; "" for the main function of a program that has no other. */
export function functionTitle(flow: ProgramFlow, fn: FlowFunction): string {
  const at = `at slot ${String(fn.entry)}`;
  const words = {
    main: flow.functions.length > 1 ? 'main function' : '',
    subprogram: `function ${at}`,
    callback: `callback ${at}`,
    program: 'another program, by tail call',
  };
  return words[fn.kind];
}

/** What a reader of the picture must know; one sentence each. */
export function flowNotes(flow: ProgramFlow, regions: RegionLines): string[] {
  const { attachedAt } = flow.view;
  const where = attachedAt === null || flow.view.id === 0 ? [] : [`attached to ${shortPath(attachedAt)}`];
  const notes = flow.abandoned.map(
    ({ region, reason }) =>
      `Not followed to the end (${escapeShort(reason, 60)}): ${regions.of(region).join('; ')}. Blocks behind may be reached by these too.`,
  );
  if (flow.functions.some(({ condensed }) => condensed))
    notes.unshift('Too many blocks to draw each: a box is several. Their instructions: devpolicy decode --listing');
  return [...where, ...notes];
}

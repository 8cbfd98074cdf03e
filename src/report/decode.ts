import { disassemble, formatLine } from '../ebpf/disassemble.js';
import type { PolicyPartition } from '../intent/types.js';
import { deviceNames } from '../verify/device-names.js';
import type { DecodedProgram } from '../verify/examine/decoded.js';
import type { Subject } from '../verify/subjects.js';
import type { Snapshot } from '../snapshot/types.js';
import { escapeText } from './escape.js';
import { policyJson, type JsonPolicy } from './policy-json.js';
import { policyBlock } from './policy-text.js';
import type { Style } from './style.js';
import { programJson, type JsonProgram } from './subject-json.js';

export interface DecodeWanted {
  /** The instructions in place of the rules. */
  listing: boolean;
  /** The program's own answers, without what the kernel never asks. */
  raw: boolean;
}

export function decodeText(
  programs: readonly DecodedProgram[],
  snapshot: Snapshot,
  subject: Subject,
  options: DecodeWanted & { style: Style },
): string {
  const blocks = programs.map((each) => {
    const head = programs.length > 1 || options.listing ? headline(each, options.style) : [];
    return [...head, ...(options.listing ? listingLines(each) : rulesLines(each, snapshot, subject, options))].join(
      '\n',
    );
  });
  return `${blocks.join('\n\n')}\n`;
}

function headline({ view }: DecodedProgram, style: Style): string[] {
  const who =
    view.author.confidence === 'unknown' ? '' : `   ${escapeText(view.author.name)} (${view.author.confidence})`;
  const where = view.attachedAt === null ? '' : `   ${escapeText(view.attachedAt)}`;
  return [style.bold(`program ${String(view.id)}${who}${where}`)];
}

function rulesLines(
  each: DecodedProgram,
  snapshot: Snapshot,
  subject: Subject,
  { raw, style }: DecodeWanted & { style: Style },
): string[] {
  const policy = wantedPolicy(each, raw);
  if (policy === null) return [`unreadable: ${escapeText(each.view.problem ?? '')}`];
  return policyBlock('', policy, deviceNames(snapshot, subject), style, { keepNeverAsked: raw });
}

function wantedPolicy({ policy, raw }: DecodedProgram, wantsRaw: boolean): PolicyPartition | null {
  return wantsRaw ? raw : policy;
}

function listingLines({ program, view, helpers }: DecodedProgram): string[] {
  if (program === null) return [`unreadable: ${escapeText(view.problem ?? '')}`];
  return disassemble(program, { functionName: (imm) => helpers.get(imm) }).map((line) => escapeText(formatLine(line)));
}

export interface DecodeJson {
  schema: 'devpolicy/decode';
  schemaVersion: [1, 0];
  tool: { name: string; version: string };
  programs: (JsonProgram & { policy: JsonPolicy | null; listing: { slot: number; text: string }[] | null })[];
}

export function decodeJson(programs: readonly DecodedProgram[], snapshot: Snapshot, { raw }: DecodeWanted): DecodeJson {
  return {
    schema: 'devpolicy/decode',
    schemaVersion: [1, 0],
    tool: { name: snapshot.tool.name, version: snapshot.tool.version },
    programs: programs.map((each) => {
      const policy = wantedPolicy(each, raw);
      return {
        ...programJson(each.view, snapshot),
        policy: policy === null ? null : policyJson(policy),
        listing:
          each.program === null
            ? null
            : disassemble(each.program, { functionName: (imm) => each.helpers.get(imm) }).map(({ index, text }) => ({
                slot: index,
                text,
              })),
      };
    }),
  };
}

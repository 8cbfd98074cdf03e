import { formatRequest } from '../policy/rule-text.js';
import type { DeviceRequest } from '../policy/types.js';
import type { PolicyExplanation, PolicyReason } from '../verify/explanation.js';
import { regionRules, type RegionRules } from '../verify/region-rules.js';
import { besides, stepCells, stepsJson, type JsonStep } from './decision.js';
import { escapeShort } from './escape.js';
import { RegionLines } from './flow/region-lines.js';
import type { Style } from './style.js';
import { table } from './table.js';

/** Lines of one region. */
const MOST_LINES = 8;

/** For `show --explain`: each part of the policy with one request and the instruction that decided it. */
export function explanationText({ reasons, left }: PolicyExplanation, style: Style): string {
  const regions = new RegionLines(MOST_LINES, false);
  const blocks = reasons.flatMap((reason) => [headLine(reason, regions, style), ...reasonLines(reason)]);
  const more = left > 0 ? [`  and ${String(left)} more rules: devpolicy can tells of each`] : [];
  return `\n${[style.bold('WHY (one request of each)'), ...blocks, ...more].join('\n')}\n`;
}

const WORDS = { allow: 'ALLOW', deny: 'DENY', undecided: 'UNDECIDED' } as const;

function headLine({ verdict, region, deniedBy, decision }: PolicyReason, regions: RegionLines, style: Style): string {
  const paint = verdict === 'allow' ? style.good : verdict === 'deny' ? style.bad : style.warn;
  const [first = '', ...others] = regions.of(region);
  const program = deniedBy === null ? null : decision.steps[deniedBy]?.program;
  const several = decision.steps.length > 1 && program != null;
  const by = several ? `  (the first to deny it: ${String(program.id)} ${escapeShort(program.author.name, 20)})` : '';
  return [`${paint(WORDS[verdict].padEnd(5))}  ${first}${by}`, ...others.map((line) => `       ${line}`)].join('\n');
}

/** Of a denial only the program that denies; an allowed request needs a yes from each. */
function reasonLines({ request, decision, deniedBy }: PolicyReason): string[] {
  const steps = deniedBy === null ? decision.steps : decision.steps.slice(deniedBy, deniedBy + 1);
  const rows = steps.map((step, index) => [index === 0 ? formatRequest(request) : '', ...stepCells(step)]);
  const lines = table(rows.length > 0 ? rows : [[formatRequest(request), 'no device program is asked']], { indent: 7 });
  return [...lines, ...besides(decision).map((line) => `     ${line}`)];
}

/** One part of the policy in `show --explain --json`. */
export interface JsonReason extends RegionRules {
  verdict: PolicyReason['verdict'];
  /** Id of the first program that denies all of it by itself; null otherwise. */
  deniedBy: number | null;
  /** One request of it, and how the programs decide that. */
  request: DeviceRequest;
  programs: JsonStep[];
}

/** The parts as `show --explain --json` prints them. */
export function explanationJson({ reasons }: PolicyExplanation): JsonReason[] {
  return reasons.map(({ verdict, region, deniedBy, request, decision }) => ({
    verdict,
    ...regionRules(region),
    deniedBy: deniedBy === null ? null : (decision.steps[deniedBy]?.program.id ?? null),
    request,
    programs: stepsJson(decision.steps),
  }));
}

import type { PolicyPartition } from '../intent/types.js';
import type { Notation } from '../policy/access.js';
import type { DeviceSet } from '../policy/device-set.js';
import type { DeviceNames } from '../policy/names.js';
import { defaultText, describePolicy, formatLine, ruleLines } from '../policy/policy-text.js';
import { formatSummary, summariseRegion } from '../policy/region-summary.js';
import { listRules, type RuleListing } from '../policy/to-rules.js';
import type { DeviceRule } from '../policy/types.js';
import { levelAtZero, regionRules } from '../verify/region-rules.js';
import { escapeText } from './escape.js';
import type { Style } from './style.js';
import { ruleTable } from './words.js';

/** A policy as lines of plain text, the default last, what is undecided behind it. Equal policies have equal lines, whoever wrote the programs. */
export function policyLines(policy: PolicyPartition): string[] {
  const { rest, listing, notation } = describePartition(policy, levelAtZero);
  const rules = ruleLines(listing.rules, notation).map(formatLine);
  const lines = rest === 'allow' ? rules.map((line) => `deny ${line}`) : rules;
  if (listing.remainder !== null) lines.push(...summariseRegion(listing.remainder).map(formatSummary));
  if (nothingDecided(policy)) lines.push('nothing is decided');
  else
    lines.push(
      defaultText(rest, lines.length > 0) + (policy.undecided.length > 0 ? ', but for what is undecided' : ''),
    );
  const undecided = policy.undecided.flatMap(({ region, reason }) => {
    const { rules: open, remainder = [] } = regionRules(region);
    return [...ruleLines(open, 'difference').map(formatLine), ...remainder].map(
      (line) => `undecided (${escapeText(reason)}): ${line}`,
    );
  });
  return [...lines, ...undecided];
}

/** The allowed requests under default deny, or the denied ones under default allow, whichever is shorter; then what is undecided. */
export function policyBlock(
  suffix: string,
  policy: PolicyPartition,
  names: DeviceNames,
  style: Style,
  options: { keepNeverAsked?: boolean } = {},
): string[] {
  const view = options.keepNeverAsked === true ? (set: DeviceSet): DeviceSet => set : levelAtZero;
  return policyParts(suffix, policy, view).flatMap(({ undecided, title, rules, notation, remainder }) => [
    (undecided ? style.warn : style.bold)(title),
    ...ruleTable(rules, notation, names, { indent: 2 }),
    ...remainder.map((line) => `  ${line}`),
  ]);
}

/** A part of a policy as it is printed: what its rules are is in the title. */
export interface PolicyPart {
  undecided: boolean;
  title: string;
  rules: readonly DeviceRule[];
  notation: Notation;
  /** Lines about what no list of ranges describes. */
  remainder: readonly string[];
}

/** The decided part, then one for each reason why something is not. Titles are safe text. */
export function policyParts(
  suffix: string,
  policy: PolicyPartition,
  view: (set: DeviceSet) => DeviceSet = levelAtZero,
): PolicyPart[] {
  const { rest, listing, notation } = describePartition(policy, view);
  const decided: PolicyPart = {
    undecided: false,
    title: nothingDecided(policy) ? `NOTHING IS DECIDED${suffix}` : heading(suffix, rest, listing, policy),
    rules: listing.rules,
    notation,
    remainder: listing.remainder === null ? [] : summariseRegion(listing.remainder).map(formatSummary),
  };
  const open = policy.undecided.map(({ region, reason }): PolicyPart => {
    const { rules, remainder = [] } = regionRules(region);
    const title = `UNDECIDED${suffix}, because: ${escapeText(reason)}`;
    return { undecided: true, title, rules, notation: 'difference', remainder };
  });
  return [decided, ...open];
}

interface Description {
  /** What holds for requests that are neither listed nor undecided. */
  rest: 'deny' | 'allow';
  listing: RuleListing;
  notation: Notation;
}

/** What is undecided counts on neither side: with a default of deny the listing is what is certainly allowed, with allow what is certainly denied. */
function describePartition(policy: PolicyPartition, view: (set: DeviceSet) => DeviceSet): Description {
  if (policy.undecided.length === 0) {
    const { default: rest, listing, notation } = describePolicy(view(policy.allowed));
    return { rest, listing, notation };
  }
  const { default: rest } = describePolicy(view(policy.denied.complement()));
  return rest === 'deny'
    ? { rest, listing: listRules(view(policy.allowed)), notation: 'policy' }
    : { rest, listing: listRules(view(policy.denied)), notation: 'difference' };
}

/** Neither sentence about a default would be about anything: "everything else is allowed" must not be read where all is unknown. */
const nothingDecided = ({ allowed, denied }: PolicyPartition): boolean =>
  denied.isEmpty() && allowed.subtract(allowed.space.neverAsked).isEmpty();

function heading(
  suffix: string,
  rest: 'deny' | 'allow',
  { rules, remainder }: RuleListing,
  { undecided }: PolicyPartition,
): string {
  const but = undecided.length > 0 ? ', but for what is undecided' : '';
  if (rules.length > 0 || remainder !== null) {
    return rest === 'deny'
      ? `ALLOWED${suffix}, everything else is denied${but}`
      : `DENIED${suffix}, everything else is allowed${but}`;
  }
  if (undecided.length === 0) return defaultText(rest, false).toUpperCase();
  return rest === 'deny'
    ? `NOTHING IS ALLOWED FOR CERTAIN${suffix}; everything is denied${but}`
    : `NOTHING IS DENIED FOR CERTAIN${suffix}; everything is allowed${but}`;
}

import type { PolicyPartition } from '../intent/types.js';
import type { DeviceNames } from '../policy/names.js';
import { defaultText, describePolicy, formatLine, policyText, ruleLines } from '../policy/policy-text.js';
import { formatSummary, summariseRegion } from '../policy/region-summary.js';
import { levelAtZero, regionRules } from '../verify/region-rules.js';
import { escapeText } from './escape.js';
import type { Style } from './style.js';
import { ruleTable } from './words.js';

/** A policy as lines of plain text, the default last, what is undecided behind it. Equal policies have equal lines, whoever wrote the programs. */
export function policyLines(policy: PolicyPartition): string[] {
  const undecided = policy.undecided.flatMap(({ region, reason }) => {
    const { rules, remainder = [] } = regionRules(region);
    const lines = ruleLines(rules, 'difference').map(formatLine);
    return [...lines, ...remainder].map((line) => `${line} is undecided (${escapeText(reason)})`);
  });
  return [...policyText(levelAtZero(policy.allowed)), ...undecided];
}

/** The allowed requests under default deny, or the denied ones under default allow, whichever is shorter; then what is undecided. */
export function policyBlock(
  suffix: string,
  policy: PolicyPartition,
  names: DeviceNames,
  style: Style,
  options: { keepNeverAsked?: boolean } = {},
): string[] {
  const {
    default: rest,
    listing,
    notation,
  } = describePolicy(options.keepNeverAsked === true ? policy.allowed : levelAtZero(policy.allowed));
  const heading =
    ruleLines(listing.rules, notation).length === 0 && listing.remainder === null
      ? defaultText(rest, false).toUpperCase()
      : rest === 'deny'
        ? `ALLOWED${suffix}, everything else is denied`
        : `DENIED${suffix}, everything else is allowed`;
  const lines = [style.bold(heading), ...ruleTable(listing.rules, notation, names, { indent: 2 })];
  if (listing.remainder !== null)
    lines.push(...summariseRegion(listing.remainder).map((summary) => `  ${formatSummary(summary)}`));
  for (const { region, reason } of policy.undecided) {
    const { rules, remainder = [] } = regionRules(region);
    lines.push(
      style.warn(`UNDECIDED${suffix}, because: ${escapeText(reason)}`),
      ...ruleTable(rules, 'difference', names, { indent: 2 }),
      ...remainder.map((line) => `  ${line}`),
    );
  }
  return lines;
}

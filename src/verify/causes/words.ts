import type { DeviceSet } from '../../policy/device-set.js';
import { formatRule } from '../../policy/rule-text.js';
import { regionRules } from '../region-rules.js';

const MOST = 6;

/** A region as a few rules for a person; `policy`: letters as in a rule, where the region is known to be one. */
export function ruleTexts(region: DeviceSet, style: 'policy' | 'difference' = 'difference'): string[] {
  const { rules } = regionRules(region);
  const shown = rules.slice(0, MOST).map((rule) => formatRule(rule, style));
  return rules.length > MOST ? [...shown, `and ${String(rules.length - MOST)} more`] : shown;
}

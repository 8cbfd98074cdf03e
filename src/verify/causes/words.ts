import type { DeviceSet } from '../../policy/device-set.js';
import { formatRule } from '../../policy/rule-text.js';
import { regionRules } from '../region-rules.js';

const MOST = 6;

/** A region as a few rules for a person. */
export function ruleTexts(region: DeviceSet): string[] {
  const { rules } = regionRules(region);
  const shown = rules.slice(0, MOST).map((rule) => formatRule(rule, 'difference'));
  return rules.length > MOST ? [...shown, `and ${String(rules.length - MOST)} more`] : shown;
}

import type { DeviceRequest } from '../policy/types.js';
import { decideCompiled, ruleMatches } from './compiled.js';
import type { IntendedPolicy, IntentList } from './types.js';

export type IntentVerdict = 'allow' | 'deny' | 'undecided';

/**
 * One request against an intent, rule by rule and without diagrams: a second way to the same answer, to replay a witness. Only where a list was settled by
 * a program that is attached is that program's set asked.
 */
export function decideIntended(policy: IntendedPolicy, request: DeviceRequest): IntentVerdict {
  const answers = policy.dialects.map((list) => decideList(list, request));
  if (answers.length === 0) return policy.attaches === 'none' ? 'allow' : 'undecided';
  if (policy.dialectsMean === 'all of')
    return answers.includes('deny') ? 'deny' : answers.includes('undecided') ? 'undecided' : 'allow';
  const [first] = answers;
  return first !== undefined && answers.every((answer) => answer === first) ? first : 'undecided';
}

function decideList({ compiled, open, settled }: IntentList, request: DeviceRequest): IntentVerdict {
  if (compiled === null) return 'allow';
  if (settled !== undefined) return settled.contains(request) ? 'allow' : 'deny';
  if (decideCompiled(compiled, request).allow) return 'allow';
  return open?.some((rule) => ruleMatches(rule, request)) === true ? 'undecided' : 'deny';
}

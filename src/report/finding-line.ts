import type { Finding } from '../verify/types.js';
import { escapeText } from './escape.js';
import { openingSentence } from './finding-text.js';
import { rulesInline } from './words.js';

/** A finding on one line, for formats that have one: "Works now. Taken away by ...: c 1:3,5 rw · c 5:0 rw (`docker exec -it` fails)". Safe text. */
export function findingLine({ code, evidence }: Finding): string {
  const sentence = openingSentence(code, evidence).replace(/:$/, '');
  const rules = [rulesInline(evidence.rules, 'difference'), ...(evidence.remainder ?? [])].filter(
    (part) => part !== '',
  );
  const impacts = (evidence.impacts ?? []).map(({ words }) => words).join('; ');
  const what = rules.length === 0 ? sentence : `${sentence}: ${rules.join(' · ')}`;
  return escapeText(impacts === '' ? what : `${what} (${impacts})`);
}

import { InputError } from '../../errors.js';
import { createRun } from '../../pipeline.js';
import { rulesAs, RULE_FORMS, type RuleForm } from '../../policy/rules-as.js';
import { escapeText } from '../../report/escape.js';
import { explanationText } from '../../report/explanation.js';
import { toJsonText } from '../../report/json.js';
import { showJson } from '../../report/show-json.js';
import { showText } from '../../report/show-text.js';
import { ownProblems } from '../../verify/problems.js';
import { levelAtZero } from '../../verify/region-rules.js';
import type { SubjectAnalysis } from '../../verify/types.js';
import type { CommandContext } from '../context.js';
import { EXIT_CANNOT, EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { openTarget } from '../open.js';

export interface ShowOptions {
  rulesAs?: RuleForm;
  explain?: boolean;
}

/** Everything about one target. Exit 3 when part of it is unknown. */
export async function runShow(
  context: CommandContext,
  target: string | null,
  options: ShowOptions,
): Promise<ExitStatus> {
  const { snapshot, subject } = await openTarget(context, target);
  const run = createRun(snapshot);
  const analysis = run.analyse(subject);
  const { io, globals, style } = context;
  if (options.rulesAs !== undefined) return printRulesAs(context, analysis, options.rulesAs);
  const explanation = options.explain === true ? run.explain(subject) : null;
  if (globals.json === true) io.out(toJsonText(showJson(analysis, snapshot, explanation)));
  else {
    const columns = io.outIsTerminal ? io.columns : null;
    const options = { style, verbose: globals.verbose === true, columns };
    io.say(showText(analysis, run.compare(subject), snapshot, options));
  }
  if (globals.json !== true && explanation !== null) io.say(explanationText(explanation, style));
  return isIncomplete(analysis) || ownProblems(snapshot, subject).length > 0 ? EXIT_INCOMPLETE : EXIT_OK;
}

function isIncomplete({ enforced, intended, afterReload, afterApply }: SubjectAnalysis): boolean {
  return [enforced, intended, afterReload, afterApply].some(
    (each) => each.status === 'unread' || (each.status === 'known' && each.policy.undecided.length > 0),
  );
}

/** The enforced policy, or for a file that holds only an intent that one, in the form another tool takes. */
function printRulesAs({ io, globals }: CommandContext, analysis: SubjectAnalysis, form: RuleForm): ExitStatus {
  if (!RULE_FORMS.includes(form)) throw new InputError(`no such form: ${form}`, `forms: ${RULE_FORMS.join(', ')}`);
  const { enforced, intended } = analysis;
  const examined = enforced.status === 'known' ? enforced : intended;
  if (examined.status !== 'known') throw new InputError(`the policy is not known: ${examined.reason}`);
  if (examined.policy.undecided.length > 0)
    throw new InputError('part of the policy is undecided, so no form can express it', 'see: devpolicy show');
  // Without levelAtZero a line for 0:0 would be there, which the kernel allows without asking.
  const written = rulesAs(levelAtZero(examined.policy.allowed), form);
  if ('refused' in written) {
    io.err(`devpolicy: ${escapeText(written.refused)}\n`);
    return EXIT_CANNOT;
  }
  io.out(`${written.lines.map(escapeText).join('\n')}\n`);
  if (globals.quiet !== true) for (const note of written.notes) io.err(`note: ${escapeText(note)}\n`);
  return EXIT_OK;
}

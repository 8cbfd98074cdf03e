import type { Subject } from '../subjects.js';
import type { SubjectAnalysis } from '../types.js';
import { applyingPrograms, enforcedPolicy } from './enforced.js';
import { intendedPolicy } from './intended.js';
import { lazily } from './lazily.js';
import { pendingPolicies } from './pending.js';
import { programViews } from './programs.js';
import type { Workshop } from './workshop.js';

/** The four policies of a subject and the programs behind them, each worked out when it is first looked at. */
export function analyseSubject(workshop: Workshop, subject: Subject): SubjectAnalysis {
  const applying = applyingPrograms(workshop, subject);
  if ('status' in applying) {
    const pending = { status: applying.status, reason: applying.reason };
    return {
      subject,
      programs: [],
      enforced: applying,
      intended: intendedPolicy(workshop, subject, []),
      afterReload: pending,
      afterApply: pending,
      decidedBy: null,
    };
  }
  const programs = programViews(workshop, subject, applying);
  const intended = lazily(() => intendedPolicy(workshop, subject, programs));
  const pending = lazily(() => pendingPolicies(workshop, subject, applying, intended()));
  return {
    subject,
    programs,
    enforced: enforcedPolicy(workshop, applying),
    get intended() {
      return intended();
    },
    get afterReload() {
      return pending().afterReload;
    },
    get afterApply() {
      return pending().afterApply;
    },
    decidedBy: applying,
  };
}

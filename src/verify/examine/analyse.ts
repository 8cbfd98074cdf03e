import type { Subject } from '../subjects.js';
import type { SubjectAnalysis } from '../types.js';
import { applyingPrograms, enforcedPolicy } from './enforced.js';
import { intendedPolicy } from './intended.js';
import { pendingPolicies } from './pending.js';
import { programViews } from './programs.js';
import type { Workshop } from './workshop.js';

/** The four policies of a subject and the programs behind them. */
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
  const intended = intendedPolicy(workshop, subject, programs);
  return {
    subject,
    programs,
    enforced: enforcedPolicy(workshop, applying),
    intended,
    ...pendingPolicies(workshop, subject, applying, intended),
    decidedBy: applying,
  };
}

import type { Subject } from '../subjects.js';
import type { Examined, SubjectAnalysis } from '../types.js';
import { applyingPrograms, enforcedPolicy } from './enforced.js';
import { intendedPolicy } from './intended.js';
import { lazily } from './lazily.js';
import { pendingPolicies } from './pending.js';
import { programViews } from './programs.js';
import type { Workshop } from './workshop.js';

/** The four policies of a subject and the programs behind them, each worked out when it is first looked at. */
export function analyseSubject(workshop: Workshop, subject: Subject): SubjectAnalysis {
  const applying = applyingPrograms(workshop, subject);
  if ('status' in applying) return withoutPrograms(workshop, subject, applying);
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

/** What is left to say where the attached programs could not be had: what was meant, and what systemd's lists will deny whatever else is attached. */
function withoutPrograms(
  workshop: Workshop,
  subject: Subject,
  enforced: Exclude<Examined, { status: 'known' }>,
): SubjectAnalysis {
  const intended = intendedPolicy(workshop, subject, []);
  const { cgroup } = subject;
  const none = { status: enforced.status, reason: enforced.reason };
  const pending =
    cgroup === null || enforced.status !== 'unread'
      ? { afterReload: none, afterApply: none }
      : pendingPolicies(workshop, subject, { cgroup, levels: [], programs: [], v1: null }, intended);
  return { subject, programs: [], enforced, intended, ...pending, decidedBy: null };
}

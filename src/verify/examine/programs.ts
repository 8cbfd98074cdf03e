import { authorOf } from '../../effective/author.js';
import { unreadableText } from '../unreadable.js';
import type { ProgramView } from '../programs.js';
import type { Subject } from '../subjects.js';
import type { Applying, RunningProgram } from './enforced.js';
import { behindHook } from './hook.js';
import { lazily } from './lazily.js';
import { toPolicy } from './partitions.js';
import type { Workshop } from './workshop.js';

const SLOT = 8;

/** Programs as they are shown: where attached, who wrote them, what each decides alone. */
export function programViews(workshop: Workshop, subject: Subject, applying: Applying): ProgramView[] {
  return applying.programs.map((running) => programView(workshop, subject, applying, running));
}

function programView(
  workshop: Workshop,
  subject: Subject,
  applying: Applying,
  { loaded, cgroup }: RunningProgram,
): ProgramView {
  const level = applying.levels.find((each) => each.cgroup === cgroup);
  const program = loaded.kind === 'program' ? loaded.program : null;
  const alone = lazily(() =>
    loaded.kind === 'program'
      ? toPolicy(workshop, workshop.evaluator.evaluate(loaded.program, loaded.environment))
      : null,
  );
  const behind = lazily(() => behindHook(workshop, loaded));
  const isOwn = subject.container !== null && cgroup !== null && isOwnLevel(workshop, subject, cgroup);
  return {
    id: loaded.id,
    record: loaded.record,
    attachedAt: cgroup,
    attachFlags: level?.failed === null ? level.attachFlags : null,
    author: authorOf(program, {
      name: loaded.record?.name ?? '',
      gplCompatible: loaded.record?.gplCompatible ?? null,
      containerRuntime: isOwn ? (subject.container?.runtime ?? null) : null,
      containerEngine: isOwn ? (subject.container?.engine ?? null) : null,
    }),
    get behindHook() {
      return behind();
    },
    slots: program === null ? null : program.bytes.length / SLOT,
    get alone() {
      return alone();
    },
    problem: loaded.kind === 'program' ? null : unreadableText(loaded.reason, loaded.record),
  };
}

/** The subject's own cgroup, and the levels from its systemd unit down to it: what its runtime and systemd write to. */
export function isOwnLevel({ snapshot }: Pick<Workshop, 'snapshot'>, subject: Subject, path: string): boolean {
  const { cgroup } = subject;
  if (cgroup === null) return false;
  if (path === cgroup) return true;
  const nestedIn = subject.container?.nestedIn ?? null;
  const unit = snapshot.units.find(
    (each) =>
      each.name === subject.unit &&
      each.nestedIn === nestedIn &&
      each.cgroup !== null &&
      cgroup.startsWith(`${each.cgroup}/`),
  );
  if (unit?.cgroup == null) return false;
  return (path === unit.cgroup || path.startsWith(`${unit.cgroup}/`)) && cgroup.startsWith(`${path}/`);
}

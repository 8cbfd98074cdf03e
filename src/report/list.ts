import type { Snapshot } from '../snapshot/types.js';
import type { SubjectAnalysis } from '../verify/types.js';
import { escapeShort, escapeText } from './escape.js';
import type { Style } from './style.js';
import { programJson, subjectJson, type JsonProgram, type JsonSubject } from './subject-json.js';
import { table } from './table.js';

export interface ListJson {
  schema: 'devpolicy/list';
  schemaVersion: [1, 0];
  tool: { name: string; version: string };
  collectedAt: string | null;
  subjects: (JsonSubject & { programs: JsonProgram[]; enforced: Known; intended: Known })[];
  problems: { subject: string; message: string; code: string | null }[];
}

/** "known", "none" or "unread", with the reason for the last two. */
interface Known {
  status: 'known' | 'none' | 'unread';
  reason: string | null;
}

export function listJson(analyses: readonly SubjectAnalysis[], snapshot: Snapshot): ListJson {
  const known = (each: { status: Known['status']; reason?: string }): Known => ({
    status: each.status,
    reason: each.reason ?? null,
  });
  return {
    schema: 'devpolicy/list',
    schemaVersion: [1, 0],
    tool: { name: snapshot.tool.name, version: snapshot.tool.version },
    collectedAt: snapshot.collectedAt,
    subjects: analyses.map((analysis) => ({
      ...subjectJson(analysis.subject),
      programs: analysis.programs.map((view) => programJson(view, snapshot)),
      enforced: known(analysis.enforced),
      intended: known(analysis.intended),
    })),
    problems: snapshot.problems,
  };
}

/** One line per subject, containers first. */
export function listText(analyses: readonly SubjectAnalysis[], style: Style): string {
  if (analyses.length === 0) return '';
  const sorted = [...analyses].sort(
    (a, b) => Number(a.subject.container === null) - Number(b.subject.container === null),
  );
  const rows = sorted.map(({ subject, programs, enforced, intended }) => [
    escapeShort(subject.name, 48),
    subject.container === null ? '-' : escapeText(subject.container.engine),
    subject.container === null ? '-' : escapeText(subject.container.id.slice(0, 12)),
    enforced.status === 'known'
      ? programsText(programs)
      : enforced.status === 'none'
        ? notRunning(subject.container?.state)
        : 'unread',
    intended.status === 'known' ? 'known' : intended.status === 'none' ? 'not compared' : 'unread',
    subject.cgroup === null ? '-' : escapeText(subject.cgroup),
  ]);
  const heading = ['NAME', 'ENGINE', 'ID', 'PROGRAMS', 'INTENT', 'CGROUP'];
  const lines = table([heading, ...rows], { decorate: (cell, row) => (row === 0 ? style.bold(cell) : cell) });
  return `${lines.join('\n')}\n`;
}

function programsText(programs: SubjectAnalysis['programs']): string {
  if (programs.length === 0) return 'none';
  const authors = new Set(programs.map(({ author }) => author.name));
  return `${String(programs.length)} (${[...authors].map((each) => escapeShort(each, 16)).join(', ')})`;
}

function notRunning(state: string | undefined): string {
  return state === 'stopped' ? 'stopped' : '-';
}

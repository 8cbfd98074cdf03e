import type { Snapshot } from '../snapshot/types.js';
import type { SubjectAnalysis } from '../verify/types.js';
import { escapeShort, escapeText } from './escape.js';
import { shortPath } from './paths.js';
import type { Style } from './style.js';
import { programJson, subjectJson, type JsonProgram, type JsonSubject } from './subject-json.js';
import { displayWidth, table } from './table.js';

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

/**
 * One line per subject, containers first.
 * @param columns width of the terminal; what does not fit is left out from the right, long ids cut first. null: no limit, everything in full
 */
export function listText(analyses: readonly SubjectAnalysis[], style: Style, columns: number | null): string {
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
  const whole = [['NAME', 'ENGINE', 'ID', 'PROGRAMS', 'INTENT', 'CGROUP'], ...rows];
  const cells = columns === null ? whole : (layouts(whole).find((each) => fits(each, columns)) ?? whole.map(narrowest));
  const lines = table(cells, { decorate: (cell, row) => (row === 0 ? style.bold(cell) : cell) });
  return `${lines.join('\n')}\n`;
}

/** From the widest to the narrowest: whole paths, paths with cut ids, no paths, no ids either. */
function layouts(rows: readonly string[][]): string[][][] {
  const withoutPath = rows.map((row) => row.slice(0, 5));
  return [
    [...rows],
    rows.map((row) => [...row.slice(0, 5), shortPath(row[5] ?? '')]),
    withoutPath,
    withoutPath.map(narrowest),
  ];
}

const narrowest = (row: readonly string[]): string[] => [...row.slice(0, 2), ...row.slice(3, 5)];

function fits(rows: readonly string[][], columns: number): boolean {
  return table(rows).every((line) => displayWidth(line) <= columns);
}

function programsText(programs: SubjectAnalysis['programs']): string {
  if (programs.length === 0) return 'none';
  const authors = new Set(programs.map(({ author }) => author.name));
  return `${String(programs.length)} (${[...authors].map((each) => escapeShort(each, 16)).join(', ')})`;
}

function notRunning(state: string | undefined): string {
  return state === 'stopped' ? 'stopped' : '-';
}

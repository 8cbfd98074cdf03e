import type { DeviceNames } from '../policy/names.js';
import type { Snapshot } from '../snapshot/types.js';
import { deviceNames } from './device-names.js';
import { diffSubjects, type SubjectDiff } from './diff.js';
import { compareText, type Subject } from './subjects.js';
import { STATUSES } from './statuses.js';
import type { Examined, SubjectAnalysis, SubjectStatus, VerifyReport } from './types.js';

/** What one host brings. Analyses of all hosts must share their diagrams (`Run.beside`). */
export interface HostLook {
  /** Where it was read, as given. */
  file: string;
  snapshot: Snapshot;
  report: VerifyReport;
  analyses: readonly SubjectAnalysis[];
}

export interface FleetHost {
  /** The host's own name, with the file where two have the same; the file where it has none. */
  name: string;
  file: string;
  hostname: string | null;
  bootId: string | null;
  kernelRelease: string | null;
  systemd: string | null;
  collectedAt: string | null;
  /** Of its worst subject. */
  status: SubjectStatus;
  subjects: number;
  problems: VerifyReport['problems'];
  exitStatus: VerifyReport['exitStatus'];
}

/** Subjects that people would call the same on every host: "web", the container "app" of all pods of a namespace, a unit. */
export interface FleetFamily {
  name: string;
  members: number;
  /** By what is enforced, what a reload leaves and what was found; the fewest members first, the reference last. */
  groups: FleetGroup[];
}

export interface FleetGroup {
  status: SubjectStatus;
  /** Codes of its findings, notes left out. */
  codes: string[];
  members: { host: FleetHost; subject: Subject }[];
  enforced: Examined;
  afterReload: Examined;
  /** How its enforced policy differs from that of the reference, which is the left side; null: the reference itself, or not comparable. */
  difference: SubjectDiff | null;
  isReference: boolean;
  /** Names of devices as its first member sees them. */
  names: DeviceNames;
}

interface Gathered extends Omit<FleetGroup, 'difference' | 'isReference'> {
  analysis: SubjectAnalysis;
}

/** Hosts, added one after the other; of each only a member list and one analysis for each new policy are kept. */
export class Fleet {
  readonly #hosts: FleetHost[] = [];
  readonly #families = new Map<string, Map<string, Gathered>>();

  add(look: HostLook): void {
    const host = hostOf(look);
    this.#hosts.push(host);
    const reports = new Map(look.report.subjects.map((each) => [each.subject.key, each]));
    for (const analysis of look.analyses) {
      const { subject } = analysis;
      const { status = 'unknown', findings = [] } = reports.get(subject.key) ?? {};
      const told = findings.filter(({ severity }) => severity !== 'note').map(({ code }) => code);
      const codes = [...new Set(told)].sort(compareText);
      const { enforced, afterReload } = analysis;
      const key = JSON.stringify([status, codes, identityOf(enforced), identityOf(afterReload)]);
      const name = familyOf(subject);
      const groups = this.#families.get(name) ?? new Map<string, Gathered>();
      this.#families.set(name, groups);
      const group = groups.get(key);
      if (group === undefined) {
        const names = deviceNames(look.snapshot, subject);
        groups.set(key, { status, codes, members: [{ host, subject }], enforced, afterReload, names, analysis });
      } else group.members.push({ host, subject });
    }
  }

  /** In the order of their names. */
  hosts(): FleetHost[] {
    const count = new Map<string, number>();
    for (const { name } of this.#hosts) count.set(name, (count.get(name) ?? 0) + 1);
    for (const host of this.#hosts) if ((count.get(host.name) ?? 0) > 1) host.name = `${host.name} (${host.file})`;
    return [...this.#hosts].sort((a, b) => compareText(a.name, b.name) || compareText(a.file, b.file));
  }

  /** Those with outliers first, the rarest before all others; then those that are equal everywhere, worst first. */
  families(): FleetFamily[] {
    const families = [...this.#families].map(([name, groups]) => familyFrom(name, [...groups.values()]));
    return families.sort(
      (a, b) =>
        Number(a.groups.length === 1) - Number(b.groups.length === 1) ||
        rarity(a) - rarity(b) ||
        worst(a) - worst(b) ||
        compareText(a.name, b.name),
    );
  }
}

function hostOf({ file, snapshot, report }: HostLook): FleetHost {
  const { hostname, bootId, kernelRelease, systemd } = snapshot.host;
  const statuses = report.subjects.map(({ status }) => status);
  if (report.problems.length > 0) statuses.push('unknown');
  return {
    name: hostname ?? file,
    file,
    hostname,
    bootId,
    kernelRelease,
    systemd: systemd?.version ?? null,
    collectedAt: snapshot.collectedAt,
    status: STATUSES.find((status) => statuses.includes(status)) ?? 'ok',
    subjects: report.subjects.length,
    problems: report.problems,
    exitStatus: report.exitStatus,
  };
}

/** Names of pods end in something random, and ids are another one on every host. */
function familyOf({ container, name }: Subject): string {
  if (container?.kubernetes != null) return `${container.kubernetes.namespace}/*/${container.kubernetes.container}`;
  if (container !== null && name === container.id) return `${container.engine} (no name)`;
  return name.replace(/[0-9a-f]{32,64}/g, '*');
}

/** Equal for equal policies of hosts that share their diagrams. */
function identityOf(examined: Examined): unknown[] {
  if (examined.status !== 'known') return [examined.status];
  const { allowed, undecided } = examined.policy;
  const { neverAsked } = allowed.space;
  return [allowed.subtract(neverAsked).ref, ...undecided.map(({ region, reason }) => [region.ref, reason])];
}

function familyFrom(name: string, gathered: readonly Gathered[]): FleetFamily {
  const sorted = [...gathered].sort(
    (a, b) =>
      a.members.length - b.members.length ||
      STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status) ||
      compareText(a.members[0]?.host.name ?? '', b.members[0]?.host.name ?? ''),
  );
  const reference = sorted.at(-1);
  const groups = sorted.map(({ analysis, ...group }): FleetGroup => {
    const isReference = group.members === reference?.members;
    return { ...group, isReference, difference: isReference ? null : differenceOf(reference?.analysis, analysis) };
  });
  return { name, members: groups.reduce((sum, { members }) => sum + members.length, 0), groups };
}

/** Of what is enforced on both; a mere record is not compared with a policy in force. */
function differenceOf(reference: SubjectAnalysis | undefined, other: SubjectAnalysis): SubjectDiff | null {
  if (reference?.enforced.status !== 'known' || other.enforced.status !== 'known') return null;
  return diffSubjects(reference, other);
}

/** Share of the smallest group. */
function rarity({ groups, members }: FleetFamily): number {
  return (groups[0]?.members.length ?? 0) / members;
}

function worst({ groups }: FleetFamily): number {
  return Math.min(...groups.map(({ status }) => STATUSES.indexOf(status)));
}

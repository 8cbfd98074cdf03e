import type { Snapshot, VersionRecord } from '../snapshot/types.js';
import type { ProgramView } from '../verify/programs.js';
import type { Subject } from '../verify/subjects.js';

/** A subject in `--json`: who it is, without its sources. */
export interface JsonSubject {
  key: string;
  name: string;
  engine: string | null;
  id: string | null;
  names: string[];
  kubernetes: { namespace: string; pod: string; container: string } | null;
  state: 'running' | 'stopped' | 'unknown' | null;
  pid: number | null;
  cgroup: string | null;
  unit: string | null;
  runtime: string | null;
  runtimeVersion: { version: string; source: string } | null;
}

export function subjectJson({ key, name, container, cgroup, unit }: Subject): JsonSubject {
  return {
    key,
    name,
    engine: container?.engine ?? null,
    id: container?.id ?? null,
    names: container?.names ?? [],
    kubernetes: container?.kubernetes ?? null,
    state: container?.state ?? null,
    pid: container?.pid ?? null,
    cgroup,
    unit,
    runtime: container?.runtime ?? null,
    runtimeVersion: versionJson(container?.runtimeVersion ?? null),
  };
}

/** Only what was said of the version that started it. */
function versionJson(known: VersionRecord | null): JsonSubject['runtimeVersion'] {
  return known === null ? null : { version: known.version, source: known.source };
}

/** A program in `--json`: where it is attached, who wrote it, how old it is. */
export interface JsonProgram {
  id: number;
  attachedAt: string | null;
  /** "none", "override", "multi"; null unknown. */
  attachFlags: string | null;
  name: string | null;
  tag: string | null;
  author: { name: string; confidence: 'certain' | 'likely' | 'unknown'; marks: string[] };
  /** Nanoseconds of CLOCK_BOOTTIME at load, and seconds between load and collecting. */
  loadedAtNs: number | null;
  ageSeconds: number | null;
  uid: number | null;
  /** Instruction slots. */
  slots: number | null;
  mapIds: number[];
  problem: string | null;
}

export function programJson(view: ProgramView, snapshot: Snapshot): JsonProgram {
  const { record } = view;
  return {
    id: view.id,
    attachedAt: view.attachedAt,
    attachFlags: attachFlagsName(view.attachFlags),
    name: record?.name ?? null,
    tag: record?.tag ?? null,
    author: view.author,
    loadedAtNs: record?.loadedAtNs ?? null,
    ageSeconds: programAge(view, snapshot),
    uid: record?.uid ?? null,
    slots: view.slots,
    mapIds: record?.mapIds ?? [],
    problem: view.problem,
  };
}

/** Seconds since a program was loaded, by CLOCK_BOOTTIME or, where only that is known, by the wall clock; null unknown. */
export function programAge({ record }: ProgramView, snapshot: Snapshot): number | null {
  if (record === null) return null;
  if (record.loadedAtNs !== null && snapshot.bootTimeNs !== null)
    return Math.max(0, (snapshot.bootTimeNs - record.loadedAtNs) / 1e9);
  if (record.loadedAt !== null && snapshot.collectedAt !== null) {
    const seconds = (Date.parse(snapshot.collectedAt) - Date.parse(record.loadedAt)) / 1000;
    return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
  }
  return null;
}

/** BPF_F_ALLOW_OVERRIDE 1, BPF_F_ALLOW_MULTI 2 (include/uapi/linux/bpf.h); newer kernels may add bits for the order. */
export function attachFlagsName(flags: number | null): string | null {
  if (flags === null) return null;
  const mode = flags % 4;
  return mode === 0 ? 'none' : mode === 1 ? 'override' : 'multi';
}

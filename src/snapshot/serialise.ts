import { escapeJson } from './escape-json.js';
import type { Snapshot } from './types.js';

/**
 * A snapshot as JSON text: equal snapshots give equal bytes. Object keys are sorted, lists without an order of their own too (programs
 * by id, cgroups by path ...); lists whose order means something (attached programs, device rules, unit files) stay as they are. One
 * record per line, so that `diff` of two snapshots reads well.
 */
export function serialiseSnapshot(snapshot: Snapshot): string {
  const sorted = sortSnapshot(snapshot);
  const lines = (Object.keys(sorted) as (keyof Snapshot)[])
    .sort(compareText)
    .map((key) => `${JSON.stringify(key)}: ${serialiseField(sorted[key])}`);
  return `{\n${escapeJson(lines.join(',\n'))}\n}\n`;
}

/** The same snapshot with every unordered list sorted. */
export function sortSnapshot(snapshot: Snapshot): Snapshot {
  return {
    ...snapshot,
    cgroups: sortedBy(snapshot.cgroups, (cgroup) => cgroup.path),
    programs: [...snapshot.programs].sort((a, b) => a.id - b.id),
    maps: [...snapshot.maps].sort((a, b) => a.id - b.id),
    containers: sortedBy(snapshot.containers, (container) => container.key).map((container) => ({
      ...container,
      nodes: sortedBy(container.nodes, (node) => node.path),
    })),
    units: sortedBy(snapshot.units, (unit) => `${unit.nestedIn ?? ''}\0${unit.name}\0${unit.cgroup ?? ''}`),
    nodes: sortedBy(snapshot.nodes, (node) => node.path),
    nestedHosts: sortedBy(snapshot.nestedHosts, (nested) => nested.key),
    problems: sortedBy(snapshot.problems, (problem) => `${problem.subject}\0${problem.message}`),
  };
}

function sortedBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...items].sort((a, b) => compareText(key(a), key(b)));
}

/** By UTF-16 units: the same everywhere, whatever the locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function serialiseField(value: unknown): string {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'object')) return canonical(value);
  return value.length === 0 ? '[]' : `[\n${value.map((item) => canonical(item)).join(',\n')}\n]`;
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const source = value as Record<string, unknown>;
  const parts = Object.keys(source)
    .filter((key) => source[key] !== undefined)
    .sort(compareText)
    .map((key) => `${JSON.stringify(key)}:${canonical(source[key])}`);
  return `{${parts.join(',')}}`;
}

import type { DeviceSet, DeviceSpace } from '../policy/device-set.js';
import type { CompiledPolicy } from './compiled.js';
import { compiledSet } from './set.js';
import type { IntentWarning } from './types.js';
import { inRange, parseVersion, rangeText, type VersionRange } from './version.js';

/** What is known about the version of the runtime that made a container. */
export interface VersionKnowledge {
  /** Known for this very container. */
  readonly exact: string | null;
  /** Installed now; a container that is older than the package was made by another one. */
  readonly installed: string | null;
  /** Policies of single programs attached where this runtime attaches its own: a dialect that compiles to exactly one of them is the one that wrote it. */
  readonly observed: readonly DeviceSet[];
}

export const NOTHING_KNOWN: VersionKnowledge = { exact: null, installed: null, observed: [] };

/** A dialect with what it would have attached; null: nothing. */
export interface Candidate<Dialect extends { readonly range: VersionRange }> {
  readonly dialect: Dialect;
  readonly compiled: CompiledPolicy | null;
}

/**
 * Narrows dialects to those that can have made the container: the version if it is known, else those whose output is exactly what is attached,
 * else the installed version (said in a warning), else all. Dialects with the same output need no choice.
 */
export function chooseDialects<Dialect extends { readonly range: VersionRange }>(
  space: DeviceSpace,
  runtime: string,
  candidates: readonly Candidate<Dialect>[],
  knowledge: VersionKnowledge,
): { chosen: readonly Candidate<Dialect>[]; warnings: readonly IntentWarning[] } {
  const named = (text: string | null): readonly Candidate<Dialect>[] => {
    const version = text === null ? null : parseVersion(text);
    return version === null ? [] : candidates.filter(({ dialect }) => inRange(version, dialect.range));
  };
  const exact = named(knowledge.exact);
  if (exact.length > 0) return { chosen: exact, warnings: [] };
  const seen = candidates.filter(
    ({ compiled }) => compiled !== null && isObserved(space, compiled, knowledge.observed),
  );
  const installed = named(knowledge.installed);
  const agreed = seen.filter((candidate) => installed.includes(candidate));
  if (seen.length > 0) return { chosen: agreed.length > 0 ? agreed : seen, warnings: [] };
  if (installed.length > 0)
    return {
      chosen: installed,
      warnings: [{ code: 'version-installed', about: `${runtime} ${knowledge.installed ?? ''}`, region: null }],
    };
  const ranges = candidates.map(({ dialect }) => rangeText(dialect.range)).join(', ');
  return { chosen: candidates, warnings: [{ code: 'version-assumed', about: `${runtime} ${ranges}`, region: null }] };
}

/** Requests the kernel never asks do not count: crun's sentinel block is one of them. */
function isObserved(space: DeviceSpace, compiled: CompiledPolicy, observed: readonly DeviceSet[]): boolean {
  const own = compiledSet(space, compiled).subtract(space.neverAsked);
  return observed.some((set) => set.subtract(space.neverAsked).equals(own));
}

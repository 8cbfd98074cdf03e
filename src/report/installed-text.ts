import type { ContainerRecord, Snapshot } from '../snapshot/types.js';
import { installedRuntime } from '../verify/installed.js';
import { escapeText } from './escape.js';

/**
 * The runtime as it is installed now, where that need not be the one that started the container; with `verbose` whenever it is known.
 * "installed runc 1.3.6 (dpkg), changed since the start: another version may have started it".
 */
export function installedText(snapshot: Snapshot, container: ContainerRecord, verbose: boolean): string | null {
  const installed = installedRuntime(snapshot, container);
  if (installed === null) return null;
  const { version, source, changedSinceStart } = installed;
  const started = container.runtimeVersion?.version ?? null;
  if (!verbose && changedSinceStart !== true && (started === null || started === version)) return null;
  const what = `${escapeText(container.runtime ?? '')} ${escapeText(version)} (${escapeText(source)})`;
  if (started !== null) return `${what} is installed now, ${escapeText(started)} started it`;
  if (changedSinceStart === null) return `${what} is installed; whether it was when the container started is not known`;
  return changedSinceStart
    ? `${what} is installed, changed since the start: another version may have started it`
    : `${what} is installed, unchanged since before the start`;
}

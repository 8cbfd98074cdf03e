import { pinsOfHost } from '../../effective/pending-pins.js';
import { settingsFromFiles, settingsFromShow } from '../../intent/systemd-settings.js';
import type { CheckInput } from '../checks/check.js';
import type { NamedCause } from './types.js';

/**
 * The pin of a unit's BPFProgram= is gone. crun 1.23 and later names it so (src/libcrun/cgroup-systemd.c): the scope's name, "." written "_", below
 * /sys/fs/bpf/crun; another path is not crun's and is called systemd's setting.
 */
export function pinCause({ snapshot, analysis: { subject } }: CheckInput): NamedCause | null {
  const nestedIn = subject.container?.nestedIn ?? null;
  const pins = pinsOfHost(snapshot, nestedIn);
  const units = snapshot.units.filter((unit) => unit.name === subject.unit && unit.nestedIn === nestedIn);
  const named = units.flatMap((unit) => [
    ...(settingsFromFiles(unit)?.bpfPrograms ?? []),
    ...(settingsFromShow(unit)?.bpfPrograms ?? []),
  ]);
  const gone = [...new Set(named)].filter((path) => pins?.find((pin) => pin.path === path)?.present === false);
  if (gone.length === 0) return null;
  const isCruns = gone.some((path) => path === `/sys/fs/bpf/crun/${(subject.unit ?? '').replaceAll('.', '_')}`);
  return {
    kind: 'pin-gone',
    runtime: isCruns ? 'crun' : 'systemd',
    version: isCruns ? (subject.container?.runtimeVersion?.version ?? null) : null,
    about: gone.sort(),
    fixedIn: null,
    evidence: gone.map((path) => `${path}: ENOENT`),
  };
}

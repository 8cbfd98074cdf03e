import { hostOf } from '../intent/intended.js';
import { compileUnit, type ResolvedEntry } from '../intent/systemd-compile.js';
import { settingsFromFiles, settingsFromShow } from '../intent/systemd-settings.js';
import type { Snapshot } from '../snapshot/types.js';
import type { Subject } from './subjects.js';

/** A written line of DeviceAllow= of a subject's own unit, and what it contributes on this host now. */
export interface UnitLine {
  readonly unit: string;
  readonly state: ResolvedEntry['state'];
  /** The setting as one would write it. */
  readonly text: string;
}

/** The lines systemd holds for the unit of a subject, else those of its files; lines that other settings imply are left out. */
export function unitLines(snapshot: Snapshot, { unit: name, container, cgroup }: Subject): UnitLine[] {
  const nestedIn = container?.nestedIn ?? null;
  const named = snapshot.units.filter((each) => each.name === name && each.nestedIn === nestedIn);
  const unit = named.find((each) => each.cgroup === cgroup) ?? named[0];
  if (unit === undefined) return [];
  const settings = settingsFromShow(unit) ?? settingsFromFiles(unit);
  if (settings === null) return [];
  const written = settings.allow.filter(({ impliedBy }) => impliedBy === null);
  return compileUnit(settings, hostOf(snapshot, nestedIn).systemd)
    .entries.filter(({ entry }) => written.includes(entry))
    .map(({ entry, state }) => ({
      unit: unit.name,
      state,
      text: `DeviceAllow=${entry.text.replace(/^"([^"\\]*)"/, '$1')}`,
    }));
}

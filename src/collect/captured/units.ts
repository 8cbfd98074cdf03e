import type { UnitFileRecord, UnitRecord } from '../../snapshot/types.js';
import { unitCgroup } from '../containers/identity.js';
import { parseSystemctlCat, parseUnitFile } from '../formats/unit-file.js';
import { parseSystemctlShow } from '../formats/systemctl-show.js';
import type { CapturedFolder } from './folder.js';

/**
 * The units of a folder: systemctl-show.txt and systemctl-cat.txt of the subject's own, slice-show.txt and unit.slice of a slice above it. unit.* are the
 * files as they were installed; they count where `systemctl cat` was not captured.
 * @param prefix what the captured host's cgroup paths lack against those of the snapshot
 */
export function readUnits(folder: CapturedFolder, leaf: string | null, prefix: string): UnitRecord[] {
  const units = new Map<string, UnitRecord>();
  const ownCgroup = leaf === null ? null : (unitCgroup(leaf) ?? (leaf.endsWith('.slice') ? leaf : null));
  const ownName = ownCgroup?.split('/').at(-1) ?? null;
  const at = (name: string): UnitRecord => {
    const known = units.get(name);
    if (known !== undefined) return known;
    const unit: UnitRecord = { name, nestedIn: null, cgroup: cgroupOfUnit(name, leaf), files: null, shown: null };
    units.set(name, unit);
    return unit;
  };

  for (const file of ['systemctl-show.txt', 'slice-show.txt']) {
    for (const shown of folder.parse(file, parseSystemctlShow) ?? []) {
      const controlGroup = shown['ControlGroup']?.[0] ?? '';
      const name = shown['Id']?.[0] ?? controlGroup.split('/').at(-1);
      if (name === undefined || name === '') continue;
      const unit = at(name);
      unit.shown = shown;
      if (controlGroup !== '') unit.cgroup = prefix + controlGroup;
    }
  }
  for (const file of folder.parse('systemctl-cat.txt', parseSystemctlCat) ?? []) {
    const name = unitOfFile(file.path, ownName, [...units.keys()]);
    if (name !== null) (at(name).files ??= []).push(file);
  }
  addInstalledFiles(folder, ownName, at, [...units.values()]);
  return [...units.values()];
}

/** A level of the leaf's path that bears the unit's name. */
function cgroupOfUnit(name: string, leaf: string | null): string | null {
  const components = leaf?.split('/') ?? [];
  const index = components.indexOf(name);
  return index < 0 ? null : components.slice(0, index + 1).join('/');
}

/** A fragment is named like its unit; a drop-in lies in NAME.d, or in a directory for all units of a kind or with a common prefix. */
function unitOfFile(path: string, own: string | null, known: string[]): string | null {
  const [directory, name] = path.split('/').slice(-2);
  if (name !== undefined && !name.endsWith('.conf')) return known.length <= 1 && own !== null ? own : name;
  const exact = directory?.replace(/\.d$/, '');
  return known.find((unit) => unit === exact) ?? own ?? exact ?? null;
}

/** unit.service, unit.slice ...: the file of the one unit of that kind that has none yet. */
function addInstalledFiles(
  folder: CapturedFolder,
  own: string | null,
  at: (name: string) => UnitRecord,
  known: UnitRecord[],
): void {
  for (const file of folder.names) {
    const kind = /^unit(\.(?:service|scope|slice|socket|mount|swap))$/.exec(file)?.[1];
    if (kind === undefined) continue;
    const content = folder.parse(file, parseUnitFile);
    const name = own?.endsWith(kind) === true ? own : known.find((unit) => unit.name.endsWith(kind))?.name;
    if (content === null || name === undefined) continue;
    const record: UnitFileRecord = { path: at(name).shown?.['FragmentPath']?.[0] ?? file, assignments: content };
    at(name).files ??= [record];
  }
}

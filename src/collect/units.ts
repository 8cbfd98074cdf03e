import type { ProblemRecord, UnitFileRecord, UnitRecord } from '../snapshot/types.js';
import type { FileTree } from './files.js';
import { attempt, attemptNoted, noteFor } from './attempt.js';
import { LIMITS } from './files.js';
import { parseUnitFile } from './formats/unit-file.js';
import { ancestry } from './captured/levels.js';
import { isSystemdHost } from './versions.js';
import type { HostView } from './view.js';

/**
 * Where systemd looks for system units, the most important first (systemd.unit(5), "Unit File Load Path"). On systems with a separate /usr, /lib is a
 * link to /usr/lib; where it is not, both count.
 */
const LOAD_PATH = [
  '/etc/systemd/system.control',
  '/run/systemd/system.control',
  '/run/systemd/transient',
  '/run/systemd/generator.early',
  '/etc/systemd/system',
  '/etc/systemd/system.attached',
  '/run/systemd/system',
  '/run/systemd/system.attached',
  '/run/systemd/generator',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  '/run/systemd/generator.late',
];

/** Reads the files of units as systemd would at its next reload. Directories are listed once for all units. */
export class UnitReader {
  readonly #problems: ProblemRecord[];
  readonly #tree: FileTree;
  readonly #nestedIn: string | null;
  readonly #listings = new Map<string, ReadonlySet<string>>();
  readonly #loadPath: string[];

  constructor(tree: FileTree, nestedIn: string | null, problems: ProblemRecord[]) {
    this.#tree = tree;
    this.#nestedIn = nestedIn;
    this.#problems = problems;
    this.#loadPath = isLink(tree, '/lib') ? LOAD_PATH.filter((directory) => !directory.startsWith('/lib/')) : LOAD_PATH;
  }

  /** True where systemd is, or was, the manager: without it, unit files mean nothing. */
  get isManaged(): boolean {
    return isSystemdHost(this.#tree, noteFor(this.#problems, this.#nestedIn ?? 'host'));
  }

  /**
   * A unit with its files. A unit that has none (a built-in slice, a scope whose file is gone) has an empty list; one of which a file could not be read has
   * none at all, for half of the settings would be other settings.
   */
  read(name: string, cgroup: string | null): UnitRecord {
    return { name, nestedIn: this.#nestedIn, cgroup, files: this.#files(name), shown: null };
  }

  #files(unit: string): UnitFileRecord[] | null {
    const fragment = this.#fragment(unit);
    const files = [...(fragment === null ? [] : [fragment]), ...this.#dropIns(unit)].map((path) =>
      this.#parse(unit, path),
    );
    const read = files.filter((file) => file !== null);
    return read.length < files.length ? null : read.filter((file) => file.assignments.length > 0);
  }

  /** The unit's own file: its full name in any directory, else its template's ("getty@.service" for "getty@tty1.service"). */
  #fragment(unit: string): string | null {
    for (const name of [unit, templateOf(unit)]) {
      const directory = name === null ? undefined : this.#loadPath.find((each) => this.#names(each).has(name));
      if (directory !== undefined && name !== null) return `${directory}/${name}`;
    }
    return null;
  }

  /**
   * Drop-ins sorted by file name whatever directory they are in; of two with the same name the one from the more important directory counts. Directories:
   * of the unit, of its name's prefixes that end in a dash ("docker-.scope.d"), of its template, and of all units of its kind ("scope.d").
   */
  #dropIns(unit: string): string[] {
    const byName = new Map<string, string>();
    for (const directory of this.#dropInDirectories(unit)) {
      for (const name of this.#names(directory)) {
        if (name.endsWith('.conf') && !byName.has(name)) byName.set(name, `${directory}/${name}`);
      }
    }
    return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  }

  #dropInDirectories(unit: string): string[] {
    const names = [unit, ...prefixesOf(unit), templateOf(unit)].filter((name) => name !== null);
    const kind = unit.slice(unit.lastIndexOf('.') + 1);
    const below = (name: string): string[] =>
      this.#loadPath.filter((each) => this.#names(each).has(`${name}.d`)).map((each) => `${each}/${name}.d`);
    return [
      ...this.#loadPath.flatMap((each) =>
        names.filter((name) => this.#names(each).has(`${name}.d`)).map((name) => `${each}/${name}.d`),
      ),
      ...below(kind),
    ];
  }

  #parse(unit: string, path: string): UnitFileRecord | null {
    return attemptNoted(this.#problems, `unit:${unit}`, path, null, () => {
      // A link to /dev/null masks: the file counts, and is empty.
      if (this.#tree.stat(path)?.isFile() !== true) return { path, assignments: [] };
      return { path, assignments: parseUnitFile(this.#tree.readText(path, LIMITS.text)) };
    });
  }

  #names(directory: string): ReadonlySet<string> {
    const known = this.#listings.get(directory);
    if (known !== undefined) return known;
    const names: ReadonlySet<string> = new Set(
      attemptNoted(this.#problems, this.#nestedIn ?? 'host', directory, [], () => this.#tree.list(directory)),
    );
    this.#listings.set(directory, names);
    return names;
  }
}

function isLink(tree: FileTree, path: string): boolean {
  // Where even this is refused, listing what is below says so.
  return attempt(
    () => tree.lstat(path)?.isSymbolicLink() ?? false,
    false,
    () => undefined,
  );
}

function templateOf(unit: string): string | null {
  const [, prefix, kind] = /^([^@]+)@.+(\.[a-z]+)$/.exec(unit) ?? [];
  return prefix === undefined || kind === undefined ? null : `${prefix}@${kind}`;
}

/** "a-b-c.scope": "a-b-.scope", "a-.scope" (unit_name_build_prefixes; systemd 239 and later). */
function prefixesOf(unit: string): string[] {
  const dot = unit.lastIndexOf('.');
  const [stem, kind] = [unit.slice(0, dot).replace(/@.*$/, ''), unit.slice(dot)];
  const prefixes: string[] = [];
  for (let dash = stem.lastIndexOf('-', stem.length - 2); dash > 0; dash = stem.lastIndexOf('-', dash - 1)) {
    prefixes.push(stem.slice(0, dash + 1) + kind);
  }
  return prefixes;
}

const UNIT_NAME = /\.(scope|service|socket|mount|swap|slice)$/;

/** Units on the way from the root to a cgroup, each with the cgroup it owns; "-.slice" is the root itself. */
export function unitsOnPath(cgroup: string): { name: string; cgroup: string }[] {
  const names = cgroup.split('/').filter((name) => name !== '');
  const found = names.flatMap((name, index) =>
    UNIT_NAME.test(name) ? [{ name, cgroup: `/${names.slice(0, index + 1).join('/')}` }] : [],
  );
  return [{ name: '-.slice', cgroup: '/' }, ...found];
}

const DEVICE_SETTINGS = new Set(['DevicePolicy', 'DeviceAllow', 'BPFProgram', 'PrivateDevices', 'ProtectClock']);

/** Does a file of the unit say something about devices, or may one that could not be read? */
export function hasDeviceSettings(unit: UnitRecord): boolean {
  return unit.files === null || unit.files.some((file) => file.assignments.some(([, key]) => DEVICE_SETTINGS.has(key)));
}

/**
 * The units of every host that systemd manages: those on the way to a cgroup that is in use, and those with settings that bear on devices.
 * @param views the machine and the hosts nested in it
 * @param paths all cgroups there are
 */
export function unitsOf(
  views: readonly HostView[],
  paths: readonly string[],
  inUse: readonly string[],
  problems: ProblemRecord[],
): UnitRecord[] {
  const units = new Map<string, UnitRecord>();
  const needed = new Set(inUse.flatMap(ancestry));
  // Nested hosts first: what lies in their part of the tree is theirs.
  for (const view of [...views].reverse()) {
    const reader = new UnitReader(view.tree, view.nestedIn, problems);
    if (!reader.isManaged) continue;
    const prefix = view.cgroupPrefix;
    for (const path of paths) {
      if (prefix !== '' && path !== prefix && !path.startsWith(`${prefix}/`)) continue;
      for (const { name, cgroup } of unitsOnPath(path.slice(prefix.length))) {
        const own = cgroup === '/' ? prefix || '/' : prefix + cgroup;
        if (units.has(own)) continue;
        const unit = reader.read(name, own);
        if (needed.has(own) || hasDeviceSettings(unit)) units.set(own, unit);
      }
    }
  }
  return [...units.values()];
}

import { InputError } from '../errors.js';
import type { DeviceLinks, HostRecord, NodeRecord, Snapshot, UnitRecord, VersionRecord } from '../snapshot/types.js';
import type { CapturedCase } from './captured/case.js';
import { readCase } from './captured/case.js';
import { noteVersion, readContainer } from './captured/container.js';
import { CapturedFolder } from './captured/folder.js';
import { readLevels } from './captured/levels.js';
import { readPrograms } from './captured/programs.js';
import { readUnits } from './captured/units.js';
import { emptySnapshot } from './empty.js';
import { type DevListing, listedFiles, parseDevListing } from './formats/dev-listing.js';
import { namedDevicePaths, STANDARD_DEVICES } from './nodes.js';

/**
 * Turns a folder of files captured by hand into a snapshot of one subject.
 *
 * The folder's layout: case.json (what was run, cgroup, versions), prog-N.xlated and prog-N.json (instructions; bpftool's words on the program, its maps
 * and where it is attached), cgroup-show.json (attached lists and the effective one), the runtime's and engine's own files under their own names,
 * systemctl-show.txt, systemctl-cat.txt, proc-devices.txt, dev-listing.txt, bpffs-listing.txt. What is not there is unknown in the snapshot, never a default; a file that
 * cannot be read or parsed becomes a problem of the snapshot.
 * @throws InputError if the folder itself cannot be read, or holds nothing of the kind
 */
export function snapshotFromDirectory(directory: string): Snapshot {
  const folder = new CapturedFolder(directory);
  const facts = readCase(folder);
  const { programs, maps, attachments } = readPrograms(folder, facts);
  const { leaf, prefix, cgroups } = readLevels(folder, facts, attachments);
  const runtimes = versionsOf(facts);
  const container = readContainer(folder, facts, leaf, runtimes);
  const units = readUnits(folder, leaf, prefix);
  const listing = folder.parse('dev-listing.txt', parseDevListing);
  const systemd = facts.versions['systemd'];
  if (programs.length + cgroups.length + units.length === 0 && container === null) {
    throw new InputError(
      `${directory}: neither programs nor files of a container or unit that are known here`,
      problemLines(folder),
    );
  }
  const subject = container?.key ?? (cgroups.length === 0 ? null : `cgroup:${leaf ?? '/'}`);
  const empty = emptySnapshot(facts.byteOrder ?? 'little');
  return {
    ...empty,
    collectedAt: facts.time,
    subject,
    host: {
      ...empty.host,
      kernelRelease: facts.kernel,
      machine: facts.machine,
      systemd:
        systemd === undefined ? null : { version: systemd, source: 'case.json', unitsLoadTimestampMonotonicUs: null },
      runtimes,
      procDevices: procDevices(folder),
      devChar: facts.devCharLinks,
      deviceLinks: linksOf(listing, facts),
      bpfPins: pinsOf(folder, units),
    },
    cgroups,
    programs,
    maps,
    containers: container === null ? [] : [container],
    units,
    nodes: nodesOf(listing, units, container?.sources ?? []),
    problems: folder.problems.map((problem) => ({ ...problem, subject: subject ?? 'host' })),
  };
}

/** What could not be read, as a hint to an error. */
function problemLines(folder: CapturedFolder): string | undefined {
  return folder.problems.length === 0 ? undefined : folder.problems.map(({ message }) => message).join('; ');
}

/** The kernel always has drivers: an empty file is one that was copied by the size that procfs says, and tells nothing. */
function procDevices(folder: CapturedFolder): string | null {
  const text = folder.text('proc-devices.txt');
  return text?.trim() === '' ? null : text;
}

/** Debian's package names where they are not the runtime's. */
const PACKAGES: Record<string, string> = {
  'docker.io': 'docker',
  'docker-ce': 'docker',
  'moby-engine': 'docker',
  'containerd.io': 'containerd',
};

function versionsOf(facts: CapturedCase): Record<string, VersionRecord> {
  const runtimes = Object.create(null) as Record<string, VersionRecord>;
  for (const [name, version] of Object.entries(facts.versions)) {
    if (name !== 'systemd') runtimes[PACKAGES[name] ?? name] = { version, source: 'case.json', changedAt: null };
  }
  if (facts.runc !== null) runtimes['runc'] = noteVersion(facts.runc);
  return runtimes;
}

/** Without /dev/char there are no links in it; with it, or not knowing, only a listing tells. */
function linksOf(listing: DevListing | null, facts: CapturedCase): DeviceLinks {
  const unknown: DeviceLinks = { devChar: null, devBlock: null, sysDevChar: null, sysDevBlock: null };
  if (facts.devCharLinks === false) return { ...unknown, devChar: [], devBlock: [] };
  const links = listing?.links ?? [];
  const below = (directory: string): string[] | null => {
    const names = links
      .filter(({ path }) => path.startsWith(directory))
      .map(({ path }) => path.slice(directory.length));
    return names.length === 0 ? null : names.sort();
  };
  return { ...unknown, devChar: below('/dev/char/'), devBlock: below('/dev/block/') };
}

/** bpffs-listing.txt is `ls -lR /sys/fs/bpf`: pins that units name and that are not in it are gone. */
function pinsOf(folder: CapturedFolder, units: UnitRecord[]): HostRecord['bpfPins'] {
  const listing = folder.text('bpffs-listing.txt');
  if (listing === null) return null;
  const present = new Set(listedFiles(listing));
  const said = units.flatMap(({ files, shown }) => [
    ...(files ?? []).flatMap(({ assignments }) =>
      assignments.flatMap(([, key, value]) => (key === 'BPFProgram' ? [value] : [])),
    ),
    ...(shown !== null && Object.hasOwn(shown, 'BPFProgram') ? (shown['BPFProgram'] ?? []) : []),
  ]);
  const paths = said.flatMap((value) => /^device:(\/.*)$/.exec(value)?.[1] ?? []);
  return [...new Set(paths)].sort().map((path) => ({ path, present: present.has(path) }));
}

/** Nodes that every /dev has: a listing without them was cut off, or is of something else. */
const ALWAYS_LISTED = ['/dev/null', '/dev/zero'];

/** dev-listing.txt shows all of /dev: what is named somewhere and not in it does not exist, unless it is only a part. */
function nodesOf(
  listing: DevListing | null,
  units: UnitRecord[],
  sources: Parameters<typeof namedDevicePaths>[1],
): NodeRecord[] {
  if (listing === null || listing.nodes.length === 0) return [];
  const known = new Set(listing.nodes.map((node) => node.path));
  if (!ALWAYS_LISTED.every((path) => known.has(path))) return listing.nodes;
  const named = [...STANDARD_DEVICES, ...namedDevicePaths(units, sources)].filter(
    (path) => path.startsWith('/dev/') && !known.has(path),
  );
  return [
    ...listing.nodes,
    ...[...new Set(named)].map((path): NodeRecord => ({ path, type: null, major: 0, minor: 0 })),
  ];
}

import type { Stats } from 'node:fs';
import type { ConfinementRecord, NodeRecord, ProblemRecord, SourceRecord, UnitRecord } from '../snapshot/types.js';
import type { FileTree } from './files.js';
import { attempt, noteOnce } from './attempt.js';
import { parseMounts } from './proc.js';

/** Nodes that systemd's own lists name (bpf-devices.c, unit.c): whether they exist decides what it allows. */
export const STANDARD_DEVICES: readonly string[] = [
  '/dev/null',
  '/dev/zero',
  '/dev/full',
  '/dev/random',
  '/dev/urandom',
  '/dev/tty',
  '/dev/ptmx',
  '/dev/loop-control',
  '/dev/mapper/control',
  '/dev/tpmrm0',
  '/dev/net/tun',
  '/dev/fuse',
];

/** Device paths that unit settings and LXC configurations name: what they mean depends on the node that is there when they are applied. */
export function namedDevicePaths(units: readonly UnitRecord[], sources: readonly SourceRecord[]): string[] {
  const assigned = units.flatMap((unit) => unit.files ?? []).flatMap((file) => file.assignments);
  const lxc = sources.flatMap((source) => (source.kind === 'lxc-config' ? source.assignments : []));
  const values = [
    ...assigned.filter(([, key]) => key === 'DeviceAllow').map(([, , value]) => value),
    ...units.flatMap((unit) => unit.shown?.['DeviceAllow'] ?? []),
    ...lxc.filter(({ key }) => /^lxc\.cgroup2?\.devices\./.test(key)).map(({ value }) => value),
  ];
  const paths = values.flatMap((value) => {
    const path = /^"?(\/dev\/[^\s"]+)/.exec(value.trim())?.[1];
    return path === undefined ? [] : [path.replace(/\/+/g, '/').replace(/\/$/, '')];
  });
  // /dev/char/M:m is read as a number by systemd and never looked at.
  return [...new Set(paths)].filter((path) => !/^\/dev\/(char|block)\/\d+:\d+$/.test(path)).sort();
}

/** What a device path leads to, without opening it; links are followed. A path that leads nowhere, or to no device, has type null. */
export function nodeAt(tree: FileTree, path: string): NodeRecord {
  const stats = tree.stat(path);
  return (stats === null ? null : nodeOf(path, stats)) ?? { path, type: null, major: 0, minor: 0 };
}

/** Directories of /dev that hold no nodes of interest: pseudo-terminals, memory, and links to nodes seen elsewhere. */
const SKIPPED = new Set(['pts', 'shm', 'mqueue', 'hugepages', 'fd', 'char', 'block', 'disk', 'console']);
const MAX_NODES = 10_000;
const MAX_PER_DIRECTORY = 20_000;
const MAX_DEPTH = 4;

interface SeenNode {
  node: NodeRecord;
  stats: Stats;
}

/** Where to say which part of a tree was not looked at. */
type Skipped = (directory: string, why: string, code: string | null) => void;

/** The device nodes below a directory, links left out; bounded in number and depth. A directory that cannot be entered hides only itself. */
function nodesBelow(tree: FileTree, directory: string, depth: number, skipped: Skipped): SeenNode[] {
  const nodes: SeenNode[] = [];
  const { entries, isWhole } = attempt(
    () => tree.lstatSpecial(directory, MAX_PER_DIRECTORY),
    { entries: new Map<string, Stats>(), isWhole: true },
    (failed, code) => {
      skipped(directory, failed, code);
    },
  );
  if (!isWhole) skipped(directory, `has more than ${String(MAX_PER_DIRECTORY)} entries`, null);
  for (const [name, stats] of entries) {
    const path = `${directory}/${name}`;
    if (stats.isDirectory()) {
      if (depth === 0 && SKIPPED.has(name)) continue;
      if (depth >= MAX_DEPTH) skipped(path, 'is nested too deep', null);
      else nodes.push(...nodesBelow(tree, path, depth + 1, skipped));
    } else {
      const node = nodeOf(path, stats);
      if (node !== null) nodes.push({ node, stats });
    }
    if (nodes.length > MAX_NODES) {
      skipped(directory, `there are more than ${String(MAX_NODES)} nodes`, null);
      return nodes.slice(0, MAX_NODES);
    }
  }
  return nodes;
}

function nodeOf(path: string, stats: Stats): NodeRecord | null {
  const type = stats.isCharacterDevice() ? 'c' : stats.isBlockDevice() ? 'b' : null;
  return type === null ? null : { path, type, ...deviceNumbers(stats.rdev) };
}

/** dev_t as glibc packs it for user space (gnu_dev_major, gnu_dev_minor in sys/sysmacros.h): bits 8-19 and 32-43, bits 0-7 and 20-31. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  const bits = (from: number, count: number): number => Math.floor(rdev / 2 ** from) % 2 ** count;
  return { major: bits(8, 12) + bits(44, 20) * 4096, minor: bits(0, 8) + bits(20, 24) * 256 };
}

/** The device nodes below /dev of a host or container. What could not be looked at is a problem of the subject. */
export function lookedAt(tree: FileTree, subject: string, problems: ProblemRecord[]): NodeRecord[] {
  return nodesAndModes(tree, subject, problems).nodes;
}

const MAX_MOUNTS = 1000;

/** The mounts that a path below /dev can be on. */
export function mountsOfDevices(mountinfo: string): ConfinementRecord['mounts'] {
  return parseMounts(mountinfo)
    .filter(({ point }) => point === '/' || point === '/dev' || point.startsWith('/dev/'))
    .slice(0, MAX_MOUNTS)
    .map(({ point, type, flags }) => ({ point, type, nodev: flags.includes('nodev') }));
}

/** As lookedAt, with the permission bits of each node. */
export function nodesAndModes(
  tree: FileTree,
  subject: string,
  problems: ProblemRecord[],
): { nodes: NodeRecord[]; modes: ConfinementRecord['modes'] } {
  const found = nodesBelow(tree, '/dev', 0, (directory, why, code) => {
    noteOnce(problems, subject, `the device nodes in ${directory} were not all looked at: ${why}`, code);
  });
  return {
    nodes: found.map(({ node }) => node),
    modes: found.map(({ node: { path }, stats: { mode, uid, gid } }) => ({ path, mode: mode & 0o7777, uid, gid })),
  };
}

/** Nodes of /dev and every path that is named somewhere, each once. */
export function hostNodes(tree: FileTree, named: readonly string[], problems: ProblemRecord[]): NodeRecord[] {
  const nodes = new Map(lookedAt(tree, 'host', problems).map((node) => [node.path, node]));
  for (const path of [...STANDARD_DEVICES, ...named]) {
    if (nodes.has(path)) continue;
    const node = attempt(
      () => nodeAt(tree, path),
      null,
      () => undefined,
    );
    // Not looked at: no record, which means unknown, and what depends on it is undecided.
    if (node !== null) nodes.set(path, node);
  }
  return [...nodes.values()];
}

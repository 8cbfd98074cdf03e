import type { SystemdRecord, VersionRecord } from '../snapshot/types.js';
import type { FileTree } from './files.js';
import { attempt } from './attempt.js';
import { LIMITS, isMissingCode } from './files.js';
import { readBuildInfo } from './formats/go-build-info.js';
import type { Proc } from './proc.js';

/** Where to say what could not be read. */
export type Note = (message: string, code: string | null) => void;

/** Packages that matter, by their names in Debian, Fedora, SUSE and Alpine, and what they are called here. */
const PACKAGES: Record<string, string> = {
  runc: 'runc',
  crun: 'crun',
  youki: 'youki',
  'docker.io': 'docker',
  'docker-ce': 'docker',
  'moby-engine': 'docker',
  docker: 'docker',
  containerd: 'containerd',
  'containerd.io': 'containerd',
  podman: 'podman',
  'cri-o': 'cri-o',
  lxc: 'lxc',
  // The library alone, as Incus and LXD use it.
  liblxc1: 'lxc',
  liblxc1t64: 'lxc',
  'lxc-libs': 'lxc',
  incus: 'incus',
  'incus-base': 'incus',
  lxd: 'lxd',
  'nvidia-container-toolkit': 'nvidia-container-toolkit',
  'libnvidia-container1': 'libnvidia-container',
  systemd: 'systemd',
};

/** Low-level runtimes by their files, the one that is found first before the others. */
const PROGRAMS: Record<string, string[]> = {
  runc: ['/usr/bin/runc', '/usr/sbin/runc', '/usr/local/bin/runc', '/usr/local/sbin/runc', '/usr/libexec/docker/runc'],
  crun: ['/usr/bin/crun', '/usr/local/bin/crun'],
  youki: ['/usr/bin/youki', '/usr/local/bin/youki'],
};
/** Those written in Go say in their file which modules they were built from. */
const GO_PROGRAMS = ['runc'];

/** Modules whose version decides what runc does: whether it replaces systemd's program, and which rules it makes of a list. */
const GO_MODULES = ['github.com/cilium/ebpf', 'github.com/opencontainers/cgroups'];

/**
 * Versions of the runtimes that are installed now, which need not be the ones that started a container. Read from package databases and from the
 * programs' files; nothing is run.
 * @param detail "brief" leaves out which modules a packaged program was built from
 * @param note is told of databases and programs that are there and could not be read
 */
export function runtimeVersions(tree: FileTree, detail: 'brief' | 'full', note: Note): Record<string, VersionRecord> {
  const versions = Object.create(null) as Record<string, VersionRecord>;
  for (const [name, version] of [
    ...apkPackages(tree, note),
    ...pacmanPackages(tree, note),
    ...dpkgPackages(tree, note),
  ]) {
    const runtime = PACKAGES[name];
    if (runtime !== undefined) versions[runtime] = version;
  }
  for (const program of GO_PROGRAMS) {
    // A program of ten megabytes is read where no package tells its version, or everything is wanted.
    if (detail === 'full' || versions[program] === undefined)
      addBuildInfo(tree, program, PROGRAMS[program] ?? [], versions, note);
  }
  for (const [program, paths] of Object.entries(PROGRAMS)) {
    const known = versions[program];
    if (known !== undefined) versions[program] = { ...known, changedAt: changedAt(tree, paths) };
  }
  return versions;
}

/** When the first of the files that is there last changed: st_ctime, which nobody can set back. */
function changedAt(tree: FileTree, paths: readonly string[]): string | null {
  for (const path of paths) {
    const stats = attempt(
      () => tree.stat(path),
      null,
      () => undefined,
    );
    if (stats?.isFile() === true) return stats.ctime.toISOString();
  }
  return null;
}

function addBuildInfo(
  tree: FileTree,
  program: string,
  paths: string[],
  versions: Record<string, VersionRecord>,
  note: Note,
): void {
  for (const path of paths) {
    const bytes = whole(tree, path, note);
    const info = bytes === null ? null : readBuildInfo(bytes);
    if (info === null) continue;
    const source = `buildinfo:${path}`;
    if (info.version !== null) versions[program] ??= { version: info.version, source, changedAt: null };
    for (const module of GO_MODULES) {
      const version = info.modules.get(module);
      if (version !== undefined) versions[`${program}:${module}`] = { version, source, changedAt: null };
    }
    return;
  }
}

function text(tree: FileTree, path: string, note: Note): string {
  return whole(tree, path, note)?.toString('latin1') ?? '';
}

/** A file's bytes; null if there is none, or if it cannot be read, which is noted. */
function whole(tree: FileTree, path: string, note: Note): Buffer | null {
  return attempt(
    () => tree.read(path, LIMITS.database),
    null,
    (failed, code) => {
      if (!isMissingCode(code)) note(`which runtimes are installed is not known: ${failed}`, code);
    },
  );
}

/** /var/lib/dpkg/status: paragraphs of "Field: value", installed ones with "Status: install ok installed". */
function dpkgPackages(tree: FileTree, note: Note): [string, VersionRecord][] {
  const status = `\n${text(tree, '/var/lib/dpkg/status', note)}`;
  return Object.keys(PACKAGES).flatMap((name): [string, VersionRecord][] => {
    const start = status.indexOf(`\nPackage: ${name}\n`);
    if (start < 0) return [];
    const end = status.indexOf('\n\n', start);
    const paragraph = status.slice(start, end < 0 ? undefined : end);
    const version = /^Version: (.+)$/m.exec(paragraph)?.[1];
    return version !== undefined && /^Status: .* installed$/m.test(paragraph)
      ? [[name, { version, source: 'dpkg', changedAt: null }]]
      : [];
  });
}

/** /lib/apk/db/installed: paragraphs of "P:name" and "V:version". */
function apkPackages(tree: FileTree, note: Note): [string, VersionRecord][] {
  return text(tree, '/lib/apk/db/installed', note)
    .split('\n\n')
    .flatMap((paragraph): [string, VersionRecord][] => {
      const name = /^P:(.+)$/m.exec(paragraph)?.[1];
      const version = /^V:(.+)$/m.exec(paragraph)?.[1];
      return name !== undefined && version !== undefined ? [[name, { version, source: 'apk', changedAt: null }]] : [];
    });
}

/** /var/lib/pacman/local: a directory "name-version-release" for each package that is installed. */
function pacmanPackages(tree: FileTree, note: Note): [string, VersionRecord][] {
  const names = attempt(
    () => tree.list('/var/lib/pacman/local'),
    [],
    (failed, code) => {
      note(`which runtimes are installed is not known: ${failed}`, code);
    },
  );
  return names.flatMap((name): [string, VersionRecord][] => {
    const [, packageName, version] = /^(.+)-([^-]+-[^-]+)$/.exec(name) ?? [];
    return packageName === undefined || version === undefined || !Object.hasOwn(PACKAGES, packageName)
      ? []
      : [[packageName, { version, source: 'pacman', changedAt: null }]];
  });
}

/** Does systemd run there, or did it last? */
export function isSystemdHost(tree: FileTree, note: Note): boolean {
  return attempt(
    () => tree.exists('/run/systemd/system'),
    false,
    (failed, code) => {
      note(`whether systemd runs could not be seen: ${failed}`, code);
    },
  );
}

/**
 * The version of systemd. A running one has mapped the library of its own version, which an upgrade does not change before the next daemon-reexec; the package tells the
 * exact build. On disk the library's name tells the version too.
 * @param pid of systemd, if it runs
 */
export function systemdVersion(
  tree: FileTree,
  proc: Proc,
  pid: number | null,
  packaged: VersionRecord | undefined,
  note: Note,
): SystemdRecord | null {
  const mapped = pid === null ? null : libraryVersion(proc.text(`${String(pid)}/maps`, 16 << 20) ?? '');
  const record = (version: string, source: string): SystemdRecord => ({
    version,
    source,
    unitsLoadTimestampMonotonicUs: null,
  });
  if (mapped !== null) {
    return packaged !== undefined && release(packaged.version) === release(mapped)
      ? record(packaged.version, packaged.source)
      : record(mapped, `maps of process ${String(pid)}`);
  }
  if (packaged !== undefined) return record(packaged.version, packaged.source);
  for (const directory of ['/usr/lib/systemd', ...libraryDirectories(tree, note)]) {
    const installed = libraryVersion(namesIn(tree, directory, note).join('\n'));
    if (installed !== null) return record(installed, `file:${directory}`);
  }
  return null;
}

/** "libsystemd-shared-257.so", in Fedora "libsystemd-shared-257.13-1.fc42.so". */
function libraryVersion(names: string): string | null {
  return /libsystemd-(?:shared|core)-(\d{3}[^/\s]*?)\.so/.exec(names)?.[1] ?? null;
}

function release(version: string): string {
  return /\d+/.exec(version)?.[0] ?? '';
}

/** Debian keeps systemd's libraries below the multiarch directory. */
function libraryDirectories(tree: FileTree, note: Note): string[] {
  return namesIn(tree, '/usr/lib', note)
    .filter((name) => /-linux-(gnu|musl)/.test(name))
    .map((name) => `/usr/lib/${name}/systemd`);
}

function namesIn(tree: FileTree, directory: string, note: Note): string[] {
  return attempt(
    () => tree.list(directory),
    [],
    (failed, code) => {
      note(`the version of systemd is not known: ${failed}`, code);
    },
  );
}

/** Root filesystems of Debian suites, made by mmdebstrap and kept in a cache directory; labs put an overlay on top and never write to them. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run } from './namespace.js';

export const SUITES = ['bullseye', 'bookworm', 'trixie', 'sid'] as const;
export type Suite = (typeof SUITES)[number];

const ENGINES = [
  'systemd',
  'dbus',
  'procps',
  'iproute2',
  'busybox-static',
  'runc',
  'crun',
  'docker.io',
  'podman',
  'containerd',
  'lxc',
  'systemd-container',
  // For podman of a user: newuidmap, and a session of systemd's user manager.
  'uidmap',
  'dbus-user-session',
];
/** Since trixie Docker's client is a package of its own, and Incus is packaged. */
const EXTRA: Record<Suite, string[]> = {
  bullseye: [],
  bookworm: [],
  trixie: ['docker-cli', 'incus'],
  sid: ['docker-cli', 'incus'],
};

/**
 * Who else attaches device programs: libvirt, Slurm, LXD. A root of their own, because they bring a good deal along and only some suites have all of them:
 * Slurm knows cgroup v2 since 22.05, and LXD left Debian after trixie.
 */
const OTHERS = [
  ...['systemd', 'dbus', 'procps', 'iproute2', 'busybox-static', 'systemd-container'],
  ...['libvirt-daemon-system', 'libvirt-daemon-driver-lxc', 'libvirt-clients', 'qemu-system-x86'],
  ...['slurmctld', 'slurmd', 'slurm-client', 'munge'],
];
const OTHERS_OF: Partial<Record<Suite, string[]>> = {
  bookworm: [...OTHERS, 'lxd', 'lxd-client'],
  trixie: [...OTHERS, 'lxd', 'lxd-client'],
  sid: OTHERS,
};

/** The suites that the lab tests run on: DEVPOLICY_LAB_SUITES ("bookworm sid"), by default one. */
export function labSuites(): Suite[] {
  const words = (process.env['DEVPOLICY_LAB_SUITES'] ?? 'bookworm').split(/[\s,]+/).filter((word) => word !== '');
  return words.map((word) => {
    const suite = SUITES.find((name) => name === word);
    if (suite === undefined) throw new Error(`DEVPOLICY_LAB_SUITES: unknown suite ${word}; known: ${SUITES.join(' ')}`);
    return suite;
  });
}

/** DEVPOLICY_LAB_CACHE or ~/.cache/devpolicy-lab. */
export function cacheDirectory(): string {
  return process.env['DEVPOLICY_LAB_CACHE'] ?? path.join(os.homedir(), '.cache/devpolicy-lab');
}

/** Path of a root filesystem with systemd and the container engines of that suite; built on first use (a minute or two). Throws with mmdebstrap's words. */
export async function engineRoot(suite: Suite): Promise<string> {
  return await debianRoot(suite, [...ENGINES, ...EXTRA[suite]]);
}

/** Packages of the root with libvirt, Slurm and, where Debian has it, LXD; null for a suite without. */
export function otherPackages(suite: Suite): readonly string[] | null {
  return process.arch === 'x64' ? (OTHERS_OF[suite] ?? null) : null;
}

/** Suites whose libvirt, Slurm and LXD are tried: of those asked for by name (`npm run test:lab`). A root more for each would be too much for `npm test`. */
export function suitesWithOthers(): { suite: Suite; packages: readonly string[] }[] {
  if (process.env['DEVPOLICY_LAB_SUITES'] === undefined) return [];
  return labSuites().flatMap((suite) => {
    const packages = otherPackages(suite);
    return packages === null ? [] : [{ suite, packages }];
  });
}

/** As `engineRoot`, for any packages. The cache key is the suite and the package list. */
export async function debianRoot(suite: Suite, packages: readonly string[]): Promise<string> {
  const key = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 12);
  const target = path.join(cacheDirectory(), `${suite}-${key}`);
  if (existsSync(path.join(target, 'etc/debian_version'))) return target;
  mkdirSync(cacheDirectory(), { recursive: true });
  const building = `${target}.building-${String(process.pid)}`;
  const options = [
    '--variant=minbase',
    // Release files of suites at the end of their life are past their date.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=Acquire::Retries "3"',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    '--dpkgopt=path-exclude=/usr/share/locale/*',
    '--dpkgopt=path-include=/usr/share/doc/*/copyright',
  ];
  const result = await run(['mmdebstrap', ...options, `--include=${packages.join(',')}`, suite, building], {
    timeout: 900_000,
  });
  if (result.status !== 0) {
    rmSync(building, { recursive: true, force: true });
    throw new Error(`mmdebstrap ${suite}: status ${String(result.status)}\n${result.stderr.slice(-3000)}`);
  }
  writeFileSync(path.join(building, '.devpolicy-packages'), `${packages.join('\n')}\n`);
  try {
    renameSync(building, target);
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    if (!existsSync(path.join(target, 'etc/debian_version'))) throw error; // else somebody else was faster
  }
  return target;
}

// Prepares a checkout: Debian packages, node_modules, build. Plain JavaScript without dependencies: it runs before `npm ci` has.
//   node scripts/setup.mjs build|try|test|kernels
// Prints what it will install before it does. Installs only what is not there already, and never removes a package.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** What is looked for, and the Debian package that brings it. A program that is there from elsewhere (Docker's own runc) counts. */
const COMPILER = [
  ['cc', 'gcc'],
  ['g++', 'g++'],
  ['/usr/include/stdio.h', 'libc6-dev'],
  ['cmake', 'cmake'],
  ['make', 'make'],
];
const CONTAINERS = [
  ['mount', 'mount'],
  ['unshare', 'util-linux'],
  ['runc', 'runc'],
  ['/bin/busybox', 'busybox-static'],
];
const TESTS = [
  ['crun', 'crun'],
  ['clang', 'clang'],
  ['bpftool', 'bpftool'],
  ['/usr/include/bpf/libbpf.h', 'libbpf-dev'],
  ['dot', 'graphviz'],
  ['python3', 'python3'],
  ['git', 'git'],
  ['mmdebstrap', 'mmdebstrap'],
];
/** Kernels of other releases, for npm run test:kernels. */
const MACHINES = [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['cpio', 'cpio'],
];
const NEEDS = {
  build: COMPILER,
  try: [...COMPILER, ...CONTAINERS],
  test: [...COMPILER, ...CONTAINERS, ...TESTS],
  kernels: [...COMPILER, ...CONTAINERS, ...TESTS, ...MACHINES],
};

// A root shell opened by plain `su` has no sbin directories, where Debian keeps runc and bpftool.
for (const directory of ['/usr/local/sbin', '/usr/sbin', '/sbin']) {
  const present = (process.env.PATH ?? '').split(delimiter);
  if (!present.includes(directory)) process.env.PATH = [...present, directory].join(delimiter);
}

/** Absolute path: does it exist? Name: is it an executable on PATH? */
function isThere(what) {
  if (what.startsWith('/')) return existsSync(what);
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, what), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Debian packages that `purpose` ("build", "try", "test") needs and this machine lacks. */
export function missingPackages(purpose) {
  return NEEDS[purpose].filter(([what]) => !isThere(what)).map(([, name]) => name);
}

const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;

/**
 * Why no device program can be loaded and attached here, or undefined. Looks only, so it can be asked before anything is installed: root of the initial
 * user namespace with its capabilities, a kernel with bpf(2) and cgroup v2.
 */
export function whyNotLive() {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (process.getuid() !== 0) return 'not root';
  if (!/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8')))
    return 'root of a user namespace, not of the host';
  const effective = BigInt(
    `0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`,
  );
  if (((effective >> CAP_SYS_ADMIN) & 1n) === 0n) return 'root without CAP_SYS_ADMIN';
  if (((effective >> CAP_NET_ADMIN) & 1n) === 0n) return 'root without CAP_NET_ADMIN';
  // runc changes its root with pivot_root(2), which needs "/" to be a mount point.
  if (!/^\S+ \S+ \S+ \S+ \/ /m.test(readFileSync('/proc/self/mountinfo', 'utf8')))
    return 'this is a chroot, in which runc cannot start containers';
  if (!existsSync('/proc/sys/kernel/unprivileged_bpf_disabled')) return 'this kernel has no bpf(2)';
  if (!/\bcgroup2$/m.test(readFileSync('/proc/filesystems', 'utf8'))) return 'this kernel has no cgroup v2';
  return undefined;
}

/** Runs a step with its output kept back; on failure prints it and throws. */
export function step(title, command, args, options = {}) {
  const started = Date.now();
  process.stdout.write(`  ${title} ...`);
  const result = spawnSync(command, args, { cwd: projectRoot, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (result.error || result.status !== 0) {
    process.stdout.write(` failed after ${seconds} s\n${result.stdout ?? ''}${result.stderr ?? ''}`);
    throw new SetupError(
      `${title}: ${result.error ? result.error.message : `${command} ended with status ${result.status}`}`,
    );
  }
  process.stdout.write(` ${seconds} s\n`);
  return result.stdout;
}

/** The machine cannot be set up; the message says what a person can do. */
export class SetupError extends Error {}

export function installPackages(purpose) {
  const packages = missingPackages(purpose);
  if (packages.length === 0) return;
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (!isThere('apt-get')) throw new SetupError(`missing on this machine, which has no apt-get: ${packages.join(' ')}`);
  if (process.getuid?.() !== 0) throw new SetupError(`missing Debian packages; as root: ${command}`);
  console.log(`Will install Debian packages: ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const quiet = ['-q', '-y', '-o', 'Dpkg::Use-Pty=0'];
  step('apt-get update', 'apt-get', ['-q', 'update'], { env });
  // --no-remove: better to stop than to throw out somebody's docker-ce for Debian's runc.
  step('apt-get install', 'apt-get', ['install', ...quiet, '--no-install-recommends', '--no-remove', ...packages], {
    env,
  });
}

/** node_modules is stale when the lock file is newer than the record npm left of its last installation. */
function modulesAreStale() {
  const record = join(projectRoot, 'node_modules/.package-lock.json');
  return !existsSync(record) || statSync(record).mtimeMs < statSync(join(projectRoot, 'package-lock.json')).mtimeMs;
}

export function installModules() {
  if (!modulesAreStale()) return;
  const count =
    Object.keys(JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')).packages).length - 1;
  console.log(
    `Will install node_modules with npm ci: ${count} packages for building and testing (at run time devpolicy needs two: commander and yaml)`,
  );
  step('npm ci', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { env: npmEnvironment() });
}

/** Under `npm run` the outer npm hands its settings down as npm_config_*; they stay, but for a lifecycle that is not ours. */
function npmEnvironment() {
  const env = { ...process.env };
  delete env.npm_command;
  delete env.npm_lifecycle_event;
  delete env.npm_lifecycle_script;
  return env;
}

function newestBelow(directory) {
  let newest = statSync(directory).mtimeMs;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = join(directory, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestBelow(file) : statSync(file).mtimeMs);
  }
  return newest;
}

/** Runs `script` unless its stamp is newer than everything below `inputs`. */
function buildOnce(title, script, product, inputs) {
  const stamp = join(projectRoot, 'build', `${script.replace(':', '-')}.stamp`);
  const newest = Math.max(
    ...inputs.map((name) => newestBelow(join(projectRoot, name))),
    statSync(join(projectRoot, 'package.json')).mtimeMs,
  );
  if (existsSync(stamp) && existsSync(join(projectRoot, product)) && statSync(stamp).mtimeMs > newest) return;
  const started = new Date();
  step(title, 'npm', ['run', '--silent', script], { env: npmEnvironment() });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, `${started.toISOString()}\n`);
}

export function buildTypeScript() {
  buildOnce('build TypeScript', 'build:ts', 'dist/cli/main.js', ['src']);
}
export function buildAddon() {
  buildOnce('build the addon', 'build:native', 'build/cmake', ['native']);
}

/** Everything for `purpose`. Throws SetupError. */
export function setUp(purpose) {
  console.log('Setting up');
  installPackages(purpose);
  installModules();
  buildTypeScript();
  buildAddon();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const purpose = process.argv[2] ?? 'test';
  if (!Object.hasOwn(NEEDS, purpose)) {
    console.error(`usage: node scripts/setup.mjs ${Object.keys(NEEDS).join('|')}`);
    process.exit(2);
  }
  try {
    setUp(purpose);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

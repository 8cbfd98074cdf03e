/**
 * The initial file system that the kernels boot with: busybox, this machine's own Node.js with the libraries it needs, the addon, the test loader, the
 * bundled checks and clang's objects. A cpio archive ("newc"), uncompressed: unpacking is slow without hardware virtualisation.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { buildLoader, projectRoot } from '../kernel/loader-process.js';

const HOME = '/devpolicy';

/** Mounts what a Linux system has, runs the checks and switches off. Kernels before 5.11 count BPF memory against the memlock limit. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /tmp /run /sys/fs/cgroup
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 none /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
ulimit -l unlimited
echo 0 > /proc/sys/kernel/kptr_restrict
echo 1 > /proc/sys/net/core/bpf_jit_enable
# stdin and stdout of the checks; without this the terminal driver would wait for a carrier and translate line ends
stty -F /dev/ttyS1 raw -echo
cd ${HOME}/kernels
hostname devpolicy
node --max-old-space-size=1200 guest.mjs "$(cat /proc/cmdline)"
echo "node ended with status $?"
poweroff -f
`;

export interface Initrd {
  /** Objects of clang: name in /devpolicy/objects -> file. */
  objects: ReadonlyMap<string, string>;
}

/** Writes the archive to `target`. Throws if a tool is missing. */
export async function writeInitrd(target: string, { objects }: Initrd): Promise<void> {
  const root = `${target}.root`;
  rmSync(root, { recursive: true, force: true });
  try {
    for (const directory of ['bin', 'proc', 'sys', 'dev']) mkdirSync(path.join(root, directory), { recursive: true });
    copyFileSync('/bin/busybox', path.join(root, 'bin/busybox'));
    copyFileSync(process.execPath, path.join(root, 'bin/node'));
    writeFileSync(path.join(root, 'init'), INIT, { mode: 0o755 });
    await fillHome(path.join(root, HOME), objects);
    const loader = buildLoader(true);
    const setpriv = execFileSync('sh', ['-c', 'command -v setpriv'], { encoding: 'utf8' }).trim();
    copyFileSync(setpriv, path.join(root, 'bin/setpriv'));
    for (const executable of [process.execPath, loader, addon(), setpriv]) copyLibraries(executable, root);
    execFileSync('sh', ['-c', 'cd "$0" && find . | cpio -o -H newc --quiet > "$1"', root, target]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** As in a checkout, as far as the addon's loading and the test loader look for things there. */
async function fillHome(home: string, objects: ReadonlyMap<string, string>): Promise<void> {
  const addonDirectory = path.join(home, 'prebuilds', `${process.platform}-${process.arch}`);
  const loaderSources = path.join(home, 'test/kernel/loader');
  const loaderDirectory = path.join(home, 'build/loader');
  for (const directory of [addonDirectory, loaderDirectory, path.join(home, 'objects')])
    mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(home, 'package.json'), '{"name":"devpolicy","type":"module"}\n');
  copyFileSync(addon(), path.join(addonDirectory, 'devpolicy.node'));
  cpSync(path.join(projectRoot, 'test/kernel/loader'), loaderSources, { recursive: true });
  for (const source of readdirSync(loaderSources)) utimesSync(path.join(loaderSources, source), 1, 1); // older than the program built from them
  const built = buildLoader(true);
  copyFileSync(built, path.join(loaderDirectory, path.basename(built)));
  // The bundle stands one level down, so that what it reads of ../fixtures is here.
  cpSync(path.join(projectRoot, 'test/fixtures/ebpf'), path.join(home, 'fixtures/ebpf'), { recursive: true });
  for (const [name, file] of objects) copyFileSync(file, path.join(home, 'objects', name));
  await build({
    entryPoints: {
      guest: path.join(projectRoot, 'test/kernels/guest/main.ts'),
      restricted: path.join(projectRoot, 'test/kernels/guest/restricted.ts'),
    },
    outdir: path.join(home, 'kernels'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
}

/** The addon built from this checkout. */
function addon(): string {
  const file = path.join(projectRoot, 'build/cmake/Release/devpolicy.node');
  if (!existsSync(file)) throw new Error(`${file} is missing: npm run build:native`);
  return file;
}

/** Everything that ldd names, at its own place. */
function copyLibraries(executable: string, root: string): void {
  const listed = execFileSync('ldd', [executable], { encoding: 'utf8' });
  for (const [, file = ''] of listed.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(/gm)) {
    const target = path.join(root, file);
    if (existsSync(target)) continue;
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}

/**
 * Kernels of Debian suites: the image package, fetched with apt from the mirror that this machine uses itself, unpacked into the labs' cache directory.
 * Nothing is installed; apt gets directories of its own.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Suite, cacheDirectory } from '../lab/debian-root.js';
import { run, runOk } from '../lab/namespace.js';

/** The image for virtual machines: the same source and configuration of BPF and cgroups, a third of the size. */
const META_PACKAGE = 'linux-image-cloud-amd64';
const KEYRINGS = ['debian-archive-keyring.gpg', 'debian-archive-keyring.pgp'].map(
  (name) => `/usr/share/keyrings/${name}`,
);

export interface KernelImage {
  suite: Suite;
  /** Package and its version, "linux-image-6.1.0-50-cloud-amd64_6.1.176-1_amd64". */
  package: string;
  /** Path of the compressed kernel. */
  file: string;
}

/** The kernel of a suite; downloaded on first use. Throws with apt's words. */
export async function kernelImage(suite: Suite): Promise<KernelImage> {
  const target = path.join(cacheDirectory(), `kernel-${suite}`);
  const named = path.join(target, 'package');
  if (!existsSync(named)) await download(suite, target);
  return { suite, package: readFileSync(named, 'utf8').trim(), file: path.join(target, 'vmlinuz') };
}

async function download(suite: Suite, target: string): Promise<void> {
  const work = `${target}.building-${String(process.pid)}`;
  try {
    const apt = await privateApt(suite, work);
    await runOk(['apt-get', ...apt, '-q', 'update']);
    const name = await imagePackage(apt, suite);
    await runOk(['sh', '-c', 'cd "$0" && exec apt-get "$@"', work, ...apt, '-q', 'download', name]);
    const archive = readdirSync(work).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new Error(`${suite}: apt-get downloaded no package`);
    const root = path.join(work, 'root');
    await runOk(['dpkg', '-x', path.join(work, archive), root]);
    // /boot/vmlinuz-RELEASE, or /usr/lib/modules/RELEASE/vmlinuz.
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
    const image = files.find((file) => path.basename(file).startsWith('vmlinuz'));
    if (image === undefined) throw new Error(`${suite}: ${archive} holds no kernel`);
    const done = path.join(work, 'done');
    mkdirSync(done);
    renameSync(path.join(root, image), path.join(done, 'vmlinuz'));
    writeFileSync(path.join(done, 'package'), `${path.basename(archive, '.deb')}\n`);
    rmSync(target, { recursive: true, force: true });
    renameSync(done, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The package with the kernel itself: the one that the meta package depends on, or since 2026 one that that one depends on. */
async function imagePackage(apt: readonly string[], suite: Suite): Promise<string> {
  const dependencies = (name: string): Promise<string> => runOk(['apt-cache', ...apt, 'depends', name]);
  const depends = await dependencies(META_PACKAGE);
  const image = /Depends: (linux-image-\d\S*)/.exec(depends)?.[1];
  if (image === undefined) throw new Error(`${suite}: ${META_PACKAGE} depends on no image:\n${depends}`);
  return /Depends: (linux-binary-\d\S*)/.exec(await dependencies(image))?.[1] ?? image;
}

/** Options that make apt work in `directory` with one suite as its only source. */
async function privateApt(suite: Suite, directory: string): Promise<string[]> {
  for (const part of ['etc/apt.conf.d', 'etc/preferences.d', 'etc/sources.list.d', 'lists/partial', 'archives/partial'])
    mkdirSync(path.join(directory, part), { recursive: true });
  const keyring = KEYRINGS.find((file) => existsSync(file));
  if (keyring === undefined) throw new Error('no keyring of Debian’s archive (apt-get install debian-archive-keyring)');
  writeFileSync(
    path.join(directory, 'etc/sources.list'),
    `deb [signed-by=${keyring}] ${await debianMirror()} ${suite} main\n`,
  );
  return [
    `Dir::Etc=${path.join(directory, 'etc')}`,
    `Dir::State::lists=${path.join(directory, 'lists')}`,
    `Dir::Cache=${directory}`,
    'Dir::State::status=/dev/null',
    'APT::Architecture=amd64',
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    'Acquire::Retries=3',
    // Release files of suites at the end of their life are past their date.
    'Acquire::Check-Valid-Until=false',
  ].flatMap((option) => ['-o', option]);
}

/** The mirror of Debian's main archive among this machine's own sources. */
async function debianMirror(): Promise<string> {
  const { stdout, stderr } = await run([
    'apt-get',
    'indextargets',
    '--format',
    '$(COMPONENT) $(REPO_URI)',
    'Created-By: Packages',
  ]);
  const uri = /^main (\S+\/debian\/?)$/m.exec(stdout)?.[1];
  if (uri === undefined) throw new Error(`apt on this machine has no source of Debian’s main archive\n${stderr}`);
  return uri;
}

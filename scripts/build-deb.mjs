// Builds Debian packages of a checkout that is built (npm run build:ts, prebuilds/):
//   node scripts/build-deb.mjs [--arch amd64|arm64|armhf]... [--out DIRECTORY]        (default: this machine's, build/deb)
// Needs dpkg-deb and gzip. The same checkout gives the same bytes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { BUNDLED, licenseOf } from './build-licenses.mjs';
import { importTypeScript } from './run-ts.mjs';
import { projectRoot } from './setup.mjs';

/** The addon links against nothing, so that one file serves every C library; see native/. */
const LINTIAN_OVERRIDES = `devpolicy: shared-library-lacks-prerequisites [usr/lib/devpolicy/prebuilds/*]
# devpolicy explain prints these pages.
devpolicy: package-contains-documentation-outside-usr-share-doc [usr/lib/devpolicy/docs/findings/*]
`;

/** Debian's architectures, and the folder of prebuilds/ that serves each. */
const PREBUILDS = { amd64: 'linux-x64', arm64: 'linux-arm64', armhf: 'linux-arm' };
const HERE = { x64: 'amd64', arm64: 'arm64', arm: 'armhf' };

const DESCRIPTION = `exact device policies of containers, read from the kernel
 Under cgroup v2 the devices that a container may use are decided by BPF
 programs that nothing prints. devpolicy reads them, says exactly what they
 allow, compares that with what the container runtime intended, and finds
 what the next systemd reload would take away. It changes nothing.`;

const README = `devpolicy for Debian
--------------------

The timer is not enabled. "systemctl enable" makes systemd reload its units, and a
reload is what takes devices away from containers with a land mine; so look first:

  devpolicy verify --all
  systemctl enable --no-reload devpolicy-verify.timer
  systemctl start devpolicy-verify.timer

This package itself never reloads systemd. /usr/share/devpolicy/before-reload asks
whether a reload would break anything; examples/ has hooks for apt, dnf and Ansible,
alert rules for Prometheus, a cron line and a check for NRPE.
`;

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: status ${result.status}\n${result.stderr}`);
  return result.stdout;
}

/** Seconds since 1970 of what is packaged: SOURCE_DATE_EPOCH, else the last commit's time. */
function buildTime() {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  return Number(run('git', ['log', '-1', '--format=%ct'], { cwd: projectRoot }));
}

class Tree {
  constructor(root) {
    this.root = root;
  }
  write(path, content, mode = 0o644) {
    const target = join(this.root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    chmodSync(target, mode);
  }
  copy(source, path, mode = 0o644) {
    this.write(path, readFileSync(join(projectRoot, source)), mode);
  }
  /** Compressed without name and time. */
  compressed(path, content) {
    this.write(`${path}.gz`, gzipSync(content, { level: 9 }));
  }
}

function copyProgram(tree, arch) {
  const home = 'usr/lib/devpolicy';
  for (const file of readdirSync(join(projectRoot, 'dist/cli')).filter((name) => name.endsWith('.js')))
    tree.copy(`dist/cli/${file}`, `${home}/dist/cli/${file}`, file === 'main.js' ? 0o755 : 0o644);
  for (const file of readdirSync(join(projectRoot, 'docs/findings')))
    tree.copy(`docs/findings/${file}`, `${home}/docs/findings/${file}`);
  const addon = `prebuilds/${PREBUILDS[arch]}/devpolicy.node`;
  tree.copy(addon, `${home}/${addon}`);
  const { name, version, license, type, engines } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  tree.write(`${home}/package.json`, `${JSON.stringify({ name, version, license, type, engines }, null, 2)}\n`);
  // The system's node, whatever PATH sudo or cron leaves.
  tree.write('usr/bin/devpolicy', '#!/bin/sh\nexec /usr/bin/node /usr/lib/devpolicy/dist/cli/main.js "$@"\n', 0o755);
}

async function copyManual(tree) {
  const { manualPages } = await importTypeScript('scripts/manual.ts');
  for (const { file, text } of manualPages(projectRoot))
    tree.compressed(`usr/share/man/man${file.at(-1)}/${file}`, text);
}

function copyIntegration(tree) {
  tree.copy('completions/devpolicy.bash', 'usr/share/bash-completion/completions/devpolicy');
  tree.copy('completions/_devpolicy', 'usr/share/zsh/vendor-completions/_devpolicy');
  tree.copy('completions/devpolicy.fish', 'usr/share/fish/vendor_completions.d/devpolicy.fish');
  for (const unit of ['devpolicy-verify.service', 'devpolicy-verify.timer'])
    tree.copy(`deploy/systemd/${unit}`, `usr/lib/systemd/system/${unit}`);
  tree.copy('deploy/before-reload', 'usr/share/devpolicy/before-reload', 0o755);
}

function copyDocuments(tree, version, time) {
  const documents = 'usr/share/doc/devpolicy';
  const examples = [
    'systemd/textfile.conf',
    'cron/devpolicy',
    'apt/80devpolicy',
    'dnf/devpolicy.actions',
    'dnf/devpolicy_reload.py',
    'ansible/devpolicy.yml',
    'prometheus/devpolicy.rules.yml',
    'nagios/devpolicy.cfg',
  ];
  for (const file of examples) tree.copy(`deploy/${file}`, `${documents}/examples/${file}`);
  for (const file of readdirSync(join(projectRoot, 'docs/schemas')))
    tree.copy(`docs/schemas/${file}`, `${documents}/schemas/${file}`);
  for (const file of readdirSync(join(projectRoot, 'docs')).filter((name) => name.endsWith('.md')))
    tree.copy(`docs/${file}`, `${documents}/${file}`);
  tree.write(`${documents}/README.Debian`, README);
  const day = new Date(time * 1000).toUTCString().replace('GMT', '+0000');
  tree.compressed(
    `${documents}/changelog`,
    `devpolicy (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${MAINTAINER}  ${day}\n`,
  );
  tree.compressed(`${documents}/CHANGELOG.md`, readFileSync(join(projectRoot, 'CHANGELOG.md')));
  tree.write(`${documents}/copyright`, COPYRIGHT);
  tree.write('usr/share/lintian/overrides/devpolicy', LINTIAN_OVERRIDES);
}

const MAINTAINER = 'devpolicy maintainers <maintainers@devpolicy.invalid>';
/** The text of a licence as a field of debian/copyright. */
function licenseField(name, license) {
  const text = licenseOf(name)
    .split('\n')
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`));
  return `License: ${license}\n${text.join('\n')}\n`;
}

const COPYRIGHT = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: devpolicy

Files: *
Copyright: 2026 the devpolicy authors
License: Apache-2.0
 On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.

Files: usr/lib/devpolicy/dist/cli/*
Copyright: 2026 the devpolicy authors
           2011 TJ Holowaychuk and contributors (commander)
           2018 Eemeli Aro (yaml)
License: Apache-2.0 and Expat and ISC
 devpolicy is under Apache-2.0 (/usr/share/common-licenses/Apache-2.0). The bundle includes commander under the Expat licence and yaml under the ISC
 licence; their texts follow.

${BUNDLED.map(({ name, license }) => licenseField(name, license)).join('\n')}`;

function files(root, directory = root) {
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? [...files(root, path), path] : [path];
    })
    .sort();
}

function control(arch, version, root) {
  const size = Math.ceil(files(root).reduce((sum, path) => sum + lstatSync(path).size, 0) / 1024);
  const fields = {
    Package: 'devpolicy',
    Version: version,
    Architecture: arch,
    Maintainer: MAINTAINER,
    'Installed-Size': size,
    Depends: 'nodejs (>= 20.19)',
    Suggests: 'prometheus-node-exporter',
    Section: 'admin',
    Priority: 'optional',
    Description: DESCRIPTION,
  };
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n`;
}

async function buildPackage(arch, out, version, time) {
  const work = mkdtempSync(join(tmpdir(), 'devpolicy-deb-'));
  try {
    const root = join(work, 'root');
    const tree = new Tree(root);
    copyProgram(tree, arch);
    await copyManual(tree);
    copyIntegration(tree);
    copyDocuments(tree, version, time);
    const sums = files(root)
      .filter((path) => lstatSync(path).isFile())
      .map((path) => `${createHash('md5').update(readFileSync(path)).digest('hex')}  ${relative(root, path)}\n`);
    tree.write('DEBIAN/control', control(arch, version, root));
    tree.write('DEBIAN/md5sums', sums.join(''));
    for (const path of [root, ...files(root)]) {
      if (lstatSync(path).isDirectory()) chmodSync(path, 0o755);
      utimesSync(path, time, time);
    }
    const target = join(out, `devpolicy_${version}_${arch}.deb`);
    run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', root, target], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(time) },
    });
    return target;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { arch: { type: 'string', multiple: true }, out: { type: 'string' } } });
const out = values.out ?? join(projectRoot, 'build/deb');
const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
if (!existsSync(join(projectRoot, 'dist/cli/main.js'))) throw new Error('not built: npm run build:ts');
mkdirSync(out, { recursive: true });
for (const arch of values.arch ?? [HERE[process.arch]]) {
  if (!Object.hasOwn(PREBUILDS, arch ?? '')) throw new Error(`no prebuilt addon for ${arch}`);
  console.log(await buildPackage(arch, out, version, buildTime()));
}

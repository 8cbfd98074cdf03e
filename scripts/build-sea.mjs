// Builds an executable for hosts without Node.js: this machine's node with the command line inside (Node.js manual, "Single executable applications"),
// and beside it the addon and the pages of findings. A tar archive that runs from where it is unpacked.
//   node scripts/build-sea.mjs [--out DIRECTORY]        (default build/sea)
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundledLicenses, nodeLicense } from './build-licenses.mjs';
import { projectRoot } from './setup.mjs';

/** The place in the node binary that says whether there is a program inside; fixed by Node.js. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (result.error) throw result.error;
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')}: status ${result.status}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** A node that is itself in a shared library (Debian's) has nothing to put a program into. */
function checkNode() {
  const binary = readFileSync(process.execPath);
  if (!binary.includes(`${FUSE}:0`))
    throw new Error(`${process.execPath} cannot hold a program (no fuse): use a node from nodejs.org or NodeSource`);
}

async function bundle(target) {
  await build({
    entryPoints: [join(projectRoot, 'scripts/sea/main.ts')],
    outfile: target,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    // There is no file that the program was loaded from: what lies beside it lies beside the executable.
    define: { 'import.meta.url': 'executableUrl' },
    banner: { js: "const executableUrl = require('node:url').pathToFileURL(process.execPath).href;" },
    legalComments: 'inline',
    logLevel: 'warning',
  });
}

const { values } = parseArgs({ options: { out: { type: 'string' } } });
const out = values.out ?? join(projectRoot, 'build/sea');
const { name, version, license, type, engines } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
const title = `devpolicy-${version}-linux-${process.arch}`;
const folder = join(out, title);
checkNode();
rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, 'docs'), { recursive: true });

const script = join(out, 'main.cjs');
const blob = join(out, 'main.blob');
const config = join(out, 'sea-config.json');
await bundle(script);
writeFileSync(config, JSON.stringify({ main: script, output: blob, disableExperimentalSEAWarning: true }));
run(process.execPath, ['--experimental-sea-config', config]);

const executable = join(folder, 'devpolicy');
copyFileSync(process.execPath, executable);
chmodSync(executable, 0o755);
run('strip', [executable]);
run(process.execPath, [
  join(projectRoot, 'node_modules/postject/dist/cli.js'),
  executable,
  'NODE_SEA_BLOB',
  blob,
  '--sentinel-fuse',
  FUSE,
]);

const addon = `prebuilds/linux-${process.arch}`;
for (const path of [addon, 'docs/findings', 'completions', 'deploy', 'LICENSE'])
  cpSync(join(projectRoot, path), join(folder, path), { recursive: true });
writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name, version, license, type, engines }, null, 2)}\n`);
const licenses = [
  bundledLicenses(),
  `Node.js ${process.version}\n-------\n\n${nodeLicense() ?? 'https://github.com/nodejs/node/blob/main/LICENSE'}\n`,
];
writeFileSync(join(folder, 'LICENSES.txt'), licenses.join('\n\n'));
run(process.execPath, [join(projectRoot, 'scripts/run-ts.mjs'), 'scripts/manual.ts', join(folder, 'man')], {
  cwd: projectRoot,
});
const archive = join(out, `${title}.tar.xz`);
run('tar', ['-C', out, '--sort=name', '--owner=0', '--group=0', '--numeric-owner', '-cJf', archive, title], {
  env: { ...process.env, XZ_OPT: '-1 -T2' },
});
for (const file of [script, blob, config]) rmSync(file);
console.log(archive);

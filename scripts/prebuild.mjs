/**
 * Builds the addons of the package: prebuilds/linux-{x64,arm64,arm}/devpolicy.node, each one file for glibc and musl, and with them
 * prebuilds/SHA256SUMS and prebuilds/built-from.json (compilers, and the checksums of the sources they were built from).
 * Needs cmake and Debian's g++, g++-aarch64-linux-gnu, g++-arm-linux-gnueabihf.
 *
 *   node scripts/prebuild.mjs [--out DIR] [ARCH...]     default: all three into the package
 *
 * prebuildify runs cmake-js through scripts/cmake-js-builder.cjs, in a directory of its own, so that a developer's build/ stays untouched.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const TRIPLES = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu', arm: 'arm-linux-gnueabihf' };

const { values, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
const out = resolve(values.out ?? ROOT);
const architectures = positionals.length > 0 ? positionals : Object.keys(TRIPLES);

/** The compiler of an architecture: the machine's own is called plainly. */
const tool = (arch, name) => (arch === process.arch ? name : `${TRIPLES[arch]}-${name}`);
const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

function build(arch) {
  if (TRIPLES[arch] === undefined) throw new Error(`unknown architecture ${arch}`);
  const work = mkdtempSync(join(tmpdir(), 'devpolicy-prebuild-'));
  try {
    mkdirSync(out, { recursive: true });
    const prebuildify = join(ROOT, 'node_modules', '.bin', 'prebuildify');
    const options = ['--napi', '--strip', '--strip-bin', tool(arch, 'strip'), '--name', 'devpolicy', '--arch', arch];
    const places = ['--cwd', work, '--out', out, '--node-gyp', join(ROOT, 'scripts', 'cmake-js-builder.cjs')];
    execFileSync(prebuildify, [...options, ...places], { cwd: ROOT, stdio: 'inherit' });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const file = join(out, 'prebuilds', `linux-${arch}`, 'devpolicy.node');
  execFileSync(join(ROOT, 'scripts', 'check-elf.sh'), [file], { stdio: 'inherit' });
  return file;
}

/** Everything that decides the bytes of an addon besides the compiler. */
function sources() {
  return readdirSync(join(ROOT, 'native'))
    .filter((name) => /\.(cc|h|map|txt|json)$/.test(name))
    .sort()
    .map((name) => [`native/${name}`, sha256(join(ROOT, 'native', name))]);
}

const sums = architectures.map((arch) => `${sha256(build(arch))}  linux-${arch}/devpolicy.node\n`);
writeFileSync(join(out, 'prebuilds', 'SHA256SUMS'), sums.join(''));
const compilers = architectures.map((arch) => {
  const version = execFileSync(tool(arch, 'g++'), ['--version'], { encoding: 'utf8' }).split('\n')[0];
  return [`linux-${arch}`, version.replace(/^\S+ /, 'g++ ')];
});
const nodeAddonApi = JSON.parse(readFileSync(join(ROOT, 'node_modules', 'node-addon-api', 'package.json'), 'utf8'));
const nodeApiHeaders = JSON.parse(readFileSync(join(ROOT, 'node_modules', 'node-api-headers', 'package.json'), 'utf8'));
const record = {
  compilers: Object.fromEntries(compilers),
  headers: { 'node-addon-api': nodeAddonApi.version, 'node-api-headers': nodeApiHeaders.version },
  sources: Object.fromEntries(sources()),
};
writeFileSync(join(out, 'prebuilds', 'built-from.json'), `${JSON.stringify(record, null, 2)}\n`);
process.stdout.write(sums.join(''));

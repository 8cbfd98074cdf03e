/** The packed tarball installs where there is no compiler, with and without install scripts, and its addon loads. */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { copyOfSources, root, run, temporaryDirectory } from './workspace.js';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

interface Packed {
  filename: string;
  files: { path: string; mode: number }[];
}
let directory = '';
let packed: Packed;
/** Nothing but node, npm and a shell: neither compiler nor make, cmake or python. */
let barePath = '';

beforeAll(() => {
  directory = temporaryDirectory();
  const staging = join(directory, 'staging');
  mkdirSync(staging);
  copyOfSources(staging);
  for (const name of ['prebuilds', 'docs', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(staging, name), { recursive: true });
  }
  const compile = ['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--outDir', join(staging, 'dist')];
  run(join(root, 'node_modules', '.bin', 'tsc'), compile, root);
  chmodSync(join(staging, 'dist'), 0o755);
  const output = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], staging).stdout;
  [packed] = JSON.parse(output) as [Packed];
  barePath = join(directory, 'bin');
  mkdirSync(barePath);
  symlinkSync(realpathSync(process.execPath), join(barePath, 'node'));
  symlinkSync(realpathSync(run('sh', ['-c', 'command -v npm'], root).stdout.trim()), join(barePath, 'npm'));
  symlinkSync(realpathSync('/bin/sh'), join(barePath, 'sh'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function install(name: string, ...options: string[]): string {
  const target = join(directory, name);
  mkdirSync(target);
  const environment = Object.fromEntries(
    // What npm sets for scripts run by it would change the npm that is under test here.
    Object.entries(process.env).filter(([key]) => !key.toLowerCase().startsWith('npm_')),
  );
  const bare = { ...environment, PATH: barePath, npm_config_update_notifier: 'false' };
  const arguments_ = [
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    ...options,
    join(directory, packed.filename),
  ];
  run(join(barePath, 'npm'), arguments_, target, bare);
  return join(target, 'node_modules', 'devpolicy');
}

function boots(installed: string): unknown {
  const script = `import(process.argv[1]).then(({ loadBinding, candidatePaths }) =>
    console.log(JSON.stringify([typeof loadBinding().bootTimeNs(), candidatePaths()[0]])));`;
  const file = join(installed, 'dist/collect/binding.js');
  return JSON.parse(run(process.execPath, ['-e', script, file], dirname(installed), { PATH: barePath }).stdout);
}

describe('the tarball', () => {
  it('holds what is needed to run and to build the addon, and nothing else', () => {
    const tops = new Set(packed.files.map(({ path }) => path.split('/')[0]));
    const allowed = [
      'dist',
      'prebuilds',
      'native',
      'docs',
      'binding.gyp',
      'package.json',
      'README.md',
      'CHANGELOG.md',
      'LICENSE',
    ];
    expect([...tops].filter((name) => name === undefined || !allowed.includes(name))).toEqual([]);
    const paths = packed.files.map(({ path }) => path);
    for (const arch of ['x64', 'arm64', 'arm']) expect(paths).toContain(`prebuilds/linux-${arch}/devpolicy.node`);
    const spec = JSON.parse(readFileSync(join(root, 'native/sources.json'), 'utf8')) as Record<string, string[]>;
    for (const path of [
      ...(spec['sources'] ?? []),
      ...(spec['releaseSources'] ?? []),
      'binding.gyp',
      'native/CMakeLists.txt',
    ]) {
      expect(paths).toContain(path);
    }
    expect(paths.filter((path) => /(^|\/)(test|build|node_modules)\//.test(path) || path.endsWith('.o'))).toEqual([]);
  });

  it('has no install scripts, and npm must not see binding.gyp as one', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest['gypfile']).toBe(false);
    const scripts = Object.keys(manifest['scripts'] as object);
    expect(scripts.filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
  });

  it.each([
    ['without install scripts', ['--ignore-scripts']],
    ['as npm does by default', []],
  ])('installs with no compiler and loads: %s', (name, options) => {
    const installed = install(name.replaceAll(' ', '-'), ...options);
    const prebuilt = join(installed, 'prebuilds', `${process.platform}-${process.arch}`, 'devpolicy.node');
    expect(boots(installed)).toEqual(['number', prebuilt]);
    expect(existsSync(join(installed, 'build'))).toBe(false);
  });
});

/** Both source builds work, and build the same thing: cmake-js from native/CMakeLists.txt, node-gyp from binding.gyp. */
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { copyOfSources, loadInChild, requireTools, root, run, temporaryDirectory } from './workspace.js';

vi.setConfig({ testTimeout: 300_000 });
let directory = '';
beforeAll(() => {
  directory = temporaryDirectory();
  copyOfSources(directory);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

interface Spec {
  sources: string[];
  releaseSources: string[];
  defines: string[];
  cxxflags: string[];
}
const spec = JSON.parse(readFileSync(join(root, 'native/sources.json'), 'utf8')) as Spec;

/** One compile command, reduced to what both builds take from sources.json: definitions and flags, in order, with anything else left out. */
interface Compilation {
  source: string;
  defines: string[];
  flags: string[];
}
function compilations(file: string): Compilation[] {
  const commands = JSON.parse(readFileSync(file, 'utf8')) as { command: string; file: string }[];
  const taken = commands.map(({ command, file: source }) => {
    const words = command.replaceAll('"', '').split(/\s+/);
    const defines = words.filter((word) => word.startsWith('-D')).map((word) => word.slice(2));
    return {
      source: source.slice(source.indexOf('native/')),
      defines: spec.defines.filter((define) => defines.includes(define)),
      flags: spec.cxxflags.filter((flag) => words.includes(flag)),
      // What decides the language and the interface must not be contradicted by a later flag.
      last: words
        .filter((word) => word.startsWith('-std=') || word.startsWith('-O'))
        .slice(-2)
        .sort(),
    };
  });
  return taken.sort((a, b) => (a.source < b.source ? -1 : 1));
}

/**
 * A directory as --nodedir wants it: the headers of this Node.js where they are installed; else Node-API's own headers, which are all that
 * the addon includes, with the two settings files that node-gyp reads.
 */
function headerDirectory(): string {
  // realpath: Debian and version managers link node into PATH.
  const installed = dirname(dirname(realpathSync(process.execPath)));
  if (existsSync(join(installed, 'include/node/common.gypi'))) return installed;
  const made = join(directory, 'headers');
  const include = join(made, 'include/node');
  mkdirSync(include, { recursive: true });
  cpSync(join(root, 'node_modules/node-api-headers/include'), include, { recursive: true });
  writeFileSync(
    join(include, 'common.gypi'),
    "{ 'target_defaults': { 'default_configuration': 'Release', 'configurations': { 'Release': {}, 'Debug': {} } } }",
  );
  writeFileSync(join(include, 'config.gypi'), "{ 'target_defaults': {}, 'variables': {} }");
  return made;
}

describe('source builds', () => {
  it('cmake-js builds and loads', (context) => {
    requireTools(context, 'g++', 'cmake');
    const out = join(directory, 'build-cmake');
    run(bin('cmake-js'), ['compile', '-d', 'native', '-O', out, '--log-level', 'error'], directory);
    expect(loadInChild(join(out, 'Release', 'devpolicy.node')).bootTimeNs).toBeGreaterThan(0);
  });

  it('node-gyp builds and loads', (context) => {
    requireTools(context, 'g++', 'make', 'python3');
    const nodedir = `--nodedir=${headerDirectory()}`;
    run(bin('node-gyp'), ['rebuild', '-j', '2', nodedir], directory);
    expect(loadInChild(join(directory, 'build/Release/devpolicy.node')).bootTimeNs).toBeGreaterThan(0);
    run(bin('node-gyp'), ['configure', nodedir, '--', '-f', 'compile_commands_json'], directory);
  });

  it('both compile the same list of sources with all of its definitions and flags', (context) => {
    requireTools(context, 'g++', 'cmake', 'make', 'python3');
    const expected = [...spec.sources, ...spec.releaseSources].sort();
    const cmake = compilations(join(directory, 'build-cmake/compile_commands.json'));
    const gyp = compilations(join(directory, 'build/Release/compile_commands.json'));
    expect(cmake.map(({ source }) => source)).toEqual(expected);
    for (const compilation of cmake) {
      expect(compilation.defines).toEqual(spec.defines);
      expect(compilation.flags).toEqual(spec.cxxflags);
    }
    expect(gyp).toEqual(cmake);
  });

  it('the list names every source file that is there', () => {
    const listed = [...spec.sources, ...spec.releaseSources].map((name) => name.replace('native/', '')).sort();
    const present = run('sh', ['-c', 'cd native && ls *.cc'], root).stdout.trim().split('\n').sort();
    expect(present).toEqual(listed);
  });
});

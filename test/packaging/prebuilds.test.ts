/** The committed addons are those of the committed sources, load anywhere, and come out of the compiler byte for byte again. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadInChild, requireTools, root, run, temporaryDirectory } from './workspace.js';

const ARCHITECTURES = ['linux-x64', 'linux-arm64', 'linux-arm'];
interface BuiltFrom {
  compilers: Record<string, string>;
  headers: Record<string, string>;
  sources: Record<string, string>;
}
const builtFrom = JSON.parse(readFileSync(join(root, 'prebuilds', 'built-from.json'), 'utf8')) as BuiltFrom;
const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
const prebuilt = (name: string): string => join(root, 'prebuilds', name, 'devpolicy.node');

vi.setConfig({ testTimeout: 300_000 });
let directory = '';
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('prebuilds', () => {
  it('are there for every architecture, with their checksums', () => {
    const lines = readFileSync(join(root, 'prebuilds', 'SHA256SUMS'), 'utf8')
      .trim()
      .split('\n');
    expect(lines).toEqual(ARCHITECTURES.map((name) => `${sha256(prebuilt(name))}  ${name}/devpolicy.node`));
  });

  it('were built from the sources as they are now (else run: npm run prebuilds)', () => {
    const names = readdirSync(join(root, 'native')).filter((name) => /\.(cc|h|map|txt|json)$/.test(name));
    const now = Object.fromEntries(names.sort().map((name) => [`native/${name}`, sha256(join(root, 'native', name))]));
    expect(builtFrom.sources).toEqual(now);
    for (const [name, version] of Object.entries(builtFrom.headers)) {
      const manifest = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
      expect((JSON.parse(manifest) as { version: string }).version).toBe(version);
    }
  });

  it('are of the machine that their directory names', () => {
    // e_machine at offset 18 of the ELF header: EM_X86_64 62, EM_AARCH64 183, EM_ARM 40; EI_CLASS at 4.
    const header = (name: string): number[] => {
      const bytes = readFileSync(prebuilt(name));
      return [bytes.readUInt8(4), bytes.readUInt16LE(18)];
    };
    expect(ARCHITECTURES.map(header)).toEqual([
      [2, 62],
      [2, 183],
      [1, 40],
    ]);
  });

  it('need no library and import nothing that glibc and musl do not both have', (context) => {
    requireTools(context, 'readelf', 'nm');
    run('sh', [join(root, 'scripts/check-elf.sh'), ...ARCHITECTURES.map(prebuilt)], root);
  });

  it('for this machine loads', (context) => {
    const name = `${process.platform}-${process.arch}`;
    if (!ARCHITECTURES.includes(name)) context.skip(`no prebuilt addon for ${name}`);
    expect(loadInChild(prebuilt(name)).bootTimeNs).toBeGreaterThan(0);
  });
});

describe('the ELF gate', () => {
  const verdict = (...files: string[]): { status: number | null; said: string } => {
    const result = spawnSync('sh', [join(root, 'scripts/check-elf.sh'), ...files], { encoding: 'utf8' });
    return { status: result.status, said: result.stdout + result.stderr };
  };

  it('fails without a file, for a missing one and for what is no ELF file', (context) => {
    requireTools(context, 'readelf', 'nm');
    expect(verdict()).toMatchObject({ status: 1, said: expect.stringContaining('no file given') as string });
    expect(verdict(join(directory, 'missing.node'))).toMatchObject({ status: 1 });
    writeFileSync(join(directory, 'text.node'), 'text');
    expect(verdict(join(directory, 'text.node'))).toMatchObject({ status: 1 });
  });

  it('fails for an addon that needs the C++ library, for a foreign symbol and for a text symbol table', (context) => {
    requireTools(context, 'readelf', 'nm', 'g++');
    const source = join(directory, 'bad.cc');
    const output = join(directory, 'bad.node');
    const compile = (body: string, ...flags: string[]): void => {
      const exports =
        'extern "C" { __attribute__((visibility("default"))) int napi_register_module_v1() { return f(); } ' +
        '__attribute__((visibility("default"))) int node_api_module_get_api_version_v1() { return 8; } }';
      writeFileSync(source, `${body}\n${exports}`);
      run('g++', ['-shared', '-fPIC', '-fvisibility=hidden', '-o', output, source, ...flags], directory);
    };
    compile('static int f() { return 1; }', '-nodefaultlibs', '-s');
    expect(verdict(output)).toEqual({ status: 0, said: '' });
    compile('static int f() { return 1; }', '-nodefaultlibs');
    expect(verdict(output).said).toContain('not stripped');
    compile('#include <string>\nstatic int f() { return std::string("x").size(); }', '-Wl,--no-as-needed', '-s');
    expect(verdict(output).said).toContain('depends on a library');
    compile('extern "C" int popen(); static int f() { return popen(); }', '-nodefaultlibs', '-s');
    expect(verdict(output)).toMatchObject({ status: 1, said: expect.stringContaining('imports popen') as string });
    compile(
      'extern "C" { __attribute__((visibility("default"))) int extra() { return 1; } } static int f() { return 1; }',
      '-nodefaultlibs',
      '-s',
    );
    expect(verdict(output).said).toContain('exports extra');
  });
});

describe('rebuilding', () => {
  const arch = process.arch;
  const rebuild = (out: string): string => {
    run(process.execPath, [join(root, 'scripts/prebuild.mjs'), '--out', out, arch], root);
    return join(out, 'prebuilds', `linux-${arch}`, 'devpolicy.node');
  };

  // A compiler's bytes are its own: only the one that built the package can be held to the package's. Any other must at least repeat itself.
  it('gives the bytes of the package with its compiler, and the same bytes twice with any other', (context) => {
    requireTools(context, 'g++', 'cmake', 'strip', 'readelf', 'nm');
    const rebuilt = rebuild(join(directory, 'one'));
    expect(loadInChild(rebuilt)).toHaveProperty('contract');
    const record = readFileSync(join(directory, 'one', 'prebuilds', 'built-from.json'), 'utf8');
    const [here, there] = [(JSON.parse(record) as BuiltFrom).compilers, builtFrom.compilers].map(
      (compilers) => compilers[`linux-${arch}`],
    );
    const expected = here === there ? prebuilt(`linux-${arch}`) : rebuild(join(directory, 'another'));
    console.log(`compared with ${here === there ? 'the package' : 'a second build'}: ${String(here)}`);
    expect(sha256(rebuilt)).toBe(sha256(expected));
  });
});

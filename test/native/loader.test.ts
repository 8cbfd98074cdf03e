/** How the addon is found, what is said when it cannot be had, and what it accepts. No root, no bpf(2). */
import { cpSync, mkdirSync, mkdtempSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NATIVE_CONTRACT, candidatePaths, loadBinding, loadBindingFrom } from '../../src/collect/binding.js';
import { UnsupportedError } from '../../src/errors.js';

let directory = '';
beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'devpolicy-loader-')));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('loadBinding', () => {
  it('loads the addon of this platform, once', () => {
    const binding = loadBinding();
    expect(loadBinding()).toBe(binding);
    expect(binding.contract).toBe(NATIVE_CONTRACT);
    expect(binding.bootTimeNs()).toBeGreaterThan(1e9);
    expect(typeof binding.clockSynchronised()).toBe('boolean');
  });

  it('prefers the prebuilt addon to one built from source', () => {
    expect(candidatePaths().map((path) => path.slice(-60).split('/').slice(-4, -1).join('/'))).toEqual([
      expect.stringMatching(new RegExp(`prebuilds/${process.platform}-${process.arch}$`)) as string,
      expect.stringMatching(/build\/Release$/) as string,
      'build/cmake/Release',
    ]);
  });

  it('never hides why an addon that is there does not load', () => {
    const path = join(directory, 'broken.node');
    writeFileSync(path, 'this is no shared object');
    expect(() => loadBindingFrom(path)).toThrow(UnsupportedError);
    expect(() => loadBindingFrom(path)).toThrow(/broken\.node does not load: .*(file too short|invalid ELF header)/);
  });

  it('refuses an addon of another contract or with a function missing', () => {
    const path = join(directory, 'other.cjs');
    writeFileSync(path, 'module.exports = { contract: 99 };');
    expect(() => loadBindingFrom(path)).toThrow(/other\.cjs was built for another version \(contract 99, expected 1\)/);
    const lacking = join(directory, 'lacking.cjs');
    writeFileSync(lacking, `module.exports = { contract: ${String(NATIVE_CONTRACT)}, close() {} };`);
    expect(() => loadBindingFrom(lacking)).toThrow(/lacking\.cjs lacks a function/);
  });
});

describe('the package root', () => {
  /** A package as installed: binding.ts bundled to this place in it. */
  async function installed(name: string, place: string, withPrebuilds: boolean): Promise<() => unknown> {
    const root = join(directory, name);
    mkdirSync(root);
    writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'devpolicy', type: 'module' }));
    if (withPrebuilds)
      cpSync(new URL('../../prebuilds', import.meta.url), join(root, 'prebuilds'), { recursive: true });
    const outfile = join(root, place);
    const entryPoints = [new URL('../../src/collect/binding.ts', import.meta.url).pathname];
    await build({ entryPoints, bundle: true, platform: 'node', format: 'esm', outfile, logLevel: 'error' });
    const module = (await import(pathToFileURL(outfile).href)) as { loadBinding: () => unknown };
    return () => module.loadBinding();
  }

  it('is found from a bundle anywhere below it', async () => {
    for (const [index, place] of ['dist/main.js', 'dist/cli/chunks/a/main.js', 'main.js'].entries()) {
      const load = await installed(`bundle-${String(index)}`, place, true);
      expect(load()).toHaveProperty('contract', NATIVE_CONTRACT);
    }
  });

  it('without an addon the error lists every place and what to do', async () => {
    const load = await installed('empty', 'dist/main.js', false);
    const places = [
      `prebuilds/${process.platform}-${process.arch}/devpolicy.node`,
      'build/Release/devpolicy.node',
      'build/cmake/Release/devpolicy.node',
    ];
    const expected = places.map((place) => join(directory, 'empty', place)).join(', ');
    expect(load).toThrow(`no native addon for ${process.platform}-${process.arch}; looked for ${expected}`);
  });
});

describe('arguments', () => {
  it('of the wrong kind are TypeErrors, before any system call', () => {
    const binding = loadBinding() as unknown as Record<string, (...values: unknown[]) => unknown>;
    const call = (name: string, ...values: unknown[]): (() => unknown) => {
      return () => binding[name]?.(...values);
    };
    for (const fd of [-1, 0.5, NaN, 2 ** 31, '0', null, undefined, {}]) {
      expect(call('queryPrograms', fd, false)).toThrow(TypeError);
      for (const name of ['close', 'programInfo', 'mapInfo', 'linkInfo']) expect(call(name, fd)).toThrow(TypeError);
    }
    for (const id of [-1, 1.5, 2 ** 32, '1', undefined]) {
      for (const name of ['getProgramFd', 'getMapFd', 'getLinkFd', 'nextProgramId', 'nextLinkId']) {
        expect(call(name, id)).toThrow(TypeError);
      }
    }
    for (const path of ['', 'a\0b', 'lone \ud800 surrogate', 'low \udc00', 7, null, undefined]) {
      expect(call('openDirectory', path)).toThrow(TypeError);
      expect(call('scan', path)).toThrow(TypeError);
    }
    expect(call('queryPrograms', 0, 1)).toThrow(TypeError);
    expect(call('mapLookup', 0, null)).toThrow(TypeError);
    expect(call('mapNextKey', 0, [1, 2, 3, 4])).toThrow(TypeError);
    expect(call('mapNextKey', 0, new Uint16Array(2))).toThrow(TypeError);
  });
});

describe('names', () => {
  it('of any bytes reach the kernel as they are', () => {
    const binding = loadBinding();
    const names: [string, Buffer][] = [
      ['caf\u00e9-\u{1f4e6}', Buffer.from('caf\u00e9-\u{1f4e6}')],
      ['\udcff\udcfeA', Buffer.from([0xff, 0xfe, 0x41])],
      ['\udced\udcb3\udcbf', Buffer.from([0xed, 0xb3, 0xbf])],
      ['\udcf4\udc90\udc80\udc80', Buffer.from([0xf4, 0x90, 0x80, 0x80])],
    ];
    for (const [text, bytes] of names) {
      const path = Buffer.concat([Buffer.from(`${directory}/`), bytes]);
      mkdirSync(path);
      const fd = binding.openDirectory(join(directory, text));
      expect(readlinkSync(`/proc/self/fd/${String(fd)}`, 'buffer')).toEqual(path);
      binding.close(fd);
    }
  });
});

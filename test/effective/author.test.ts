import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decode } from '../../src/ebpf/decode.js';
import { authorOf, type AuthorHints } from '../../src/effective/author.js';

const CAPTURES = join(import.meta.dirname, '../fixtures/captures');
const NOTHING: AuthorHints = { name: '', gplCompatible: null, containerRuntime: null, containerEngine: null };

interface Captured {
  file: string;
  bytes: Uint8Array;
  hints: AuthorHints;
}

/** Programs of a recording with what bpftool said of them. */
function programs(folder: string): Captured[] {
  const path = join(CAPTURES, folder);
  return readdirSync(path)
    .filter((name) => /^prog-\d+\.xlated$/.test(name))
    .sort()
    .map((name) => {
      const json = join(path, name.replace('.xlated', '.json'));
      const said = existsSync(json) ? readFileSync(json, 'utf8') : '';
      const gpl = /"gpl_compatible": *(true|false)/.exec(said)?.[1];
      return {
        file: `${folder}/${name}`,
        bytes: new Uint8Array(readFileSync(join(path, name))),
        hints: {
          ...NOTHING,
          name: /"name": *"([^"]*)"/.exec(said)?.[1] ?? '',
          gplCompatible: gpl === undefined ? null : gpl === 'true',
        },
      };
    });
}

const label = ({ bytes, hints }: Captured, more: Partial<AuthorHints> = {}): string[] => {
  const { name, confidence } = authorOf(decode(bytes, 'little'), { ...hints, ...more });
  return [name, confidence];
};
const recorded = (prefix: string): Captured[] =>
  readdirSync(CAPTURES)
    .filter((name) => name.startsWith(prefix))
    .flatMap((emitter) => readdirSync(join(CAPTURES, emitter)).flatMap((each) => programs(join(emitter, each))));

test('programs of real runtimes are told by their shape alone', () => {
  const authors = (prefix: string): Set<string> => new Set(recorded(prefix).map((each) => label(each)[0] ?? ''));
  expect(authors('bookworm-docker-20.10.24-runc')).toEqual(new Set(['runc']));
  expect(authors('bookworm-containerd')).toEqual(new Set(['runc']));
  expect(authors('bookworm-podman-4.3.1-crun')).toEqual(new Set(['crun']));
  expect(authors('trixie-lxc')).toEqual(new Set(['lxc']));
});

test("the container's runtime makes a likely writer certain", () => {
  const [program] = recorded('bookworm-docker-20.10.24-runc');
  expect(label(program!)).toEqual(['runc', 'likely']);
  expect(label(program!, { containerRuntime: 'runc' })).toEqual(['runc', 'certain']);
});

test('systemd names its programs since 251; before, its shared exit tells', () => {
  const system = recorded('trixie-systemd');
  expect(system.length).toBeGreaterThan(0);
  for (const each of system) expect(label(each)).toEqual(['systemd', 'certain']);
  const nameless = system.map((each) => label({ ...each, hints: { ...each.hints, name: '' } })[0]);
  expect(new Set(nameless)).toEqual(new Set(['systemd']));
});

test('a program with a name of its own is called by it; an unreadable nameless one is unknown', () => {
  expect(authorOf(null, { ...NOTHING, name: 'my_filter' })).toMatchObject({ name: 'my_filter', confidence: 'likely' });
  expect(authorOf(null, { ...NOTHING, name: 'sd_devices' })).toMatchObject({ name: 'systemd', confidence: 'certain' });
  expect(authorOf(null, NOTHING)).toMatchObject({ name: 'unknown', confidence: 'unknown' });
});

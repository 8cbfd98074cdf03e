import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runCli } from '../../src/cli/program.js';
import { fakeIo, type FakeIo } from './fake-io.js';

const ROOT = join(import.meta.dirname, '../..');
/** One container, gl-w, of Docker with its defaults, restricted as it should be. */
const HOST = join(ROOT, 'test/fixtures/captures/bookworm-docker-20.10.24-runc-1.1.5/default');

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'devpolicy-expect-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function verify(text: string, ...args: string[]): Promise<{ status: number; io: FakeIo }> {
  const file = join(directory, 'expect.yaml');
  writeFileSync(file, text);
  const io = fakeIo();
  return { status: await runCli(['--snapshot', HOST, 'verify', '--expect', file, ...args], io), io };
}

const yaml = (...lines: string[]): string =>
  `version: 1\ncontainers:\n  'docker:*':\n${lines.map((line) => `    - ${line}\n`).join('')}`;

test('expectations that are met: nothing is printed', async () => {
  const { status, io } = await verify(
    yaml('no block devices', 'c 1:3 rw', 'may c 10:200 rwm', 'default devices', 'nothing else'),
  );
  expect(io.stdout + io.stderr).toBe('');
  expect(status).toBe(0);
});

test('a device that should work and does not', async () => {
  const { status, io } = await verify(yaml('c 10:229 rw # fuse'));
  expect(status).toBe(1);
  expect(io.stdout).toMatch(/^BROKEN .*DP501.*\n {2}Expected to be allowed, and denied:\n {4}c 10:229 +rw /);
});

test('a device that should be denied and is not', async () => {
  const { status, io } = await verify(yaml('no c 1:3 w'), '--format', 'json');
  expect(status).toBe(1);
  const report = JSON.parse(io.stdout) as {
    subjects: { findings: { code: string; evidence: { witness: unknown } }[] }[];
  };
  const finding = report.subjects[0]?.findings.find(({ code }) => code === 'DP502');
  expect(finding?.evidence.witness).toMatchObject({ enforced: 'allow', other: 'deny' });
});

test('a name that does not exist makes the run incomplete, a pattern does not', async () => {
  const missing = await verify('version: 1\ncontainers: { nosuch: [no block devices] }');
  expect(missing.status).toBe(3);
  expect(missing.io.stdout).toContain('nosuch: expected, and there is none of this name');
  expect((await verify('version: 1\ncontainers: { "nosuch*": [no block devices] }')).status).toBe(0);
});

test.each([
  ['not: [valid', /expect\.yaml:1: /],
  ['version: 1\ncontainers:\n  web: []\n  web: []\n', /expect\.yaml:4: Map keys must be unique/],
  ['a: &x [1]\nb: *x\n', /expect\.yaml: .*alias/i],
  ['version: 1\ncontainers: !!js/function "x"\n', /expect\.yaml:2: Unresolved tag/],
  ['version: 1\n---\nversion: 1\n', /more than one document/],
  ['', /expect\.yaml: nothing in it/],
  ['version: 1\ncontainers: { web: [c 1:3 rw, no devices, "docker"] }', /"web"\[2\]: not understood: "docker"/],
  ['version: 1\ncontainers: { __proto__: [x] }', /"__proto__"\[0\]: not understood/],
  ['version: 1\ncontainers: { "docker:*": [c 1:3 rw, no devices] }', /contradict each other/],
])('%j: one line, exit 2', async (text, message) => {
  const { status, io } = await verify(text);
  expect(io.stderr).toMatch(message);
  expect(io.stderr).toMatch(/^devpolicy: /);
  expect(io.stderr).not.toContain('    at ');
  expect(status).toBe(2);
});

test('targets and a file exclude each other', async () => {
  const { status } = await verify(yaml('no block devices'), 'web');
  expect(status).toBe(2);
});

test('the example of the documentation is of the schema, and what is refused here is refused there', () => {
  const page = readFileSync(join(ROOT, 'docs/expect.md'), 'utf8');
  const schema = JSON.parse(readFileSync(join(ROOT, 'docs/schemas/expect.schema.json'), 'utf8')) as object;
  const validate = new Ajv2020({ strict: true }).compile(schema);
  const example: unknown = parse(/```yaml\n([^]*?)```/.exec(page)?.[1] ?? '');
  expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
  expect(validate({ version: 1, containers: { web: ['c 1:3'] } })).toBe(false);
  expect(validate({ version: 2, containers: {} })).toBe(false);
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseIgnores } from '../../src/verify/ignore.js';
import { ARMED, devpolicy } from './run.js';

const ROOT = join(import.meta.dirname, '../..');

let directory = '';
let file = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'devpolicy-ignore-'));
  file = join(directory, 'ignore.yaml');
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** The land mine of a captured host, with one entry in the file. */
function verify(entry: string, ...args: string[]): ReturnType<typeof devpolicy> {
  writeFileSync(file, `version: 1\nignore:\n${entry}`);
  return devpolicy(['--snapshot', ARMED, 'verify', '--ignore', file, ...args]);
}

const entry = (until: string, code = '[DP101, DP304]'): string =>
  `  - { code: ${code}, subjects: 'docker:*', reason: "known \\e[2J", until: ${until} }\n`;

test('a healthy run under cron prints nothing; -v tells each with its reason, made harmless', async () => {
  expect(await verify(entry('9999-12-31'))).toMatchObject({ status: 0, stdout: '', stderr: '' });
  const told = await verify(entry('9999-12-31'), '-v');
  expect(told.stdout).toMatch(/^IGNORED {2}seed-default: DP101 Works now\..*\n {2}until 9999-12-31: known \\x1b\[2J$/m);
  expect(told.stdout).not.toContain('\u001b');
  expect(told.stdout).toMatch(/, \d findings? ignored\./);
});

test('an entry that has ended hides nothing, and says so', async () => {
  const { status, stdout } = await verify(entry('2026-01-01'));
  expect(status).toBe(1);
  expect(stdout).toMatch(/^LAND-MINE /);
  expect(stdout).toMatch(/^EXPIRED {2}ignore DP101 DP304 of docker:\*: ended after 2026-01-01, and \d reported again/m);
});

test('an entry that hides nothing shows with -v', async () => {
  const told = await verify(entry('9999-12-31', 'DP103'), '-v');
  expect(told.stdout).toMatch(/^UNUSED {3}ignore DP103 of docker:\*/m);
  expect((await verify(entry('9999-12-31', 'DP103'))).stdout).not.toContain('UNUSED');
});

test.each([
  ['json', /"ignored":\[\{"code":"DP101"|"ignored": \[/],
  ['ndjson', /"record":"ignored"/],
  ['sarif', /"suppressions"/],
  ['junit', /ignored: DP101/],
  ['nagios', /^DEVPOLICY OK .*findings? ignored/],
  ['prometheus', /^devpolicy_findings_ignored\{.*code="DP101".*\} 1$/m],
])('%s has them too', async (format, pattern) => {
  const { status, stdout } = await verify(entry('9999-12-31'), '--format', format);
  expect(status).toBe(0);
  expect(stdout).toMatch(pattern);
});

test('json validates', async () => {
  const schema = JSON.parse(readFileSync(join(ROOT, 'docs/schemas/verify.schema.json'), 'utf8')) as object;
  const validate = new Ajv2020({ strict: false }).compile(schema);
  for (const until of ['9999-12-31', '2026-01-01']) {
    const { stdout } = await verify(entry(until), '--json');
    expect(validate(JSON.parse(stdout)), JSON.stringify(validate.errors)).toBe(true);
  }
});

test('a file with a mistake: one line, exit 2', async () => {
  const { status, stderr } = await verify('  - { code: DP101 }\n');
  expect(status).toBe(2);
  expect(stderr).toMatch(/^devpolicy: .*ignore\.yaml: ignore\[0\]: reason: expected/);
});

test('the example of the documentation is of the schema and is understood', () => {
  const page = readFileSync(join(ROOT, 'docs/ignore.md'), 'utf8');
  const example: unknown = parse(/```yaml\n([^]*?)```/.exec(page)?.[1] ?? '');
  const schema = JSON.parse(readFileSync(join(ROOT, 'docs/schemas/ignore.schema.json'), 'utf8')) as object;
  const validate = new Ajv2020({ strict: true, strictTypes: false }).compile(schema);
  expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
  expect(parseIgnores(example, 'example').entries).toHaveLength(2);
  expect(validate({ version: 1, ignore: [{ code: 'DP305', subjects: '*', reason: 'x', until: '2027-01-01' }] })).toBe(
    false,
  );
});

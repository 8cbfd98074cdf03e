import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { ARMED, DETONATED, devpolicy, DOCKER } from './run.js';

function schema(name: string): object {
  return JSON.parse(readFileSync(new URL(`../../docs/schemas/${name}`, import.meta.url), 'utf8')) as object;
}
const ajv = new Ajv2020({ strict: false, allErrors: true });
for (const name of ['show.schema.json', 'diff.schema.json']) ajv.addSchema(schema(name));
const validate = ajv.compile(schema('fleet.schema.json'));

test('hosts by their worst, then the outlier with how it differs, then what is alike', async () => {
  const { status, stdout, stderr } = await devpolicy(['fleet', ARMED, DETONATED, DOCKER]);
  expect([status, stderr]).toEqual([0, '']);
  const order = [
    '3 hosts',
    'BROKEN',
    'seed-default',
    'denied here, allowed on most:',
    'c 1:3,5,7-9',
    'the same wherever it is',
    'dc-default',
  ];
  const places = order.map((words) => stdout.indexOf(words));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(places).not.toContain(-1);
});

test('as JSON, by the schema, and equal for equal input', async () => {
  const args = ['fleet', ARMED, DETONATED, DOCKER, '/nonexistent.json', '--json'];
  const { status, stdout } = await devpolicy(args);
  expect(status).toBe(3);
  const document = JSON.parse(stdout) as { unread: unknown; families: unknown[] };
  validate(document);
  expect(validate.errors).toBeNull();
  expect(document.unread).toEqual([{ file: '/nonexistent.json', message: 'no such file' }]);
  expect(document.families).toHaveLength(2);
  expect(validate({ ...document, hosts: [{}] })).toBe(false);
  expect((await devpolicy(args)).stdout).toBe(stdout);
});

test('one snapshot that cannot be read does not keep the others back; none at all is an error', async () => {
  const some = await devpolicy(['fleet', '/nonexistent.json', DOCKER]);
  expect(some.status).toBe(3);
  expect(some.stdout).toContain('UNREAD  /nonexistent.json: no such file');
  const none = await devpolicy(['fleet', '/nonexistent.json']);
  expect(none).toMatchObject({ status: 2, stdout: '', stderr: 'devpolicy: /nonexistent.json: no such file\n' });
  expect((await devpolicy(['fleet'])).status).toBe(2);
  expect((await devpolicy(['--snapshot', DOCKER, 'fleet', DOCKER])).status).toBe(2);
});

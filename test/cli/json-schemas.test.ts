import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { ARMED, CAPTURES, DETONATED, devpolicy, DOCKER } from './run.js';

const TESTS = join(import.meta.dirname, '..');
const SCHEMAS = join(TESTS, '../docs/schemas');

/**
 * Consumers must accept fields that later versions add, so the shipped schemas allow them; here a field that no schema mentions is a mistake. Objects that
 * are parts of an `allOf` see only their own fields, so the check is made on the whole.
 */
function closed(schema: unknown, inAllOf = false): unknown {
  if (Array.isArray(schema)) return schema.map((each) => closed(each));
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (key === 'allOf' && Array.isArray(value)) return [key, value.map((each) => closed(each, true))];
    if (key === '$defs')
      return [
        key,
        Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, closed(each, true)])),
      ];
    return [key, closed(value)];
  });
  const copy = Object.fromEntries(entries);
  const isObject = copy['type'] === 'object' || 'allOf' in copy || '$ref' in copy;
  return isObject && !inAllOf ? { ...copy, unevaluatedProperties: false } : copy;
}

function validator(name: string): (document: unknown) => string[] {
  const schema = JSON.parse(readFileSync(join(SCHEMAS, `${name}.schema.json`), 'utf8')) as AnySchemaObject;
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(closed(schema) as AnySchemaObject);
  return (document) =>
    validate(document)
      ? []
      : (validate.errors ?? []).map(
          (error) => `${error.instancePath} ${error.message ?? ''} ${JSON.stringify(error.params)}`,
        );
}

/** Recordings with causes of every kind. */
const STATES = join(TESTS, 'fixtures/causes');
const CAUSES = readdirSync(STATES, { recursive: true, encoding: 'utf8' })
  .filter((name) => basename(name) === 'case.json')
  .map(dirname);
const MOVED = join(STATES, 'bookworm-systemd-252.39-1~deb12u2/moved-node-0-before');
/** Names of the containers. */
const [MINE, PLAIN] = [nameOf(ARMED), nameOf(DOCKER)];

function nameOf(folder: string): string {
  const { Name } = JSON.parse(readFileSync(join(folder, 'config.v2.json'), 'utf8')) as { Name: string };
  return Name.replace('/', '');
}

const CASES: [schema: string, args: string[]][] = [
  ['show', ['--snapshot', DOCKER, 'show', '--json']],
  ['show', ['--snapshot', ARMED, 'show', '--json']],
  ['show', ['--snapshot', DETONATED, 'show', '--explain', '--json']],
  ['show', ['--json', 'show', `config:${join(DOCKER, 'config.json')}`]],
  ['show', ['--json', 'show', `program:${join(DOCKER, 'prog-1.xlated')}`]],
  ['show', ['--snapshot', join(CAPTURES, 'trixie-lxc-6.0.4/std'), 'show', '--json']],
  ['list', ['--snapshot', DETONATED, 'list', '--json']],
  ['verify', ['--snapshot', DOCKER, 'verify', '--json']],
  ['verify', ['--snapshot', ARMED, 'verify', '--json']],
  ['verify', ['--snapshot', DETONATED, 'verify', '--json']],
  ['can', ['--snapshot', DETONATED, 'can', 'c:1:3', 'rw', '--json']],
  ['can', ['--snapshot', DETONATED, 'can', 'c:0:0', 'rw', '--json']],
  ['can', ['--snapshot', ARMED, 'can', 'c:1:3', 'rw', '--policy', 'afterReload', '--json']],
  ['decode', ['--snapshot', DETONATED, 'decode', '--json']],
  ['diff', ['diff', `${ARMED}#`, `${DETONATED}#`, '--json']],
  ['explain', ['explain', '--json']],
  ['explain', ['explain', 'DP101', '--json']],
  ['defuse', ['--snapshot', ARMED, 'explain', 'DP101', '--defuse', MINE, '--json']],
  ['defuse', ['--snapshot', MOVED, 'explain', 'DP101', '--defuse', 'serial.service', '--json']],
  ['defuse', ['--snapshot', DOCKER, 'explain', 'DP101', '--defuse', PLAIN, '--json']],
  ...CAUSES.map((name): [string, string[]] => ['verify', ['--snapshot', join(STATES, name), 'verify', '--json']]),
  ['doctor', ['--snapshot', DOCKER, 'doctor', '--json']],
];

test.each(CASES)('%s: %j', async (schema, args) => {
  const { stdout, stderr } = await devpolicy(args);
  expect(stderr).toBe('');
  expect(validator(schema)(JSON.parse(stdout))).toEqual([]);
});

test('every shipped schema is used here or by a test of its own', () => {
  const tests = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const texts = tests.map((name) => readFileSync(join(TESTS, name), 'utf8'));
  const shipped = readdirSync(SCHEMAS).map((name) => name.replace(/\.schema\.json$/, ''));
  const unused = shipped.filter(
    (name) => !CASES.some(([schema]) => schema === name) && !texts.some((text) => text.includes(`${name}.schema`)),
  );
  expect(unused).toEqual([]);
});

test('equal input gives equal bytes', async () => {
  for (const command of ['show', 'verify', 'list']) {
    const args = ['--snapshot', DETONATED, command, '--json'];
    expect((await devpolicy(args)).stdout).toBe((await devpolicy(args)).stdout);
  }
});

test('a document with a field missing, or one that no schema knows, is refused', async () => {
  const validate = validator('verify');
  const document = JSON.parse((await devpolicy(['--snapshot', ARMED, 'verify', '--json'])).stdout) as Record<
    string,
    unknown
  >;
  expect(validate(document)).toEqual([]);
  expect(validate({ ...document, surprise: 1 })).not.toEqual([]);
  const { exitStatus, ...without } = document;
  expect(exitStatus).toBe(1);
  expect(validate(without)).not.toEqual([]);
});

/** Saving and loading: nothing is lost, equal snapshots are equal bytes, the schema that ships says the same, hostile files are refused with the place. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import { InputError } from '../../src/errors.js';
import { decodeSnapshot, parseSnapshot } from '../../src/snapshot/parse.js';
import { serialiseSnapshot } from '../../src/snapshot/serialise.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import { CASES, caseDirectory } from '../collect/captured.js';

const schema = JSON.parse(
  readFileSync(new URL('../../docs/schemas/snapshot.schema.json', import.meta.url), 'utf8'),
) as AnySchemaObject;
const validate = new Ajv2020({ strict: true, allowUnionTypes: true, formats: {} }).compile(schema);
/** The same with no room for properties that it does not name: it must name all of them. */
const validateClosed = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(closed(schema) as AnySchemaObject);

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const result = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, closed(item)]));
  return 'properties' in result && 'required' in result ? { ...result, additionalProperties: false } : result;
}

function sample(): Record<string, unknown> {
  return JSON.parse(
    serialiseSnapshot(snapshotFromDirectory(caseDirectory(CASES.find((name) => name.includes('docker')) ?? ''))),
  ) as Record<string, unknown>;
}

const [program] = sample()['programs'] as unknown[];

function refused(document: unknown): string {
  try {
    decodeSnapshot(document, 'file.json');
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

describe.each(CASES)('%s', (name) => {
  const snapshot = snapshotFromDirectory(caseDirectory(name));
  const text = serialiseSnapshot(snapshot);

  test('comes back as it was saved', () => {
    const loaded = parseSnapshot(text);
    expect(serialiseSnapshot(loaded)).toBe(text);
    expect(JSON.parse(JSON.stringify(loaded))).toEqual(JSON.parse(text));
  });

  test('is what the schema says, and the schema names all of it', () => {
    expect(validate(JSON.parse(text)), JSON.stringify(validate.errors)).toBe(true);
    expect(validateClosed(JSON.parse(text)), JSON.stringify(validateClosed.errors)).toBe(true);
  });
});

test('equal snapshots are equal bytes, whatever order lists and keys came in', () => {
  const snapshot = snapshotFromDirectory(caseDirectory(CASES.find((name) => name.includes('landmine')) ?? ''));
  const shuffled = shuffle(snapshot) as Snapshot;
  expect(Object.keys(shuffled)).not.toEqual(Object.keys(snapshot));
  expect(serialiseSnapshot(shuffled)).toBe(serialiseSnapshot(snapshot));
});

/** Keys reversed everywhere, and the top lists, which have no order of their own. */
function shuffle(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return (depth === 1 ? value.toReversed() : value).map((item) => shuffle(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, key === 'schemaVersion' ? item : shuffle(item, depth + 1)]),
  );
}

describe('a file that is no snapshot is refused in one line that names the place', () => {
  test.each([
    ['', 'file.json: not valid JSON'],
    ['{"schema"', 'file.json: not valid JSON'],
    ['[]', 'file.json: document: expected an object, found an array'],
    ['{}', 'file.json: not a snapshot (no "schema": "devpolicy/snapshot")'],
    ['{"schema":"devpolicy/snapshot"}', 'file.json: schemaVersion: expected an array, found nothing'],
    [
      '{"schema":"devpolicy/snapshot","schemaVersion":[2,0]}',
      'file.json: snapshot format 2 is newer than this devpolicy reads (1)',
    ],
    ['['.repeat(200_000), 'file.json: not valid JSON'],
  ])('%.40s', (text, message) => {
    expect(() => parseSnapshot(text, 'file.json')).toThrow(InputError);
    expect(() => parseSnapshot(text, 'file.json')).toThrow(message);
  });

  test.each<[string, string, unknown, string]>([
    ['a wrong type', 'programs.0.tag', 7, 'programs[0].tag: expected 16 hexadecimal digits, found a number'],
    ['a fraction', 'programs.0.id', 1.5, 'programs[0].id: expected an integer, found a fraction'],
    ['out of range', 'programs.0.id', 2 ** 40, 'programs[0].id: 1099511627776 is out of range'],
    ['no base64', 'programs.0.xlated', 'ä', 'programs[0].xlated: expected base64, found a string'],
    ['a missing list', 'cgroups', undefined, 'cgroups: expected an array, found nothing'],
    ['a list that is none', 'containers', { length: 3 }, 'containers: expected an array, found an object'],
    ['an unknown kind', 'containers.0.sources.0.kind', 'toString', 'containers[0].sources[0].kind: expected'],
    ['an id twice', 'programs', [program, program], 'programs[1]: occurs twice'],
    ['no byte order', 'host.byteOrder', 'middle', 'host.byteOrder: expected "little" or "big", found a string'],
    [
      'a bad triple',
      'units.0.files.0.assignments.0',
      ['a'],
      'units[0].files[0].assignments[0]: expected [section, key, value]',
    ],
  ])('%s', (_, place, value, message) => {
    const document = sample();
    const names = place.split('.');
    const last = names.pop() ?? '';
    const parent = names.reduce<unknown>((item, name) => (item as Record<string, unknown>)[name], document);
    (parent as Record<string, unknown>)[last] = value;
    expect(refused(document)).toContain(`file.json: ${message}`);
  });

  test('no value of the file is repeated in a message', () => {
    const document = sample();
    document['collectedAt'] = { '\u001b[31mred': '\u0007' };
    expect(refused(document)).toBe('file.json: collectedAt: expected a string, found an object');
  });
});

test('keys of the prototype are keys like any other, and pollute nothing', () => {
  const text = JSON.stringify(sample()).replace(
    '"runtimes":{',
    '"runtimes":{"__proto__":{"version":"1","source":"x"},"constructor":{"version":"2","source":"x"},',
  );
  const { runtimes } = parseSnapshot(text).host;
  expect(runtimes['__proto__']).toEqual({ version: '1', source: 'x', changedAt: null });
  expect(runtimes.constructor).toEqual({ version: '2', source: 'x', changedAt: null });
  expect(({} as Record<string, unknown>)['version']).toBeUndefined();
});

describe('versions', () => {
  test('properties of a later minor version are left out', () => {
    const document = { ...sample(), schemaVersion: [1, 7], weather: 'fine' };
    const loaded = decodeSnapshot(document);
    expect(loaded.schemaVersion).toEqual([1, 7]);
    expect(loaded).not.toHaveProperty('weather');
  });

  test('what a file of an older version does not have is unknown', () => {
    const document = sample();
    delete document['nestedHosts'];
    delete document['vanished'];
    delete (document['host'] as Record<string, unknown>)['deviceLinks'];
    delete (document['host'] as Record<string, unknown>)['bpfPins'];
    const loaded = decodeSnapshot(document);
    expect(loaded).toMatchObject({ nestedHosts: [], vanished: 0, host: { bpfPins: null } });
    expect(loaded.host.deviceLinks).toEqual({ devChar: null, devBlock: null, sysDevChar: null, sysDevBlock: null });
  });
});

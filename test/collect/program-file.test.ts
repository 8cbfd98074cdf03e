/** Every kind of program file, by bytes that bpftool wrote of one program; and what is none. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { machineByteOrder, snapshotOfProgram } from '../../src/collect/program-file.js';
import { InputError } from '../../src/errors.js';

const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/bpftool/${name}`, import.meta.url));
const raw = fixture('uid-gate.xlated');
const code = (content: Uint8Array): Buffer =>
  Buffer.from(snapshotOfProgram(content, 'p', { byteOrder: 'little' }).programs[0]?.xlated ?? '', 'base64');
const message = (content: string | Uint8Array): string => {
  try {
    snapshotOfProgram(Buffer.from(content), 'file');
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
};

describe('the same program', () => {
  test.each<[string, Uint8Array]>([
    ['raw', raw],
    ['bpftool’s JSON with opcodes', fixture('uid-gate.json')],
    ['bpftool’s listing with opcodes', fixture('uid-gate.txt')],
    ['hexadecimal', Buffer.from(raw.toString('hex'))],
    [
      'hexadecimal with 0x, commas and lines',
      Buffer.from([...raw].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(',\n')),
    ],
    ['our own JSON', Buffer.from(JSON.stringify({ xlated: raw.toString('base64'), byteOrder: 'little' }))],
  ])('%s', (_, content) => {
    expect(code(content)).toEqual(raw);
  });

  test('bpftool’s dumps bring the names of helpers', () => {
    for (const name of ['uid-gate.json', 'uid-gate.txt']) {
      const [program] = snapshotOfProgram(fixture(name), name, { byteOrder: 'little' }).programs;
      expect({ ...program?.helpers }).toEqual({ '269712': 'bpf_get_current_uid_gid' });
    }
  });

  test('is the only subject of its snapshot', () => {
    const snapshot = snapshotOfProgram(raw, 'p');
    expect(snapshot).toMatchObject({ subject: 'cgroup:/', host: { byteOrder: machineByteOrder() } });
    expect(snapshot.cgroups).toEqual([
      {
        path: '/',
        id: null,
        attached: { programIds: [1], attachFlags: 2, programAttachFlags: null, revision: null },
        effective: { programIds: [1] },
      },
    ]);
  });

  test('registers of a big-endian dump go into the other half', () => {
    const swapped = Buffer.from(
      snapshotOfProgram(fixture('uid-gate.json'), 'p', { byteOrder: 'big' }).programs[0]?.xlated ?? '',
      'base64',
    );
    expect(swapped[9]).toBe(0x20);
    expect(raw[9]).toBe(0x02);
  });

  test('raw instructions that begin like JSON are still raw', () => {
    const program = Buffer.concat([Buffer.from('7b1af8ff00000000', 'hex'), raw]);
    expect(code(program)).toEqual(program);
  });
});

describe('our JSON', () => {
  const schema = JSON.parse(
    readFileSync(new URL('../../docs/schemas/program.schema.json', import.meta.url), 'utf8'),
  ) as AnySchemaObject;
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false }).compile(schema);
  const map = {
    id: 7,
    type: 'hash',
    keySize: 8,
    valueSize: 4,
    maxEntries: 16,
    entries: [{ key: 'AQAAAAMAAAA=', value: 'AQAAAA==' }],
  };
  const document = {
    schema: 'devpolicy/program',
    schemaVersion: [1, 0],
    xlated: raw.toString('base64'),
    byteOrder: 'little',
    kernel: '6.18.44',
    id: 12,
    name: 'gate',
    helpers: { '269712': 'bpf_get_current_uid_gid' },
    maps: [map],
    mapIds: [7],
    programs: [{ id: 13, xlated: raw.toString('base64') }],
  };

  test('brings maps with contents, helpers, the kernel and programs behind tail calls', () => {
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    const snapshot = snapshotOfProgram(Buffer.from(JSON.stringify(document)), 'p');
    expect(snapshot.host).toMatchObject({ kernelRelease: '6.18.44', byteOrder: 'little' });
    expect(snapshot.programs.map(({ id, name }) => [id, name])).toEqual([
      [12, 'gate'],
      [13, ''],
    ]);
    expect(snapshot.maps).toEqual([{ ...map, name: '', flags: 0, frozen: false, asOf: null }]);
    expect({ ...snapshot.programs[0]?.helpers }).toEqual(document.helpers);
  });

  test('takes maps in bpftool’s words', () => {
    const show = {
      id: 816,
      type: 'array',
      name: 'x.rodata',
      flags: 1152,
      bytes_key: 4,
      bytes_value: 2,
      max_entries: 1,
      frozen: 1,
    };
    const maps = { '816': { show, dump: [{ key: ['0x00', '0x00', '0x00', '0x00'], value: ['0x78', '0x00'] }] } };
    expect(validate({ ...document, maps }), JSON.stringify(validate.errors)).toBe(true);
    const [map816] = snapshotOfProgram(Buffer.from(JSON.stringify({ ...document, maps })), 'p').maps;
    expect(map816).toMatchObject({ id: 816, type: 'array', keySize: 4, valueSize: 2, flags: 1152, frozen: true });
    expect(map816?.entries).toEqual([{ key: 'AAAAAA==', value: 'eAA=' }]);
  });

  test('a map without contents is unknown, not empty', () => {
    const { entries, ...bare } = map;
    expect(entries).toHaveLength(1);
    const snapshot = snapshotOfProgram(Buffer.from(JSON.stringify({ ...document, maps: [bare] })), 'p');
    expect(snapshot.maps[0]?.entries).toEqual({ failed: 'not in the file', code: null });
  });
});

describe('what is no program is refused in one line', () => {
  test.each([
    ['', 'file: is empty'],
    ['hello world', 'file: is no program: neither raw instructions, hexadecimal digits, nor JSON'],
    ['{', 'file: not valid JSON'],
    ['{}', 'file: is JSON without "xlated": neither a program of ours nor bpftool\'s dump with opcodes'],
    ['{"xlated":"!"}', 'file: xlated: expected base64, found a string'],
    ['{"xlated":""}', 'file: holds no instructions'],
    ['{"xlated":"AAAA"}', 'file: has 3 bytes, which is no whole number of 8-byte instructions'],
    ['{"xlated":"AAAAAAAAAAA=","schemaVersion":[2,0]}', 'file: is of a newer format than this devpolicy reads'],
    [
      '{"xlated":"AAAAAAAAAAA=","helpers":["a"],"maps":[{"id":1}]}',
      'file: maps[0].type: expected a string, found nothing',
    ],
    ['[{"disasm":"(95) exit"}]', 'file: a dump without "opcodes": run bpftool with that word'],
    ['[{"opcodes":{"code":"0x95"}}]', 'file: [0].opcodes.src_reg[0]: expected a string, found nothing'],
    ['[]', 'file: holds no instructions'],
    ['950000000000000', 'file: has an odd number of hexadecimal digits'],
    ['95 00 00 00 00 00 00', 'file: has 7 bytes, which is no whole number of 8-byte instructions'],
  ])('%.40s', (content, expected) => {
    expect(message(content)).toBe(expected);
  });

  test('truncated bytecode', () => {
    expect(message(raw.subarray(0, raw.length - 3))).toBe(
      'file: has 61 bytes, which is no whole number of 8-byte instructions',
    );
  });

  test('bpftool’s listings without opcodes', () => {
    expect(message(fixture('uid-gate-without-opcodes.json'))).toContain('without "opcodes"');
    expect(message(fixture('uid-gate-without-opcodes.txt'))).toContain('without "opcodes"');
  });
});

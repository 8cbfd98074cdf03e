import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decode } from '../../src/ebpf/decode.js';
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import type { Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import { branchSentence } from '../../src/report/deciding-text.js';
import { decidingInstruction } from '../../src/verify/deciding.js';

const CAPTURES = join(import.meta.dirname, '../fixtures/captures');
const environment: ProgramEnvironment = {
  maps: new Map(),
  helpers: new Map(),
  programs: new Map(),
  kernelRelease: null,
  freplaced: 'no',
};
const read = (path: string): Program => decode(new Uint8Array(readFileSync(join(CAPTURES, path))), 'little');
const runc = read('bookworm-docker-20.10.24-runc-1.1.5/default/prog-1.xlated');
const permissions = read('bookworm-docker-20.10.24-runc-1.1.5/dev-multi-perms/prog-1.xlated');
const systemd = read(
  'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-1-after-daemon-reload/prog-2.xlated',
);

function sentence(program: Program, type: 'b' | 'c', major: number, minor: number, access: number): string {
  const request = { type, major, minor, access };
  const result = interpret(program, environment, request, { recordPath: true });
  if (result.outcome !== 'return') throw new Error(result.reason);
  const { branch } = decidingInstruction(program, result.trace, request);
  return branch === null ? '' : branchSentence(branch);
}

test.each([
  ['the minor number matches', runc, 'c', 1, 3, 6, 'minor is 3'],
  ['the wrong type', runc, 'b', 8, 0, 6, 'type is b, not c'],
  ['systemd: the wrong major number', systemd, 'c', 1, 3, 6, 'major is 1, not 136'],
  ['systemd: the right one', systemd, 'c', 136, 5, 6, 'major is 136'],
] as const)('%s', (_what, program, type, major, minor, access, expected) => {
  expect(sentence(program, type, major, minor, access)).toBe(expected);
});

test('a rule that covers too few letters says which', () => {
  // The recording's rules: bpftool's listing beside it shows blocks with `w1 &= mask`.
  const sentences = new Set<string>();
  for (const [major, minor] of [
    [10, 229],
    [1, 11],
    [10, 232],
    [226, 0],
    [10, 237],
    [7, 0],
  ] as const) {
    for (const access of [1, 2, 4, 6]) sentences.add(sentence(permissions, 'c', major, minor, access));
  }
  expect([...sentences].every((each) => each === '' || /^(?:type|major|minor|access) /.test(each))).toBe(true);
});

test('what was computed otherwise is not named', () => {
  // r0 = 1; if r0 == 1 goto +1; r0 = 0; exit: a comparison that is about nothing of the request.
  const bytes = Uint8Array.from([
    0xb7, 0, 0, 0, 1, 0, 0, 0, 0x15, 0, 1, 0, 1, 0, 0, 0, 0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0,
  ]);
  expect(sentence(decode(bytes, 'little'), 'c', 1, 3, 6)).toBe('');
});

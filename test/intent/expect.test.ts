import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { InputError } from '../../src/errors.js';
import { decideExpected, expectedPolicy, matchesPattern, parseExpectations } from '../../src/intent/expect.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import type { DeviceRequest } from '../../src/policy/types.js';

const space = new DeviceSpace(new BddManager());
const entriesOf = (...lines: string[]) => parseExpectations({ version: 1, containers: { web: lines } }, 'f').entries;
const request = (type: 'b' | 'c', major: number, minor: number, access: number): DeviceRequest => ({
  type,
  major,
  minor,
  access,
});

function answer(lines: string[], asked: DeviceRequest): string {
  const { required, forbidden } = expectedPolicy(space, entriesOf(...lines));
  return required.contains(asked) ? 'allow' : forbidden.contains(asked) ? 'deny' : 'either';
}

test.each([
  [['c 10:200 rw'], request('c', 10, 200, 6), 'allow'],
  [['c 10:200 rw'], request('c', 10, 200, 0), 'allow'],
  [['c 10:200 rw'], request('c', 10, 200, 1), 'either'],
  [['c 10:200 rw', 'nothing else'], request('c', 10, 200, 1), 'deny'],
  [['c 1:3,5,7-9 rwm'], request('c', 1, 8, 6), 'allow'],
  [['c 1:3,5,7-9 rwm'], request('c', 1, 6, 6), 'either'],
  [['no block devices'], request('b', 8, 0, 2), 'deny'],
  [['no block devices'], request('b', 8, 0, 1), 'either'],
  [['no block devices'], request('c', 8, 0, 2), 'either'],
  [['no devices'], request('c', 8, 0, 4), 'deny'],
  [['no c 195:* rw'], request('c', 195, 7, 4), 'deny'],
  [['no c 195:* rw'], request('c', 195, 7, 0), 'either'],
  [['no c 195:* rw'], request('c', 195, 7, 1), 'either'],
  [['may c 226:* rw', 'nothing else'], request('c', 226, 128, 6), 'either'],
  [['default devices', 'nothing else'], request('c', 1, 3, 6), 'either'],
  [['default devices', 'nothing else'], request('b', 9, 9, 1), 'either'],
  [['default devices', 'nothing else'], request('c', 10, 200, 6), 'deny'],
  [[], request('c', 10, 200, 6), 'either'],
  [['nothing else'], request('c', 10, 200, 6), 'deny'],
])('%j on %j: %s', (lines, asked, wanted) => {
  expect(answer(lines, asked)).toBe(wanted);
});

test('the lines decide single requests as the sets do', () => {
  const number = fc.constantFrom(0, 1, 3, 5, 8, 10, 195, 200, 4095);
  const line = fc.oneof(
    fc.constantFrom('no block devices', 'no devices', 'default devices', 'nothing else'),
    fc
      .tuple(
        fc.constantFrom('', 'no ', 'may '),
        fc.constantFrom('b', 'c'),
        number,
        fc.constantFrom('*', '0-7', '3,5', '200'),
        fc.constantFrom('r', 'rw', 'rwm', 'm', '-'),
      )
      .map(([word, type, major, minor, access]) => `${word}${type} ${String(major)}:${minor} ${access}`),
  );
  const asked = fc.record({
    type: fc.constantFrom('b' as const, 'c' as const),
    major: number,
    minor: number,
    access: fc.constantFrom(0, 1, 2, 4, 6),
  });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), asked, (lines, one) => {
      const entries = entriesOf(...lines);
      let wanted: string;
      try {
        wanted = answer(lines, one);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError); // the lines contradict each other
        return;
      }
      const decided = decideExpected(entries, one);
      // A permitted request that is forbidden by no line of its own: the sets and the lines agree on "either".
      expect(decided ?? 'either').toBe(wanted);
    }),
    { numRuns: 2000 },
  );
});

test('lines that contradict each other are named', () => {
  expect(() => expectedPolicy(space, entriesOf('c 1:3 rw', 'no character devices'))).toThrow(
    '"c 1:3 rw" of "web" and "no character devices" of "web" contradict each other',
  );
});

test.each([
  [null, 'f: the file: expected a mapping'],
  [{ version: 2, containers: {} }, 'f: version must be 1'],
  [{ version: 1 }, 'f: containers: expected a mapping'],
  [{ version: 1, containers: {}, extra: 1 }, 'f: "extra" is not known here'],
  [{ version: 1, containers: { web: 'c 1:3 rw' } }, 'f: "web": expected a list of lines'],
  [{ version: 1, containers: { web: ['c 1:3'] } }, 'f: "web"[0]: not understood: "c 1:3"'],
  [
    { version: 1, containers: { web: ['nothing else', 'c 9999:3 rw'] } },
    'f: "web"[1]: major number 9999 does not exist',
  ],
  [{ version: 1, containers: { web: ['c 1:3 x\u001b'] } }, 'f: "web"[0]: not an access: "x\\u001b"'],
  [{ version: 1, containers: { '': [] } }, 'f: "": not a name'],
  [{ version: 1, containers: new Map([[7, []]]) }, 'f: containers: keys are text; put 7 in quotes'],
])('%j is refused with its place', (document, message) => {
  expect(() => parseExpectations(document, 'f')).toThrow(message);
});

test.each([
  ['web', 'web', true],
  ['web', 'web2', false],
  ['job_*', 'job_7', true],
  ['job_*', 'job_7/step', false],
  ['cgroup:/slurm/**', 'cgroup:/slurm/uid/job', true],
  ['**/step', 'a/b/step', true],
  ['j?b', 'job', true],
  ['j?b', 'j/b', false],
  ['a.c', 'abc', false],
  ['*', '', true],
  ['', '', true],
])('pattern %s and name %s: %s', (pattern, name, matches) => {
  expect(matchesPattern(pattern, name)).toBe(matches);
});

test('many stars on a long name take no time', () => {
  const started = performance.now();
  expect(matchesPattern(`${'a*'.repeat(200)}b`, 'a'.repeat(4000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(5000);
});

import { expect, test } from 'vitest';
import { answerRequests, type Verdict } from '../../src/cli/requests.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { fakeIo } from './fake-io.js';

async function answer(input: string, chunk = 7): Promise<{ out: string; status: number; asked: DeviceRequest[] }> {
  const io = fakeIo();
  const asked: DeviceRequest[] = [];
  const bytes = Buffer.from(input, 'latin1');
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunk) yield await Promise.resolve(bytes.subarray(at, at + chunk));
  }
  const verdict = (request: DeviceRequest): Verdict => {
    asked.push(request);
    return request.major === 1 ? 'allow' : request.major === 2 ? 'undecided' : 'deny';
  };
  const status = await answerRequests(io, chunks(), verdict);
  return { out: io.stdout, status, asked };
}

test('each line comes out again with a verdict, in order, however the input is cut', async () => {
  const input = 'c\t1\t3\trw\n# note\n\nb\t8\t0\t-\nc\t1\t5\tmwr';
  for (const chunk of [1, 3, 1000]) {
    const { out, status } = await answer(input, chunk);
    expect(out).toBe('c\t1\t3\trw\tallow\n# note\n\nb\t8\t0\t-\tdeny\nc\t1\t5\tmwr\tallow\n');
    expect(status).toBe(0);
  }
});

test('the request is read as written: letters in any order, limits included', async () => {
  const { asked } = await answer('c\t4095\t1048575\twr\nb\t0\t0\t-\n');
  expect(asked).toEqual([
    { type: 'c', major: 4095, minor: 1048575, access: 6 },
    { type: 'b', major: 0, minor: 0, access: 0 },
  ]);
});

test.each([
  'c\t1\t3',
  'c\t1\t3\trw\textra',
  'a\t1\t3\trw',
  'c\t4096\t0\tr',
  'c\t0\t1048576\tr',
  'c\t-1\t0\tr',
  'c\t0x1\t0\tr',
  'c\t1.0\t0\tr',
  'c\t\t0\tr',
  'c\t1\t3\t',
  'c\t1\t3\trr',
  'c\t1\t3\trx',
  'c 1 3 rw',
  'c\t1\t3\trw ',
  'garbage',
])('%j is malformed; the others are still answered', async (line) => {
  const { out, status } = await answer(`${line}\nc\t1\t3\tr\n`);
  expect(out).toBe(`${line}\terror\nc\t1\t3\tr\tallow\n`);
  expect(status).toBe(2);
});

test('undecided alone is 3; malformed wins', async () => {
  expect((await answer('c\t2\t0\tr\n')).status).toBe(3);
  expect((await answer('c\t2\t0\tr\nx\n')).status).toBe(2);
});

test('DOS line ends stay, and bytes that are no UTF-8 pass through', async () => {
  const { out } = await answer('c\t1\t3\tr\r\n# \xff\xfe\n');
  expect(out).toBe('c\t1\t3\tr\tallow\r\n# \xff\xfe\n');
});

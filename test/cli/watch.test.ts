import { expect, test } from 'vitest';
import { ARMED, devpolicy } from './run.js';

test('watch needs a live host', async () => {
  const { status, stdout, stderr } = await devpolicy(['--snapshot', ARMED, 'watch']);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(
    /^devpolicy: watch looks at a live host, not at a snapshot\n {2}two snapshots: devpolicy diff/,
  );
});

test.each(['0', '-1', 'x', '1e3', '99999', ''])('--interval %j is refused', async (interval) => {
  const { status, stderr } = await devpolicy(['watch', `--interval=${interval}`]);
  expect(status).toBe(2);
  expect(stderr).toContain(`devpolicy: "${interval}" is no interval\n`);
});

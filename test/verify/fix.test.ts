import { describe, expect, test } from 'vitest';
import { fixesText } from '../../src/report/fix-text.js';
import type { ListCause } from '../../src/verify/causes/types.js';
import { fixesOfCause, fixesOfFinding } from '../../src/verify/fix.js';

const cause = (kind: ListCause['kind'], ...parts: ListCause['parts']): ListCause => ({
  kind,
  runtime: 'runc',
  version: '1.1.4',
  generators: ['1.1.4'],
  versionAgrees: true,
  parts,
  held: 3,
  recorded: 12,
  policy: 'strict',
  evidence: [],
});

describe('fixes of a cause', () => {
  test('the newest of the versions, compared as versions', () => {
    const fixes = fixesOfCause(
      cause(
        'runtime-list',
        { reason: 'no-dev-link', rules: ['c 1:3'], fixedIn: '1.1.5' },
        { reason: 'unknown-major', rules: ['c 188:*'], fixedIn: '1.2.0-rc1' },
      ),
    );
    expect(fixes).toEqual([{ kind: 'upgrade', runtime: 'runc', version: '1.2.0-rc1' }]);
  });
  test('what no version can tell systemd', () => {
    const fixes = fixesOfCause(cause('runtime-list', { reason: 'any-major', rules: ['c *:5'], fixedIn: null }));
    expect(fixes).toEqual([{ kind: 'name-majors' }]);
    expect(fixesText(fixes)).toMatch(/major numbers/);
  });
  test('none without a proven cause', () => {
    expect(fixesOfCause(cause('unknown', { reason: 'any-major', rules: [], fixedIn: null }))).toEqual([]);
  });
});

test('an LXC key is written out for the version the host has', () => {
  const evidence = { rules: [], witness: null, reasons: ['lxc.cgroup.devices.allow = c 195:* rwm'] };
  expect(fixesText(fixesOfFinding('DP204', evidence))).toBe(
    'write lxc.cgroup2.devices.allow = c 195:* rwm, then restart the container.',
  );
  expect(fixesOfFinding('DP204', { rules: [], witness: null })).toEqual([]);
});

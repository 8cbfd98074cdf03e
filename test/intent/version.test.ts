import { describe, expect, it } from 'vitest';
import { compareVersions, inRange, parseVersion, rangeText, systemdRelease } from '../../src/intent/version.js';

describe('versions as packages write them', () => {
  it.each([
    ['1.1.5+ds1-1+deb12u1', [1, 1, 5], null],
    ['1.0.0~rc93+ds1-5+deb11u5', [1, 0, 0], 93],
    ['1.0.0-rc10', [1, 0, 0], 10],
    ['v1.2.0-rc.1', [1, 2, 0], 1],
    ['1:6.0.4-4+deb13u4', [6, 0, 4], null],
    ['257.13-1~deb13u1', [257, 13], null],
    ['1.1.4 built from the release tag', [1, 1, 4], null],
    ['262~rc2', [262], 2],
  ])('%s', (text, numbers, candidate) => {
    expect(parseVersion(text)).toEqual({ numbers, candidate });
  });
  it.each(['', 'unknown', 'abc 1.2'])('no version: %s', (text) => {
    expect(parseVersion(text)).toBeNull();
  });
  it('a candidate is older than its release, missing numbers are 0', () => {
    const order = [
      '1.0.0-rc9',
      '1.0.0-rc10',
      '1.0.0-rc93',
      '1.0.0',
      '1.0.1',
      '1.1',
      '1.1.15',
      '1.2.0-rc.1',
      '1.2',
      '1.10',
    ].map((text) => parseVersion(text)!);
    for (let index = 1; index < order.length; index++)
      expect(compareVersions(order[index - 1]!, order[index]!)).toBeLessThan(0);
    expect(compareVersions(parseVersion('1.2')!, parseVersion('1.2.0')!)).toBe(0);
  });
  it('ranges are half open', () => {
    const within = (text: string): boolean => inRange(parseVersion(text)!, { from: '1.2.0-rc1', before: '1.2.4' });
    expect(['1.1.15', '1.2.0-rc.1', '1.2.0', '1.2.3', '1.2.4'].map(within)).toEqual([false, true, true, true, false]);
    expect(rangeText({ from: '1.2.0-rc1', before: '1.2.4' })).toBe('1.2.0-rc1 to before 1.2.4');
    expect([rangeText({}), rangeText({ from: '1.3' }), rangeText({ before: '1.3' })]).toEqual([
      'every version',
      'from 1.3',
      'before 1.3',
    ]);
    expect(() => inRange(parseVersion('1.0')!, { from: 'soon' })).toThrow(RangeError);
  });
  it('systemd’s release', () => {
    expect([systemdRelease('252.39-1~deb12u2'), systemdRelease('systemd')]).toEqual([252, null]);
  });
});

import { describe, expect, it } from 'vitest';
import { parseDeviceAllow } from '../../src/intent/device-allow.js';
import { fnmatch } from '../../src/intent/fnmatch.js';

describe('systemd: DeviceAllow=', () => {
  const cases: [string, string][] = [
    ['/dev/null', '{"kind":"path","path":"/dev/null"} 7'],
    ['/dev//dri/./card0/ rw', '{"kind":"path","path":"/dev/dri/card0"} 6'],
    ['/dev/null mr', '{"kind":"path","path":"/dev/null"} 3'],
    ['"/dev/with space" r', '{"kind":"path","path":"/dev/with space"} 2'],
    ['/dev/char/1:3 rwm', '{"kind":"number","type":"c","major":1,"minor":3} 7'],
    ['/dev/block/8:0 r', '{"kind":"number","type":"b","major":8,"minor":0} 2'],
    ['/dev/char/0x10:010 r', '{"kind":"number","type":"c","major":16,"minor":8} 2'],
    ['/dev/char/5000:0 r', '{"kind":"skipped","why":"no device number"} 2'],
    ['/dev/char/by-name r', '{"kind":"skipped","why":"no device number"} 2'],
    ['/run/systemd/inaccessible/chr rwm', '{"kind":"skipped","why":"outside /dev"} 7'],
    ['char-* m', '{"kind":"class","type":"c"} 1'],
    ['block-*', '{"kind":"class","type":"b"} 7'],
    ['char-136 rw', '{"kind":"major","type":"c","major":136} 6'],
    ['char-pts rwm', '{"kind":"pattern","type":"c","pattern":"pts"} 7'],
    ['char-5000 r', '{"kind":"pattern","type":"c","pattern":"5000"} 2'],
    ['block-/dev/x r', '{"kind":"pattern","type":"b","pattern":"/dev/x"} 2'],
    ['/dev/tty%i rw', '{"kind":"path","path":"/dev/ttyS0"} 6'],
    ['/dev/%I rw', '{"kind":"path","path":"/dev/S0"} 6'],
    ['/dev/%% rw', '{"kind":"path","path":"/dev/%"} 6'],
    ['/dev/%H rw', '{"kind":"unknown","why":"specifier %H"} 6'],
    ['/dev/null rwx', 'error'],
    ['/dev/../etc/passwd r', 'error'],
    ['/etc/passwd r', 'error'],
    ['null r', 'error'],
    ['"/dev/null r', 'error'],
  ];
  it.each(cases)('%s', (text, wanted) => {
    const parsed = parseDeviceAllow(text, 'getty@S0.service');
    expect('error' in parsed ? 'error' : `${JSON.stringify(parsed.node)} ${String(parsed.access)}`).toBe(wanted);
  });
});

describe('fnmatch(3)', () => {
  it.each([
    ['*', '', true],
    ['*', '/dev/x', true],
    ['a*b*c', 'a/b.b-c', true],
    ['a*b*c', 'acb', false],
    ['?', '', false],
    ['?', '/', true],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[]]', ']', true],
    ['[a', '[a', true],
    ['[[:digit:]]*', '9a', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['[\\]]', ']', true],
    ['tty[A-Z]?', 'ttyS0', true],
    ['pts', 'pts2', false],
  ])('%s %s', (pattern, text, wanted) => {
    expect(fnmatch(pattern, text)).toBe(wanted);
  });
  it('does not blow up on many stars', () => {
    expect(fnmatch(`${'*a'.repeat(40)}b`, 'a'.repeat(400))).toBe(false);
  });
});

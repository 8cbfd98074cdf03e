import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.js';
import {
  accessesTouching,
  accessesWithin,
  accessNames,
  accessSetFromNames,
  formatAccessSet,
  lettersOf,
  parseAccessSet,
} from '../../src/policy/access.js';
import {
  formatAccess,
  formatRequest,
  formatRule,
  parseAccess,
  parseDevice,
  parseRule,
} from '../../src/policy/rule-text.js';

describe('access sets', () => {
  it('mean every subset of the letters in a policy, F_OK included', () => {
    expect(accessNames(parseAccessSet('rw', 'policy')!)).toEqual(['-', 'r', 'w', 'rw']);
    expect(accessNames(parseAccessSet('m', 'policy')!)).toEqual(['-', 'm']);
    expect(accessNames(parseAccessSet('-', 'policy')!)).toEqual(['-']);
    expect(accessNames(parseAccessSet('{r,w}', 'policy')!)).toEqual(['r', 'w']);
  });

  it('mean the very accesses in a difference', () => {
    expect(accessNames(parseAccessSet('rw', 'difference')!)).toEqual(['r', 'w', 'rw']);
    expect(accessNames(parseAccessSet('rw-', 'difference')!)).toEqual(['-', 'r', 'w', 'rw']);
    expect(accessNames(parseAccessSet('{rw}', 'difference')!)).toEqual(['rw']);
  });

  it('have one text each, and every text is read back, for all 31 sets and both notations', () => {
    for (const notation of ['policy', 'difference'] as const) {
      const texts = new Set<string>();
      for (let set = 1; set < 32; set++) {
        const text = formatAccessSet(set, notation);
        texts.add(text);
        expect(parseAccessSet(text, notation)).toBe(set);
        expect(accessSetFromNames(accessNames(set))).toBe(set);
      }
      expect(texts.size).toBe(31);
    }
  });

  it('are what a mask covers or touches', () => {
    expect(accessNames(accessesWithin(6))).toEqual(['-', 'r', 'w', 'rw']);
    expect(accessNames(accessesTouching(4))).toEqual(['w', 'rw']);
    expect(accessNames(accessesTouching(1))).toEqual(['m']);
    expect(lettersOf(accessesWithin(5))).toBe(5);
    expect(lettersOf(accessSetFromNames(['r', 'w']))).toBeNull();
  });

  it.each(['', 'rr', 'x', 'rwx', '{}', '{r,r}', '{mr}', '{r', 'r,w', '--', 'RW'])('%j is none', (text) => {
    expect(parseAccessSet(text, 'policy')).toBeNull();
  });
});

describe('rule text', () => {
  it.each([
    ['c 1:3 rwm', 'c 1:3 rwm'],
    ['  b  *:*\tmwr ', 'b *:* rwm'],
    ['c 226:0-127 rw', 'c 226:0-127 rw'],
    ['c 0-4095:0-1048575 m', 'c *:* m'],
    ['c 10:*&0x1=0x1 r', 'c 10:*&0x1=0x1 r'],
    ['c 1:3 {-,r,w}', 'c 1:3 {-,r,w}'],
  ])('reads %j', (text, printed) => {
    expect(formatRule(parseRule(text))).toBe(printed);
  });

  it.each([
    'a *:* rwm',
    'c 1:3',
    'c 1 rwm',
    'c 4096:0 r',
    'c 1:1048576 r',
    'c 5-3:0 r',
    'c -1:0 r',
    'c 1:3 rwm extra',
    'c 1:*&0x0=0x0 r',
    'c 1:*&0x1=0x2 r',
    'c 4096-4097:0 r',
    'c 99999999999999999999:0 r',
    'p 1:3 r',
    `c 1:3 ${'r'.repeat(100000)}`,
    '\u001b[2Jc 1:3 r',
  ])('refuses %j in one printable line', (text) => {
    let message = '';
    try {
      parseRule(text);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      message = (error as InputError).message;
    }
    expect(message).toMatch(/^[\u0020-\u007e]{5,200}$/);
  });

  it('never throws anything but InputError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }).map((bytes) => String.fromCharCode(...bytes)),
          fc.stringMatching(/^[bc] [0-9*:-]{1,12} [rwm{},-]{1,5}$/),
        ),
        (text) => {
          for (const parse of [parseRule, parseAccess, parseDevice]) {
            try {
              parse(text);
            } catch (error) {
              expect(error).toBeInstanceOf(InputError);
            }
          }
        },
      ),
    );
  });
});

describe('requests on the command line', () => {
  it.each([
    ['rwm', 7],
    ['mr', 3],
    ['w', 4],
    ['-', 0],
  ])('access %j is %j', (text, access) => {
    expect(parseAccess(text)).toBe(access);
    expect(parseAccess(formatAccess(access))).toBe(access);
  });

  it.each(['', 'q', 'rr', '{r}', 'r-'])('access %j is refused', (text) => {
    expect(() => parseAccess(text)).toThrow(InputError);
  });

  it('reads devices, leaves paths alone, and refuses numbers that do not exist', () => {
    expect(parseDevice('c:1:3')).toEqual({ type: 'c', major: 1, minor: 3 });
    expect(parseDevice('b 8:1048575')).toEqual({ type: 'b', major: 8, minor: 1048575 });
    expect(parseDevice('/dev/null')).toBeNull();
    expect(parseDevice('c:x:3')).toBeNull();
    expect(() => parseDevice('c:4096:0')).toThrow(/major number 4096 does not exist: the largest is 4095/);
    expect(() => parseDevice('b:8:1048576')).toThrow(InputError);
    expect(formatRequest({ type: 'c', access: 6, major: 1, minor: 3 })).toBe('c 1:3 rw');
  });
});

import { describe, expect, it } from 'vitest';
import { attributeEffective, expectedEffective, type Level } from '../../src/effective/compose-levels.js';

const [NONE, OVERRIDE, MULTI] = [0, 1, 2];
const level = (cgroup: string, attachFlags: number, ...programIds: number[]): Level => ({
  cgroup,
  attachFlags,
  programIds,
  failed: null,
});

// Hierarchies and run arrays measured on Linux 5.10 to 7.2; leaf first.
describe('the run array that follows from the levels', () => {
  it.each<[string, Level[], number[]]>([
    ['a child with nothing has its parent’s', [level('/a/b', NONE), level('/a', NONE, 1)], [1]],
    [
      'above the nearest only those that allow several',
      [level('/a/b/c', OVERRIDE, 3), level('/a/b', OVERRIDE, 2), level('/a', MULTI, 1)],
      [3, 1],
    ],
    ['a MULTI child escapes an OVERRIDE parent', [level('/a/c', MULTI, 2), level('/a', OVERRIDE, 1)], [2]],
    ['a child of its own with a MULTI parent has both', [level('/a/b', NONE, 2), level('/a', MULTI, 1)], [2, 1]],
    ['a NONE parent attached later does not apply', [level('/a/b', MULTI, 2), level('/a', NONE, 1)], [2]],
    ['list order within a level', [level('/a', MULTI, 5, 4), level('/', MULTI, 9, 1)], [5, 4, 9, 1]],
    ['nothing anywhere', [level('/a', NONE), level('/', NONE)], []],
  ])('%s', (_name, levels, expected) => {
    expect(expectedEffective(levels)).toEqual(expected);
  });
});

describe('attributing the kernel’s run array', () => {
  const levels = [level('/a/b', MULTI, 3, 4), level('/a', MULTI, 2, 3), level('/', MULTI, 1)];
  it('names the level of each, also of one program at two levels', () => {
    expect(attributeEffective([3, 4, 2, 3, 1], levels)).toEqual({
      matches: 'exact',
      entries: [
        { programId: 3, cgroup: '/a/b' },
        { programId: 4, cgroup: '/a/b' },
        { programId: 2, cgroup: '/a' },
        { programId: 3, cgroup: '/a' },
        { programId: 1, cgroup: '/' },
      ],
    });
  });
  it('sees BPF_F_PREORDER, which no query tells: a prefix with the root-most level first', () => {
    const attributed = attributeEffective([1, 2, 3, 4, 3], levels);
    expect(attributed.matches).toBe('preorder');
    expect(attributed.entries.map(({ cgroup }) => cgroup)).toEqual(['/', '/a', '/a/b', '/a/b', '/a']);
    expect(attributeEffective([2, 3, 4, 3, 1], levels).matches).toBe('preorder');
    // Only the first was attached so: nothing above it runs before it.
    expect(attributeEffective([4, 3, 2, 3, 1], levels).matches).toBe('preorder');
    // The same number of programs, but one twice: none is counted twice.
    expect(attributeEffective([3, 3, 3, 2, 1], levels).matches).toBe('changed');
  });
  it('says when it cannot be explained, and attributes what it can', () => {
    const missing = attributeEffective([3, 4, 2, 1], levels);
    expect(missing.matches).toBe('changed');
    expect(missing.entries.map(({ cgroup }) => cgroup)).toEqual(['/a/b', '/a/b', '/a', '/']);
    const foreign = attributeEffective([3, 4, 2, 3, 77], levels);
    expect(foreign).toMatchObject({ matches: 'changed' });
    expect(foreign.entries[4]).toEqual({ programId: 77, cgroup: null });
  });
});

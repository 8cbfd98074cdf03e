/** One request through a list in which some entries are policies, or cannot be read. */
import { describe, expect, it } from 'vitest';
import { decide, type PartitionLookup } from '../../src/effective/compose-decide.js';
import type { EffectiveEntry } from '../../src/effective/compose.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import type { ProgramRecord } from '../../src/snapshot/types.js';
import { EXIT, mov } from '../ebpf/bytes.js';
import { environmentWith, programOf } from '../symbolic/agreement.js';

const REQUEST: DeviceRequest = { type: 'c', access: 2, major: 1, minor: 3 };
const NEW = '6.12.0';
const OLD = '5.10.0';

function returning(value: 0 | 1): EffectiveEntry {
  const environment = environmentWith({ kernelRelease: NEW });
  return {
    kind: 'program',
    id: 7,
    record: {} as ProgramRecord,
    program: programOf([mov(0, value), EXIT]),
    environment,
  };
}
const policy: EffectiveEntry = { kind: 'partition', partition: { allowed: 0, denied: 0, undecided: [] } };
const unreadable: EffectiveEntry = { kind: 'unreadable', id: 2, record: null, reason: 'unreadable' };
const answering =
  (verdict: 'allow' | 'deny' | 'undecided'): PartitionLookup =>
  () => ({ verdict, reason: 'budget' });

describe('a policy in a list', () => {
  it('denies without a deciding program', () => {
    const { verdict, errno, deciding, results } = decide([policy, returning(1)], REQUEST, NEW, {}, answering('deny'));
    expect({ verdict, errno, deciding }).toEqual({ verdict: 'deny', errno: 1, deciding: null });
    expect(results.map((result) => result?.outcome ?? null)).toEqual([null, 'return']);
  });
  it('allows what the programs allow', () => {
    expect(decide([policy, returning(1)], REQUEST, NEW, {}, answering('allow')).verdict).toBe('allow');
    expect(decide([policy, returning(0)], REQUEST, NEW, {}, answering('allow'))).toMatchObject({
      verdict: 'deny',
      deciding: { index: 1, programId: 7 },
    });
  });
  it('is undecided with its reason, unless something else denies', () => {
    const open = decide([policy], REQUEST, NEW, {}, answering('undecided'));
    expect([open.verdict, open.reason, open.errno]).toEqual(['undecided', 'budget', null]);
    for (const release of [NEW, OLD]) {
      expect(decide([returning(0), policy], REQUEST, release, {}, answering('undecided'))).toMatchObject({
        verdict: 'deny',
        errno: 1,
      });
      // It may have set another errno before.
      expect(decide([policy, returning(0)], REQUEST, release, {}, answering('undecided'))).toMatchObject({
        verdict: 'deny',
        errno: null,
      });
    }
  });
});

describe('a program that cannot be read', () => {
  it('may undo what was denied before it, where the kernel has bpf_set_retval', () => {
    expect(decide([returning(0), unreadable], REQUEST, NEW)).toMatchObject({
      verdict: 'undecided',
      reason: 'unreadable',
    });
    expect(decide([returning(0), unreadable], REQUEST, OLD)).toMatchObject({ verdict: 'deny', errno: 1 });
  });
  it('leaves open only the errno of a denial after it', () => {
    expect(decide([unreadable, returning(0)], REQUEST, NEW)).toMatchObject({
      verdict: 'deny',
      errno: null,
      reason: null,
    });
  });
  it('leaves a denial after it standing when another program allows', () => {
    expect(decide([unreadable, returning(0), returning(1)], REQUEST, NEW)).toMatchObject({
      verdict: 'deny',
      errno: null,
    });
  });
});

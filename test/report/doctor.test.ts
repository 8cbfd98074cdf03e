import { expect, test } from 'vitest';
import { emptySnapshot } from '../../src/collect/empty.js';
import { diagnose, type DoctorCheck } from '../../src/report/doctor.js';
import type { Snapshot } from '../../src/snapshot/types.js';

const check = (snapshot: Snapshot, name: string): DoctorCheck | undefined =>
  diagnose(snapshot, []).checks.find((each) => each.name === name);

test('where no cgroup was asked, nothing is said about the query', () => {
  const snapshot = emptySnapshot('little');
  snapshot.host.cgroupLayout = 'none';
  expect(check(snapshot, 'query')).toBeUndefined();
  expect(diagnose(snapshot, []).ready).toBe('no');
});

test('a refused query is named with its error, and with what may refuse', () => {
  const failure = { failed: 'bpf(BPF_PROG_QUERY)', code: 'EPERM' };
  const snapshot = emptySnapshot('little');
  snapshot.host.cgroupLayout = 'unified';
  snapshot.cgroups = [{ path: '/', id: 1, attached: failure, effective: failure }];
  expect(check(snapshot, 'query')).toMatchObject({
    state: 'bad',
    text: 'listing device programs fails: bpf(BPF_PROG_QUERY): EPERM',
  });
  expect(check(snapshot, 'query')?.remedy).toContain('initial user namespace');
  expect(diagnose(snapshot, []).ready).toBe('no');
});

/** What a kernel's release says of it. */
import { describe, expect, it } from 'vitest';
import { leavesUpperHalfOpen } from '../../src/ebpf/direct-map-call.js';
import { mayHaveSetRetval } from '../../src/ebpf/interpreter/helper-calls.js';
import { hasSetRetval, isAtLeast, returnsShortInt } from '../../src/symbolic/kernel-release.js';

const RELEASES = [
  '4.19.0',
  '5.9.16',
  '5.10.0-32-amd64',
  '5.14.0-427.13.1.el9_4.x86_64',
  '5.14.21-150500.55.65-default',
  '5.15.0-122-generic',
  '5.17.15',
  '5.18.0-rc1',
  '6.3.13',
  '6.4.0-150600.21-default',
  '6.12.107+deb13-amd64',
  '7.0.0',
  '10.2',
  'unknown',
  '',
  null,
] as const;

it.each([
  ['5.18.0', true],
  ['5.19', true],
  ['5.17.99', false],
  ['6.0.0', true],
  ['4.99.0', false],
  ['15.1.0', true],
  ['5.180.0', true],
  ['6.12.107+deb13-amd64', true],
  ['v5.18', null],
  ['5', null],
  ['', null],
  [null, null],
])('%s is at least 5.18: %s', (release, expected) => {
  expect(isAtLeast(release, 5, 18)).toBe(expected);
});

it.each([
  ['bpf_iter_num_new', true, true],
  ['bpf_iter_num_next', false, false],
  ['array_map_update_elem', true, false],
  ['htab_map_delete_elem', true, false],
  ['queue_stack_map_push_elem', true, false],
  ['queue_map_pop_elem', true, false],
  ['stack_map_peek_elem', true, false],
  ['bpf_for_each_array_elem', true, false],
  ['bpf_for_each_hash_elem', true, false],
  ['bpf_for_each_map_elem', true, false],
  ['bpf_map_update_elem', false, false],
  ['bpf_map_push_elem', false, false],
  ['htab_map_lookup_elem', false, false],
  ['__htab_map_lookup_elem', false, false],
  ['bpf_get_prandom_u32', false, false],
  ['made_up_update_element', false, false],
  ['bpf_for_each_made_up', false, false],
])('%s leaves the upper half of a negative result open, before 6.4: %s, since: %s', (name, before, since) => {
  for (const release of RELEASES) {
    const expected = isAtLeast(release, 6, 4) === true ? since : before;
    expect([name, release, returnsShortInt(name, release)]).toEqual([name, release, expected]);
  }
});

describe('evaluator and interpreter', () => {
  it.each(RELEASES)('say the same of %s', (release) => {
    expect(hasSetRetval(release)).toBe(mayHaveSetRetval(release));
    for (const name of ['bpf_iter_num_new', 'htab_map_update_elem', 'bpf_map_update_elem', 'bpf_for_each_hash_elem'])
      expect(returnsShortInt(name, release)).toBe(leavesUpperHalfOpen(name, release));
  });
  it.each([
    ['5.18.0', true],
    ['5.17.15', false],
    ['5.15.0-122-generic', false],
    ['4.18.0-553.el8_10.x86_64', true],
    ['5.14.0-427.13.1.el9_4.x86_64', true],
    ['5.14.21-150500.55.65-default', true],
    ['5.14.21-1-amd64', false],
    ['unknown', true],
    [null, true],
  ])('bpf_set_retval on %s: %s', (release, has) => {
    expect(hasSetRetval(release)).toBe(has);
  });
});

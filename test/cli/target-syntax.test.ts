import { expect, test } from 'vitest';
import { parseTarget } from '../../src/cli/target-syntax.js';
import { InputError } from '../../src/errors.js';

test.each([
  ['web', { kind: 'name', name: 'web', engine: null }],
  ['docker:web', { kind: 'name', name: 'web', engine: 'docker' }],
  ['prod/web-0/nginx', { kind: 'pod', namespace: 'prod', pod: 'web-0', container: 'nginx' }],
  ['nginx.service', { kind: 'unit', name: 'nginx.service' }],
  ['docker-3f2a.scope', { kind: 'unit', name: 'docker-3f2a.scope' }],
  ['pid:1234', { kind: 'pid', pid: 1234 }],
  ['cgroup:/a//b/./c/', { kind: 'cgroup', path: '/a/b/c' }],
  ['cgroup:/', { kind: 'cgroup', path: '/' }],
  ['state:./state.json', { kind: 'state', file: './state.json' }],
  ['config:/x/config.json', { kind: 'config', file: '/x/config.json' }],
  ['program:dump.xlated', { kind: 'program', file: 'dump.xlated' }],
  [
    'host.json#web',
    { kind: 'snapshot', file: 'host.json', target: { kind: 'name', name: 'web', engine: null }, text: 'web' },
  ],
  [
    'a#b.json#docker:web',
    { kind: 'snapshot', file: 'a#b.json', target: { kind: 'name', name: 'web', engine: 'docker' }, text: 'docker:web' },
  ],
  ['host.json#', { kind: 'snapshot', file: 'host.json', target: null, text: '' }],
  ['./case', { kind: 'snapshot', file: './case', target: null, text: '' }],
  ['/srv/case', { kind: 'snapshot', file: '/srv/case', target: null, text: '' }],
  [
    '../case#web',
    { kind: 'snapshot', file: '../case', target: { kind: 'name', name: 'web', engine: null }, text: 'web' },
  ],
  ['./host.json', { kind: 'snapshot', file: './host.json', target: null, text: '' }],
])('%s', (text, expected) => {
  expect(parseTarget(text)).toEqual(expected);
});

test('a path from the root that is no file is the name of a cgroup', () => {
  const isFile = (path: string): boolean => path === '/srv/case';
  expect(parseTarget('/srv/case', isFile).kind).toBe('snapshot');
  expect(parseTarget('/lab/job_1', isFile)).toEqual({ kind: 'name', name: '/lab/job_1', engine: null });
  expect(parseTarget('host.json#/srv/case', isFile)).toMatchObject({
    file: 'host.json',
    target: { kind: 'name', name: '/srv/case' },
  });
});

test.each([
  '',
  'pid:0',
  'pid:12x',
  'pid:99999999999',
  'cgroup:a/b',
  'cgroup:/a/../b',
  'docker:',
  'program:',
  'x'.repeat(9000),
])('%j is no target', (text) => {
  expect(() => parseTarget(text)).toThrow(InputError);
});

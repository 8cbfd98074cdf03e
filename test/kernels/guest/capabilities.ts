/** Which capabilities reading takes on this kernel, and that what is missing is said instead of taken for "no programs". */
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Row, assemble } from '../../kernel/assemble.js';
import { projectRoot } from '../../kernel/loader-process.js';
import { pathOf } from './reading.js';
import type { Restricted } from './restricted.js';
import type { Guest, Suite } from './suite.js';

const EPERM = 1;
const KPTR = '/proc/sys/kernel/kptr_restrict';
const EXIT: Row = [0x95, 0, 0, 0];
/** `return bpf_get_current_uid_gid() == 0` as helper 15: a call whose immediate shows only to those who may see addresses. */
const BY_CALLER = assemble([0x85, 0, 0, 15], [0x15, 0, 2, 0], [0xb7, 0, 0, 0], EXIT, [0xb7, 0, 0, 1], EXIT);

function withOnly(capabilities: readonly string[], words: readonly string[]): Restricted {
  const granted = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  const script = path.join(projectRoot, 'kernels/restricted.mjs');
  const privileges = [
    '--reuid=1000',
    '--regid=1000',
    '--clear-groups',
    `--inh-caps=${granted}`,
    `--ambient-caps=${granted}`,
    `--bounding-set=${granted}`,
  ];
  return JSON.parse(
    execFileSync('setpriv', [...privileges, 'node', script, ...words], { encoding: 'utf8' }),
  ) as Restricted;
}

async function run({ referee, check, fact }: Guest): Promise<void> {
  const cgroup = await referee.createCgroup('capabilities');
  const program = await referee.load(BY_CALLER);
  await referee.attach(cgroup, program);
  const words = [cgroup.path, pathOf(referee, cgroup), String(program.id)];
  const before = readFileSync(KPTR, 'utf8');
  writeFileSync(KPTR, '1');

  await check('none: nothing can be read, and that is said', () => {
    const { query, nextId, programFd, attached, program: read } = withOnly([], words);
    assert.deepEqual(
      { query, nextId, programFd, attached, read },
      { query: EPERM, nextId: EPERM, programFd: EPERM, attached: 'EPERM', read: 'missing' },
    );
    return Promise.resolve();
  });
  await check('CAP_NET_ADMIN: the list at most', () => {
    const { query, nextId, programFd, attached, program: read } = withOnly(['net_admin'], words);
    assert.deepEqual([nextId, programFd], [EPERM, EPERM]);
    assert([0, EPERM].includes(query));
    assert.deepEqual([attached, read], query === 0 ? [String(program.id), 'unreadable'] : ['EPERM', 'missing']);
    fact('PROG_QUERY with CAP_NET_ADMIN alone', query === 0 ? 'yes' : 'EPERM');
    return Promise.resolve();
  });
  await check('CAP_BPF and CAP_NET_ADMIN: no ids', () => {
    const { query, nextId, programFd } = withOnly(['net_admin', 'bpf'], words);
    assert.deepEqual([query, nextId, programFd], [0, EPERM, EPERM]);
    return Promise.resolve();
  });
  await check('CAP_SYS_ADMIN: ids and bytes, the list by kernel', () => {
    const { query, nextId, programFd, attached, program: read } = withOnly(['sys_admin'], words);
    assert.deepEqual([nextId, programFd], [0, 0]);
    assert([0, EPERM].includes(query));
    assert.deepEqual([attached, read], query === 0 ? [String(program.id), 'read'] : ['EPERM', 'missing']);
    fact('PROG_QUERY with CAP_SYS_ADMIN alone', query === 0 ? 'yes' : 'EPERM');
    return Promise.resolve();
  });
  await check('CAP_SYS_ADMIN and CAP_NET_ADMIN: everything but the names of helpers', () => {
    const { query, attached, program: read, helpers } = withOnly(['sys_admin', 'net_admin'], words);
    assert.deepEqual([query, attached, read, helpers], [0, String(program.id), 'read', 0]);
    return Promise.resolve();
  });
  await check('and CAP_SYSLOG: the names too', () => {
    const { attached, program: read, helpers } = withOnly(['sys_admin', 'net_admin', 'syslog'], words);
    assert.deepEqual([attached, read, helpers], [String(program.id), 'read', 1]);
    return Promise.resolve();
  });
  writeFileSync(KPTR, before);
  await referee.removeCgroup(cgroup);
}

export const capabilities: Suite = { name: 'capabilities', run };

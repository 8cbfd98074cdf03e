/** Every failure says errno, name and call; what may not be seen is never taken for an empty program. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KernelError } from '../../../src/errors.js';
import { assemble } from '../assemble.js';
import { Referee } from '../referee.js';
import { EXIT, addonPath, binding, childScript, constant, openDescriptors, withSysctl } from './addon.js';

let referee: Referee;
let before = 0;
beforeAll(async () => {
  referee = await Referee.start();
  before = openDescriptors(referee.mount);
});
afterAll(async () => {
  expect(openDescriptors(referee.mount)).toBe(before);
  await referee.stop();
});

function failureOf(call: () => unknown): { errno: number; code: string; syscall: string } {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(KernelError);
    const { errno, code, syscall } = error as KernelError;
    return { errno, code, syscall };
  }
  throw new Error('the call did not fail');
}
const QUERY = 'bpf(BPF_PROG_QUERY)';

/**
 * Mount options of cgroup v1 hierarchies, one of which any host has: those that exist, which every cgroup namespace may mount, and a named one without
 * controllers, which only the initial namespace may make (cgroup1_root_to_use() of kernel/cgroup/cgroup-v1.c); the kernel frees it when it is unmounted.
 */
function v1Hierarchies(): string[] {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').split('\n');
  const existing = lines.flatMap((line) => /^[1-9]\d*:([^:]+):/.exec(line)?.[1] ?? []);
  return [...existing, 'none,name=devpolicy-test'];
}
const INFO = 'bpf(BPF_OBJ_GET_INFO_BY_FD)';

describe('queryPrograms', () => {
  it('EBADF: no descriptor, a directory that is no cgroup, a file inside a cgroup directory', () => {
    const failure = { errno: 9, code: 'EBADF', syscall: QUERY };
    for (const effective of [false, true]) {
      expect(failureOf(() => binding.queryPrograms(1_000_000, effective))).toEqual(failure);
      const fd = binding.openDirectory(tmpdir());
      expect(failureOf(() => binding.queryPrograms(fd, effective))).toEqual(failure);
      binding.close(fd);
    }
  });

  it('EBADF: a cgroup v1 directory', (context) => {
    const v1 = mkdtempSync(join(tmpdir(), 'devpolicy-v1-'));
    const refusals: string[] = [];
    try {
      const mounted = v1Hierarchies().some((options) => {
        const { status, stderr } = spawnSync('mount', ['-t', 'cgroup', '-o', options, 'none', v1], {
          encoding: 'utf8',
        });
        if (status !== 0) refusals.push(`${options}: ${stderr.trim()}`);
        return status === 0;
      });
      if (!mounted) context.skip(`no cgroup v1 hierarchy can be mounted here: ${refusals.join('; ')}`);
      const fd = binding.openDirectory(v1);
      expect(failureOf(() => binding.queryPrograms(fd, false)).code).toBe('EBADF');
      binding.close(fd);
    } finally {
      spawnSync('umount', [v1]);
      rmdirSync(v1);
    }
  });

  it('ENOENT: the cgroup was removed after it was opened', async () => {
    const cgroup = await referee.createCgroup('native-removed');
    const fd = binding.openDirectory(cgroup.path);
    await referee.removeCgroup(cgroup);
    const failure = { errno: 2, code: 'ENOENT', syscall: QUERY };
    expect(failureOf(() => binding.queryPrograms(fd, false))).toEqual(failure);
    expect(failureOf(() => binding.queryPrograms(fd, true))).toEqual(failure);
    binding.close(fd);
  });
});

describe('openDirectory', () => {
  it('follows no link and opens no file', () => {
    const directory = mkdtempSync(join(tmpdir(), 'devpolicy-native-'));
    mkdirSync(join(directory, 'real'));
    symlinkSync('real', join(directory, 'link'));
    writeFileSync(join(directory, 'file'), '');
    const failure = (name: string): string => failureOf(() => binding.openDirectory(join(directory, name))).code;
    expect(failure('link')).toBe('ENOTDIR');
    expect(failure('file')).toBe('ENOTDIR');
    expect(failure('missing')).toBe('ENOENT');
    expect(failure('x'.repeat(300))).toBe('ENAMETOOLONG');
    rmSync(directory, { recursive: true });
  });
});

describe('ids and descriptors', () => {
  it('ENOENT for ids that are gone, null at the end of a walk', async () => {
    const program = await referee.load(constant(1));
    await referee.close(program);
    for (const id of [0, 0xffffffff]) {
      expect(failureOf(() => binding.getProgramFd(id)).code).toBe('ENOENT');
      expect(failureOf(() => binding.getMapFd(id)).code).toBe('ENOENT');
      expect(failureOf(() => binding.getLinkFd(id)).code).toBe('ENOENT');
    }
    expect(binding.nextProgramId(0x7ffffffe)).toBeNull();
    expect(binding.nextLinkId(0x7ffffffe)).toBeNull();
  });

  it('a descriptor of another kind is refused', () => {
    const fd = binding.openDirectory('/');
    for (const call of [() => binding.programInfo(fd), () => binding.mapInfo(fd), () => binding.linkInfo(fd)]) {
      expect(failureOf(call)).toMatchObject({ code: 'EBADFD', syscall: INFO });
    }
    binding.close(fd);
    expect(failureOf(() => binding.mapLookup(1_000_000, new Uint8Array(4))).syscall).toBe(INFO);
    expect(
      failureOf(() => {
        binding.close(1_000_000);
      }),
    ).toEqual({ errno: 9, code: 'EBADF', syscall: 'close' });
  });
});

/** Runs a scenario of child.mjs under setpriv(1) with these capabilities only. */
function withCapabilities(
  capabilities: string[],
  scenario: string[],
  stdio: (number | 'pipe' | 'ignore')[] = [],
): Record<string, never> {
  const list = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  const options = ['--bounding-set', list, '--inh-caps', list, '--ambient-caps', '-all'];
  const child = spawnSync('setpriv', [...options, process.execPath, childScript, addonPath, ...scenario], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', ...stdio],
  });
  if (child.status !== 0) throw new Error(`the child failed: ${child.error?.message ?? ''}${child.stderr}`);
  return JSON.parse(child.stdout) as Record<string, never>;
}

describe('without the capabilities', () => {
  it('every call fails with EPERM and its own name; nothing looks empty', async () => {
    const program = await referee.load(constant(1));
    const outcomes = withCapabilities([], ['every-call', referee.mount, String(program.id)]);
    const refused = (syscall: string): object => ({ errno: 1, code: 'EPERM', syscall: `bpf(${syscall})` });
    expect(outcomes).toEqual({
      queryAttached: refused('BPF_PROG_QUERY'),
      queryEffective: refused('BPF_PROG_QUERY'),
      getProgramFd: refused('BPF_PROG_GET_FD_BY_ID'),
      getMapFd: refused('BPF_MAP_GET_FD_BY_ID'),
      getLinkFd: refused('BPF_LINK_GET_FD_BY_ID'),
      nextProgramId: refused('BPF_PROG_GET_NEXT_ID'),
      nextLinkId: refused('BPF_LINK_GET_NEXT_ID'),
    });
  });

  it('CAP_NET_ADMIN alone may list but not open', async () => {
    const program = await referee.load(constant(1));
    const outcomes = withCapabilities(['net_admin'], ['every-call', referee.mount, String(program.id)]);
    expect(outcomes['queryAttached']).toHaveProperty('result');
    expect(outcomes['getProgramFd']).toMatchObject({ code: 'EPERM' });
  });
});

describe('unreadable programs', () => {
  it('length 0 (no CAP_BPF) is not an empty program', async () => {
    const program = await referee.load(constant(1), { name: 'seen_by_name' });
    const fd = binding.getProgramFd(program.id);
    const { result } = withCapabilities([], ['inherited-info'], [fd]);
    binding.close(fd);
    expect(result).toEqual({ xlatedLength: 0, readable: false, mapIds: [], name: 'seen_by_name' });
  });

  it('a nulled pointer (blinded constants, no CAP_SYSLOG) is not an empty program', async (context) => {
    if (readFileSync('/proc/sys/net/core/bpf_jit_enable', 'utf8').trim() === '0')
      context.skip('the JIT is off: no blinding');
    const blinded = await withSysctl('/proc/sys/net/core/bpf_jit_harden', '2', () =>
      referee.load(assemble([0xb7, 0, 0, 0x123456], [0x57, 0, 0, 1], EXIT)),
    );
    const child = (): unknown => withCapabilities(['sys_admin', 'bpf'], ['info-by-id', String(blinded.id)])['result'];
    const result = await withSysctl('/proc/sys/kernel/kptr_restrict', '1', () => Promise.resolve(child()));
    expect(result).toMatchObject({ readable: false });
    expect((result as { xlatedLength: number }).xlatedLength).toBeGreaterThan(0);
    // With CAP_SYSLOG the same program can be read: blinded, that is longer than what was loaded.
    const fd = binding.getProgramFd(blinded.id);
    expect(binding.programInfo(fd).xlated?.length).toBeGreaterThan(24);
    binding.close(fd);
  });
});

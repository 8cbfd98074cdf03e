/** No descriptor is lost, no buffer overrun, and no environment that ends at a bad moment takes the process down. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Referee, type Cgroup } from '../referee.js';
import { addonPath, binding, childScript, constant, openDescriptors } from './addon.js';

let referee: Referee;
let scratch: Cgroup;
beforeAll(async () => {
  referee = await Referee.start();
  scratch = await referee.createCgroup('native-lifetime');
  for (let i = 0; i < 200; i += 1) mkdirSync(`${scratch.path}/c${String(i)}`);
});
afterAll(async () => {
  for (let i = 0; i < 200; i += 1) rmdirSync(`${scratch.path}/c${String(i)}`);
  await referee.removeCgroup(scratch);
  await referee.stop();
});

const descriptorCount = (): number => readdirSync('/proc/self/fd').length;
function ignoringFailure(call: () => unknown): void {
  try {
    call();
  } catch {
    // only what it leaves open is of interest
  }
}

describe('descriptors', () => {
  it('10,000 reads leave none open', async () => {
    const program = await referee.load(constant(1));
    await referee.attach(scratch, program);
    const map = await referee.createMap('hash', 4, 4, 4);
    const link = await referee.link(scratch, program);
    const linkId = link.id !== 0 ? link.id : lastLinkId();
    const [before, ours] = [descriptorCount(), openDescriptors(referee.mount)];
    for (let round = 0; round < 2000; round += 1) {
      const cgroup = binding.openDirectory(scratch.path);
      binding.queryPrograms(cgroup, round % 2 === 0);
      binding.close(cgroup);
      const programFd = binding.getProgramFd(program.id);
      binding.programInfo(programFd);
      binding.close(programFd);
      const mapFd = binding.getMapFd(map.id);
      binding.mapInfo(mapFd);
      binding.mapNextKey(mapFd, null);
      binding.close(mapFd);
      const linkFd = binding.getLinkFd(linkId);
      binding.linkInfo(linkFd);
      binding.close(linkFd);
    }
    expect(descriptorCount()).toBe(before);
    expect(openDescriptors(referee.mount)).toBe(ours);
    await referee.close(link);
    await referee.detach(scratch, program);
  });

  it('10,000 failures leave none open', () => {
    const [before, ours] = [descriptorCount(), openDescriptors(referee.mount)];
    const directory = binding.openDirectory('/');
    for (let round = 0; round < 2000; round += 1) {
      ignoringFailure(() => binding.openDirectory('/dev/null'));
      ignoringFailure(() => binding.queryPrograms(directory, false));
      ignoringFailure(() => binding.getProgramFd(0));
      ignoringFailure(() => binding.programInfo(directory));
      ignoringFailure(() => binding.mapLookup(directory, new Uint8Array(4)));
    }
    binding.close(directory);
    expect(descriptorCount()).toBe(before);
    expect(openDescriptors(referee.mount)).toBe(ours);
  });

  it('scans leave none open: good ones, failing ones, concurrent ones', async () => {
    await binding.scan(scratch.path);
    const [before, ours] = [descriptorCount(), openDescriptors(referee.mount)];
    for (let round = 0; round < 20; round += 1) {
      const scans = Array.from({ length: 8 }, () => binding.scan(scratch.path));
      await Promise.all(scans);
      await Promise.allSettled([binding.scan('/'), binding.scan('/missing')]);
    }
    expect(descriptorCount()).toBe(before);
    expect(openDescriptors(referee.mount)).toBe(ours);
  });

  function lastLinkId(): number {
    let last = 0;
    for (let id = binding.nextLinkId(0); id !== null; id = binding.nextLinkId(id)) last = id;
    return last;
  }
});

describe('environments', () => {
  it('a process may end in the middle of a scan', () => {
    for (let round = 0; round < 10; round += 1) {
      const child = spawnSync(process.execPath, [childScript, addonPath, 'exit-in-scan', scratch.path], {
        encoding: 'utf8',
      });
      expect({ status: child.status, signal: child.signal, stdout: child.stdout, stderr: child.stderr }).toEqual({
        status: 7,
        signal: null,
        stdout: '',
        stderr: '',
      });
    }
  });

  it('worker threads load it side by side and may be terminated in the middle of a scan', async () => {
    const child = spawn(process.execPath, [childScript, addonPath, 'terminate-in-scan', scratch.path, '30'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (text: Buffer) => (output.stdout += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output.stderr += text.toString()));
    const ended = await new Promise((resolve) =>
      child.once('close', (status, signal) => {
        resolve([status, signal]);
      }),
    );
    expect([ended, output]).toEqual([[0, null], { stdout: '"ended"', stderr: '' }]);
  });
});

describe('buffers', () => {
  it('the kernel writes nowhere but where it was told: guard bytes around every buffer', async () => {
    // AddressSanitizer does not see what the kernel writes, so a preloaded syscall(2) puts canaries around every buffer of a bpf call.
    const program = await referee.load(constant(1), { name: 'guarded' });
    const [first] = readdirSync(scratch.path).filter((name) => name.startsWith('c1'));
    const cgroup = await referee.openCgroup(join(scratch.path, first ?? ''));
    await referee.attach(cgroup, program);
    const link = await referee.link(cgroup, program);
    const map = await referee.createMap('percpu_hash', 4, 5, 16);
    const directory = mkdtempSync(join(tmpdir(), 'devpolicy-guard-'));
    const library = join(directory, 'guard.so');
    const source = fileURLToPath(new URL('guarded-syscall.c', import.meta.url));
    execFileSync('cc', ['-O1', '-g', '-Wall', '-Werror', '-shared', '-fPIC', '-o', library, source, '-ldl']);
    const preload = [process.env['LD_PRELOAD'], library].filter((name) => name !== undefined).join(' ');
    const child = spawnSync(process.execPath, [childScript, addonPath, 'exercise', scratch.path, String(map.id)], {
      encoding: 'utf8',
      env: { ...process.env, LD_PRELOAD: preload },
    });
    rmSync(directory, { recursive: true });
    expect(child.stderr).toMatch(/^guarded-syscall: \d{3,} bpf calls, no byte outside\n$/);
    expect([child.status, child.signal]).toEqual([0, null]);
    expect(JSON.parse(child.stdout)).toMatchObject({ programs: 1, cgroups: 201 });
    await referee.close(link);
    await referee.detach(cgroup, program);
    await referee.close(cgroup);
  });
});

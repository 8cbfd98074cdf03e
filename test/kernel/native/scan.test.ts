/** The batched walk: complete, bounded, unmoved by odd names, depth, width, mounts and directories that come and go. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NativeCgroup } from '../../../src/collect/native.js';
import { KernelError } from '../../../src/errors.js';
import { Referee, type Cgroup } from '../referee.js';
import { addonPath, binding, childScript, constant, isFailure, openDescriptors } from './addon.js';

let referee: Referee;
let scratch: Cgroup;
let before = 0;
beforeAll(async () => {
  referee = await Referee.start();
  before = openDescriptors(referee.mount);
});
beforeEach(async () => {
  scratch = await referee.createCgroup('native-scan');
});
afterEach(async () => {
  execFileSync('find', [scratch.path, '-mindepth', '1', '-depth', '-type', 'd', '-delete']);
  await referee.removeCgroup(scratch);
});
afterAll(async () => {
  expect(openDescriptors(referee.mount)).toBe(before);
  await referee.stop();
});

async function scanRows(path: string): Promise<Map<string, NativeCgroup>> {
  const { cgroups, truncated } = await binding.scan(path);
  expect(truncated).toBe(false);
  const rows = new Map(cgroups.map((row) => [row.path, row]));
  expect(rows.size).toBe(cgroups.length);
  return rows;
}

describe('scan', () => {
  it('gives both lists of every cgroup and every program once', async () => {
    const outer = await referee.createCgroup('outer', scratch);
    const inner = await referee.createCgroup('inner', outer);
    const [one, two] = [await referee.load(constant(1)), await referee.load(constant(0))];
    await referee.attach(outer, one);
    await referee.attach(outer, two);
    await referee.attach(inner, two);
    const { cgroups, programs } = await binding.scan(outer.path);
    expect(cgroups).toHaveLength(2);
    const at = (path: string): NativeCgroup | undefined => cgroups.find((row) => row.path === path);
    expect(at('/')).toMatchObject({ inode: outer.id, attached: { programIds: [one.id, two.id], attachFlags: 2 } });
    expect(at('/inner')).toMatchObject({ inode: inner.id, attached: { programIds: [two.id] }, children: null });
    expect(at('/inner')?.effective).toMatchObject(await referee.query(inner, true));
    expect(programs.map(({ id }) => id)).toEqual([one.id, two.id].sort((a, b) => a - b));
    for (const program of programs) {
      if (isFailure(program)) throw new Error(`program ${String(program.id)}: ${program.code}`);
      const { xlated } = await referee.info(await referee.programById(program.id));
      expect(program.xlated).toEqual(xlated);
    }
    await referee.removeCgroup(inner);
    await referee.removeCgroup(outer);
  });

  it('keeps names of any bytes apart and gives them back to openDirectory', async () => {
    const names = [
      Buffer.from('caf\u00e9-\u{1f4e6}'),
      Buffer.from([0xff, 0xfe, 0x41]),
      Buffer.from([0xc3]), // the first half of an e with accent
      Buffer.from([0xed, 0xb3, 0xbf]), // a surrogate in UTF-8's clothes
      Buffer.from([0xc0, 0xaf]), // "/" written too long
      Buffer.from(' \u001b[31m\t\u007f"\\'),
      Buffer.from('x'.repeat(200)),
    ];
    const paths = names.map((name) => Buffer.concat([Buffer.from(`${scratch.path}/`), name]));
    for (const path of paths) mkdirSync(path);
    const rows = await scanRows(scratch.path);
    expect(rows.size).toBe(names.length + 1);
    expect(rows.has('/caf\u00e9-\u{1f4e6}')).toBe(true);
    expect(rows.has('/\udcff\udcfeA')).toBe(true);
    for (const [path, row] of rows) {
      const again = await binding.scan(scratch.path + (path === '/' ? '' : path));
      expect(again.cgroups[0]?.inode).toBe(row.inode);
    }
  });

  it('goes as deep as paths can be named, and says where that ends', () => {
    // Paths of more than PATH_MAX can only be made step by step, so a shell goes down and, coming back, removes.
    const name = 'd'.repeat(240);
    const depth = 20; // 20 * 241 > 4096
    const script = `cd "$1"; i=0; while [ $i -lt ${String(depth)} ]; do mkdir ${name} && cd -P ${name} || exit 3; i=$((i+1)); done
      "$2" "$3" "$4" scan "$1"; i=0; while [ $i -lt ${String(depth)} ]; do cd .. && rmdir ${name} || exit 4; i=$((i+1)); done`;
    const child = spawnSync('bash', ['-c', script, 'sh', scratch.path, process.execPath, childScript, addonPath], {
      encoding: 'utf8',
    });
    expect(child.stderr).toBe('');
    expect(child.status).toBe(0);
    const { paths } = JSON.parse(child.stdout) as { paths: [string, object, unknown][] };
    expect(paths).toHaveLength(18);
    for (const [path, attached] of paths) {
      if (path.length < 4096) expect(attached).toHaveProperty('programIds', []);
      else expect(attached).toMatchObject({ code: 'ENAMETOOLONG', syscall: 'openat' });
    }
    expect(paths.filter(([path]) => path.length >= 4096)).toHaveLength(1);
  });

  it('walks five hundred levels and two thousand siblings', async () => {
    let path = scratch.path;
    for (let level = 0; level < 500; level += 1) {
      path += '/d';
      mkdirSync(path);
    }
    for (let i = 0; i < 2000; i += 1) {
      mkdirSync(`${scratch.path}/w${String(i)}`);
    }
    const rows = await scanRows(scratch.path);
    expect(rows.size).toBe(2501);
    expect(rows.get('/d'.repeat(500))?.effective).toHaveProperty('programIds', []);
  });

  it('leaves out what vanishes meanwhile, without loss of the rest', async () => {
    const stable = await referee.createCgroup('stable', scratch);
    const program = await referee.load(constant(1));
    await referee.attach(stable, program);
    const churn = spawnChurn(scratch.path);
    try {
      for (let round = 0; round < 60; round += 1) {
        const { cgroups, programs } = await binding.scan(scratch.path);
        expect(cgroups.find((row) => row.path === '/stable')?.attached).toMatchObject({ programIds: [program.id] });
        expect(programs.map(({ id }) => id)).toEqual([program.id]);
        for (const row of cgroups) {
          expect([isFailure(row.attached), isFailure(row.effective), row.children]).toEqual([false, false, null]);
        }
      }
    } finally {
      await churn.stop();
    }
    await referee.removeCgroup(stable);
  });

  it('does not walk into another file system mounted over a cgroup', () => {
    const script =
      'mkdir "$1/covered" && mount -t tmpfs none "$1/covered" && mkdir "$1/covered/inside" && "$2" "$3" "$4" scan "$1"';
    const arguments_ = ['-m', 'sh', '-c', script, 'sh', scratch.path, process.execPath, childScript, addonPath];
    const child = spawnSync('unshare', arguments_, { encoding: 'utf8' });
    expect(child.stderr).toBe('');
    const { paths } = JSON.parse(child.stdout) as { paths: [string, object, unknown][] };
    expect(paths.map(([path]) => path)).toEqual(['/', '/covered']);
    expect(paths[1]?.[1]).toMatchObject({ code: 'EXDEV' });
  });

  it('rejects when the root is no cgroup or not there', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'devpolicy-native-'));
    await expect(binding.scan(directory)).rejects.toThrow(new KernelError('fstatfs(CGROUP2_SUPER_MAGIC)', 9, 'EBADF'));
    rmdirSync(directory);
    await expect(binding.scan(directory)).rejects.toThrow(new KernelError('openat', 2, 'ENOENT'));
  });
});

/** A process that keeps making and removing cgroups, nested ones too. */
function spawnChurn(path: string): { stop: () => Promise<void> } {
  const script = `let stopping = false; process.stdin.on('end', () => { stopping = true; }).resume(); const fs = require('node:fs');
    const burst = () => { for (let i = 0; i < 20; i++) { fs.mkdirSync(process.argv[1] + '/v' + i); fs.mkdirSync(process.argv[1] + '/v' + i + '/n'); }
      for (let i = 0; i < 20; i++) { fs.rmdirSync(process.argv[1] + '/v' + i + '/n'); fs.rmdirSync(process.argv[1] + '/v' + i); }
      if (!stopping) setImmediate(burst); }; burst();`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the churning process failed: ${String(code)}`));
    });
  });
  return {
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}

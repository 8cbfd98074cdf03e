/** The whole collector on containers of real runc and crun: what it finds is what the runtimes said and the kernel holds. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collectSnapshot } from '../../src/collect/index.js';
import { serialiseSnapshot } from '../../src/snapshot/serialise.js';
import { parseSnapshot } from '../../src/snapshot/parse.js';
import type { ContainerRecord, Snapshot } from '../../src/snapshot/types.js';
import { Namespace } from '../lab/namespace.js';
import { startContainer, stopContainer } from '../lab/runc.js';
import type { Container } from '../lab/runc.js';

let lab: Namespace;
beforeAll(async () => {
  lab = await Namespace.start();
});
afterAll(async () => {
  await lab.stop();
});

/** The lab as a host: its files and procfs through the root of its first process, as `--host-root` does it. */
function collect(options: Parameters<typeof collectSnapshot>[0] = {}): Promise<Snapshot> {
  return collectSnapshot({ hostRoot: `/proc/${String(lab.pid)}/root`, ...options });
}

function find(snapshot: Snapshot, name: string): ContainerRecord {
  const found = snapshot.containers.find((container) => container.names.includes(name));
  if (found === undefined)
    throw new Error(`${name} is not among ${snapshot.containers.map(({ key }) => key).join(', ')}`);
  return found;
}

function programsOf(snapshot: Snapshot, cgroup: string): number[] {
  const record = snapshot.cgroups.find(({ path }) => path === cgroup);
  if (record === undefined || 'failed' in record.effective) throw new Error(`${cgroup}: ${JSON.stringify(record)}`);
  return record.effective.programIds;
}

/** bpftool's word for the same. */
function bpftoolEffective(directory: string): number[] {
  const output = execFileSync('bpftool', ['-j', 'cgroup', 'show', directory, 'effective'], { encoding: 'utf8' });
  return (JSON.parse(output) as { id: number }[]).map(({ id }) => id);
}

describe('containers', () => {
  const started: Container[] = [];
  beforeAll(async () => {
    started.push(await startContainer(lab, { name: 'web', runtime: 'runc' }));
    const fuse = { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666 } as const;
    started.push(
      await startContainer(lab, { name: 'tool', runtime: 'crun', nodes: [fuse], cgroupsPath: '/jobs/tool' }),
    );
  });
  afterAll(async () => {
    for (const container of started) await stopContainer(lab, container);
  });

  test('are found by their runtimes’ files, with pid, cgroup and the program the kernel has there', async () => {
    const snapshot = await collect();
    for (const [name, cgroup, runtime, kind] of [
      ['web', '/web', 'runc', 'runc-state'],
      ['tool', '/jobs/tool', 'crun', 'crun-status'],
    ] as const) {
      const container = find(snapshot, name);
      expect(container).toMatchObject({
        key: `${runtime}:${name}`,
        engine: runtime,
        runtime,
        state: 'running',
        cgroup,
      });
      expect(container.sources.map((source) => source.kind)).toContain(kind);
      expect(container.sources.map((source) => source.kind)).toContain('oci-config');
      expect(programsOf(snapshot, cgroup)).toEqual(bpftoolEffective(lab.cgroupPath(cgroup)));
      const [id] = programsOf(snapshot, cgroup);
      const program = snapshot.programs.find((each) => each.id === id);
      expect(program).toMatchObject({ unreadable: null, freplaced: 'no' });
      expect(program?.xlated?.length).toBeGreaterThan(100);
    }
    expect(snapshot.problems).toEqual([]);
  });

  test('their device nodes are seen without being opened', async () => {
    const nodes = find(await collect(), 'tool').nodes;
    expect(nodes).toContainEqual({ path: '/dev/fuse', type: 'c', major: 10, minor: 229 });
    expect(nodes).toContainEqual({ path: '/dev/null', type: 'c', major: 1, minor: 3 });
  });

  test('only those that were asked for are read', async () => {
    const snapshot = await collect({ targets: ['runc:web'] });
    expect(snapshot.scope).toBe('targets');
    expect(snapshot.containers.map(({ key }) => key)).toEqual(['runc:web']);
  });

  test('the snapshot survives being saved, and holds no environment and no command line', async () => {
    const snapshot = await collect();
    const text = serialiseSnapshot(snapshot);
    expect(serialiseSnapshot(parseSnapshot(text))).toBe(text);
    expect(text).not.toContain('PATH=');
    expect(text).not.toContain('1000000');
  });
});

test('a stopped container is known and not running; a removed one is gone', async () => {
  const container = await startContainer(lab, { name: 'short', runtime: 'runc' });
  await lab.execOk(['runc', 'kill', 'short', 'KILL']);
  await expect
    .poll(async () => find(await collect(), 'short'), { timeout: 10_000 })
    .toMatchObject({ state: 'stopped', pid: null, cgroup: null });
  await stopContainer(lab, container);
  expect((await collect()).containers.map(({ key }) => key)).not.toContain('runc:short');
});

test('containers that come and go while they are read lose nothing and leak nothing', async () => {
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  await collect();
  const before = descriptors();
  const churning = new AbortController();
  const churn = (async () => {
    for (let round = 0; !churning.signal.aborted; round++) {
      await stopContainer(lab, await startContainer(lab, { name: `churn-${String(round)}`, runtime: 'runc' }));
    }
  })();
  for (let round = 0; round < 25; round++) {
    const snapshot = await collect();
    for (const { effective } of snapshot.cgroups) {
      for (const id of 'failed' in effective ? [] : effective.programIds) {
        expect(snapshot.programs.map((program) => program.id)).toContain(id);
      }
    }
  }
  churning.abort();
  await churn;
  await expect.poll(descriptors).toBeLessThanOrEqual(before);
});

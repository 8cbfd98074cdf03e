/**
 * What other kernels dumped and answered (test/fixtures/kernels, recorded by `npm run test:kernels -- --record`), judged again without a kernel: no verdict
 * may differ, and nothing may be undecided but what the recording itself leaves open.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { decide } from '../../src/effective/compose-decide.js';
import { type LoadedProgram, ProgramLoader } from '../../src/effective/compose-programs.js';
import { composeEffective } from '../../src/effective/compose.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { parseSnapshot } from '../../src/snapshot/parse.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';

const fixtures = path.join(import.meta.dirname, '../fixtures/kernels');

interface Recording {
  cgroup: string;
  snapshot: unknown;
  /** errno: 0 allowed. */
  verdicts: [type: 'b' | 'c', access: number, major: number, minor: number, errno: number][];
}

interface Replayed {
  entries: LoadedProgram[];
  release: string | null;
  requests: { request: DeviceRequest; errno: number }[];
}

function replay(file: string): Replayed {
  const { cgroup, snapshot: saved, verdicts } = JSON.parse(readFileSync(file, 'utf8')) as Recording;
  const snapshot = parseSnapshot(JSON.stringify(saved));
  const record = snapshot.cgroups.find((each) => each.path === cgroup);
  if (record === undefined || 'failed' in record.effective) throw new Error(`${file}: no run array of ${cgroup}`);
  const loader = new ProgramLoader(snapshot);
  return {
    entries: record.effective.programIds.map((id) => loader.get(id)),
    release: snapshot.host.kernelRelease,
    requests: verdicts.map(([type, access, major, minor, errno]) => ({
      request: { type, access, major, minor },
      errno,
    })),
  };
}

const releases = readdirSync(fixtures, { withFileTypes: true }).filter((entry) => entry.isDirectory());

it('there are recordings of four kernels', () => {
  expect(releases.map(({ name }) => name.split('.')[0]).sort()).toEqual(['5', '6', '6', '7']);
});

describe.each(releases.map(({ name }) => name))('%s', (release) => {
  const files = readdirSync(path.join(fixtures, release)).filter((name) => name.endsWith('.json'));
  it.each(files)('%s', (name) => {
    const { entries, release: recorded, requests } = replay(path.join(fixtures, release, name));
    expect(recorded).toBe(release);
    const manager = new BddManager();
    const space = new DeviceSpace(manager);
    const limits = { nodes: 1_000_000, steps: 4_000_000, instructionNodes: 200_000 };
    const composed = composeEffective(new Evaluator(manager, limits), entries, recorded);
    const [allowed, denied] = [space.fromRef(composed.allowed), space.fromRef(composed.denied)];
    const wrong = requests.filter(({ request, errno }) => (errno === 0 ? denied : allowed).contains(request));
    expect(wrong).toEqual([]);
    let undecided = 0;
    for (const { request, errno } of requests) {
      const decision = decide(entries, request, recorded);
      if (decision.verdict === 'undecided') {
        undecided++;
        expect(decision.reason).toMatch(/^(helper:\w+_(delete|update)_elem(, ?)?)+$/);
      } else {
        expect([request, decision.verdict]).toEqual([request, errno === 0 ? 'allow' : 'deny']);
      }
    }
    // Only the program that asks what map functions returned, and only where these return an int (src/ebpf/direct-map-call.ts).
    if (!name.startsWith('clang-map-writes')) expect(undecided).toBe(0);
    expect(requests.length).toBeGreaterThanOrEqual(40);
  });
});

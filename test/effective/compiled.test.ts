/**
 * C programs built by two clangs, as a kernel dumped and answered them (test/fixtures/compiled): nothing may be answered otherwise, the whole request space
 * must be decided, and only what depends on the caller, the time or chance may be left open.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { decide } from '../../src/effective/compose-decide.js';
import { ProgramLoader } from '../../src/effective/compose-programs.js';
import { composeEffective } from '../../src/effective/compose.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { parseSnapshot } from '../../src/snapshot/parse.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';

const fixtures = path.join(import.meta.dirname, '../fixtures/compiled');

interface Recording {
  compiler: string;
  level: string;
  cgroup: string;
  snapshot: unknown;
  /** errno: 0 allowed. */
  verdicts: [type: 'b' | 'c', access: number, major: number, minor: number, errno: number][];
}

/** What a program's verdict may depend on besides the request and what was recorded, by program. */
const OUTSIDE: Readonly<Record<string, RegExp>> = {
  'time-and-chance': /^(depends:(time|cpu|random)|kernel-memory)$/,
  'user-id': /^depends:[ug]id(, ?depends:uid)?$/,
};
const NOTHING = /^(?!)/;

const names = readdirSync(fixtures)
  .filter((name) => name.endsWith('.c'))
  .map((name) => name.slice(0, -2));

it('there are recordings of more than forty programs', () => {
  expect(names.length).toBeGreaterThan(40);
});

describe.each(names)('%s', (name) => {
  const recordings = JSON.parse(readFileSync(path.join(fixtures, `${name}.json`), 'utf8')) as Recording[];
  const outside = OUTSIDE[name] ?? NOTHING;
  it.each(recordings)('by $compiler at $level', ({ cgroup, snapshot: saved, verdicts }) => {
    const snapshot = parseSnapshot(JSON.stringify(saved));
    const record = snapshot.cgroups.find((each) => each.path === cgroup);
    if (record === undefined || 'failed' in record.effective) throw new Error('no run array');
    const release = snapshot.host.kernelRelease;
    const loader = new ProgramLoader(snapshot);
    const entries = record.effective.programIds.map((id) => loader.get(id));
    const manager = new BddManager();
    const space = new DeviceSpace(manager);
    const composed = composeEffective(new Evaluator(manager), entries, release);
    const [allowed, denied] = [space.fromRef(composed.allowed), space.fromRef(composed.denied)];
    for (const { reason } of composed.undecided) expect(reason).toMatch(outside);
    const wrong: unknown[] = [];
    const open = new Set<string>();
    for (const [type, access, major, minor, errno] of verdicts) {
      const request: DeviceRequest = { type, access, major, minor };
      const kernel = errno === 0 ? 'allow' : 'deny';
      if ((errno === 0 ? denied : allowed).contains(request)) wrong.push([request, kernel]);
      const decision = decide(entries, request, release);
      if (decision.verdict === 'undecided') open.add(decision.reason ?? 'no reason given');
      else if (decision.verdict !== kernel) wrong.push([request, kernel, 'one request']);
    }
    expect(wrong).toEqual([]);
    for (const reason of open) expect(reason).toMatch(outside);
  });
});

/**
 * Is the intent what the runtime really attaches? Random device lists are given to real runc and crun; the kernel answers for the container that
 * comes of each, and must agree with the intent read from the runtime's own files. Lists runc refuses must be those the emulator calls refused.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { readConfigFile, readStateFile } from '../../src/collect/index.js';
import { NOTHING_KNOWN } from '../../src/intent/dialects.js';
import { intendedFromCrun } from '../../src/intent/crun.js';
import { intendedFromRuncConfig, intendedFromRuncState } from '../../src/intent/runc.js';
import { systemdHost } from '../../src/intent/systemd-compile.js';
import type { IntendedPolicy } from '../../src/intent/types.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import { ACCESS_NAMES, type DeviceRequest } from '../../src/policy/types.js';
import type { OciConfigSource, RuncStateSource, SourceRecord } from '../../src/snapshot/types.js';
import { Referee } from '../kernel/referee.js';
import { Namespace } from './namespace.js';
import { bundleOf, startContainer, stopContainer, type OciRule } from './runc.js';

const LISTS = 24;
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

let lab: Namespace;
let referee: Referee;
beforeAll(async () => {
  referee = await Referee.start();
  lab = await Namespace.start();
});
afterAll(async () => {
  await lab.stop();
  await referee.stop();
});

/** mulberry32: small, seeded, good enough to choose rules. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const MAJORS = [1, 5, 8, 10, 136, 240, 4095];
const MINORS = [0, 1, 2, 3, 5, 200, 1_048_575];
const ACCESSES = ['r', 'w', 'm', 'rw', 'rm', 'wm', 'rwm', 'rwm', 'mrw'];

function randomList(next: () => number): OciRule[] {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  const rule = (): OciRule => {
    if (next() < 0.08) return { allow: next() < 0.5, access: 'rwm' };
    return {
      allow: next() < 0.65,
      type: pick(['c', 'c', 'b'] as const),
      ...(next() < 0.85 ? { major: pick(MAJORS) } : {}),
      ...(next() < 0.8 ? { minor: pick(MINORS) } : {}),
      access: pick(ACCESSES),
    };
  };
  const head: OciRule = { allow: next() < 0.25, access: 'rwm' };
  return [head, ...Array.from({ length: 1 + Math.floor(next() * 9) }, rule)];
}

/** The numbers of the rules and their neighbours, with every access; accesses of one node stand together. */
function requests(): DeviceRequest[] {
  const near = (values: readonly number[], max: number): number[] =>
    [...new Set(values.flatMap((value) => [value - 1, value, value + 1]))].filter(
      (value) => value >= 0 && value <= max,
    );
  return (['b', 'c'] as const).flatMap((type) =>
    near(MAJORS, 4095).flatMap((major) =>
      near(MINORS, 1_048_575)
        .filter((minor) => major !== 0 || minor !== 0)
        .flatMap((minor) => ACCESS_NAMES.map(({ access }) => ({ type, major, minor, access }))),
    ),
  );
}

function source<Kind extends SourceRecord['kind']>(kind: Kind, file: string): Extract<SourceRecord, { kind: Kind }> {
  const snapshot = kind === 'runc-state' ? readStateFile(file) : readConfigFile(file);
  const found = snapshot.containers[0]?.sources.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} in ${file}`);
  return found as Extract<SourceRecord, { kind: Kind }>;
}

async function version(runtime: string): Promise<string> {
  const text = await lab.execOk([runtime, '--version']);
  return /version (\S+)/.exec(text)?.[1] ?? '';
}

test.each(['runc', 'crun'] as const)(
  '%s: intent equals what the kernel enforces, for random lists',
  async (runtime) => {
    const next = random(SEED);
    const asked = requests();
    const installed = await version(runtime);
    let started = 0;
    let refused = 0;
    for (let index = 0; index < LISTS; index++) {
      const rules = randomList(next);
      const name = `${runtime}-list-${String(index)}`;
      const about = `seed ${String(SEED)}, list ${String(index)} of ${runtime} ${installed}: ${JSON.stringify(rules)}`;
      const space = new DeviceSpace(new BddManager());
      let container;
      try {
        container = await startContainer(lab, { runtime, name, rules });
      } catch (error) {
        if (!String(error).includes('punch hole')) throw error;
        const config: OciConfigSource = source(
          'oci-config',
          lab.path(path.join(bundleOf(runtime, name), 'config.json')),
        );
        expect(intendedFromRuncConfig(space, config, installed).couldNotStart, about).toMatch(/punch hole/);
        refused++;
        continue;
      }
      started++;
      const config: OciConfigSource = source('oci-config', lab.path(path.join(container.bundle, 'config.json')));
      const policies: IntendedPolicy[] = [];
      if (runtime === 'runc') {
        const state: RuncStateSource = source('runc-state', lab.path(`/run/runc/${name}/state.json`));
        policies.push(
          intendedFromRuncState(space, state, NOTHING_KNOWN),
          intendedFromRuncConfig(space, config, installed),
        );
      } else {
        const context = {
          version: { ...NOTHING_KNOWN, exact: installed },
          systemd: false,
          host: systemdHost(null, [], readFileSync('/proc/devices', 'utf8')),
          rootless: false,
        };
        policies.push(intendedFromCrun(space, config, null, context));
      }
      const verdicts = await referee.verdictsBelow(lab.cgroupPath(container.cgroup), asked);
      for (const policy of policies) {
        const wrong = asked.filter((request, at) => policy.allowed.contains(request) !== (verdicts[at] === 'allow'));
        expect(wrong.slice(0, 5), about).toEqual([]);
        expect(policy.undecided, about).toEqual([]);
      }
      await stopContainer(lab, container);
    }
    expect(started).toBeGreaterThan(LISTS / 4);
    expect(runtime === 'crun' || refused + started === LISTS).toBe(true);
  },
);

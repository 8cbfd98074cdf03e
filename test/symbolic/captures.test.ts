import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import type { ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { bitOfRequest, captures, CAPTURES } from './captures.js';

const ENVIRONMENT: ProgramEnvironment = {
  maps: new Map(),
  helpers: new Map(),
  programs: new Map(),
  kernelRelease: '6.18.44',
  freplaced: 'no',
};

/** type, major, minor, letters of the access, 1 for allowed */
type Probe = [string, number, number, keyof typeof ACCESS, number];
const ACCESS = { none: 0, m: 1, r: 2, w: 4, rw: 6 };

describe('programs of real writers, against the verdicts the kernel gave', () => {
  const evaluator = new Evaluator(new BddManager());
  const m = evaluator.manager;
  it.each(captures().map((capture) => [capture.name, capture] as const))('%s', (_name, capture) => {
    const results = capture.programs.map(({ program, environment }) => evaluator.evaluate(program, environment));
    for (const result of results) expect(result.undecided).toEqual([]);
    const wrong = capture.verdicts.filter(
      ({ request, allowed }) =>
        results.every((result) => m.evaluate(result.allowed, bitOfRequest(request))) !== allowed,
    );
    expect(wrong).toEqual([]);
    expect(capture.verdicts.length).toBeGreaterThan(100);
  });
});

describe('random programs, against the verdicts the kernel gave', () => {
  const lines = readFileSync(join(CAPTURES, 'random/random.jsonl'), 'utf8').trim().split('\n');
  it.each(lines.map((line, i) => [i, line] as const))('line %i', (_i, line) => {
    const { xlated, probes } = JSON.parse(line) as {
      xlated: string;
      probes: Probe[];
    };
    const evaluator = new Evaluator(new BddManager());
    const result = evaluator.evaluate(decode(Buffer.from(xlated, 'base64'), 'little'), ENVIRONMENT);
    expect(result.undecided).toEqual([]);
    const wrong = probes.filter(([type, major, minor, access, allowed]) => {
      const request = { type, major, minor, access: ACCESS[access] } as DeviceRequest;
      return evaluator.manager.evaluate(result.allowed, bitOfRequest(request)) !== (allowed === 1);
    });
    expect(wrong).toEqual([]);
    expect(probes.length).toBeGreaterThan(100);
  });
});

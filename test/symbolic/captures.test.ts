import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { NO_ENVIRONMENT, readCaptures, readRandomPrograms } from '../ebpf/captures.js';
import { bitOfRequest } from './agreement.js';

describe('programs of real writers, against the verdicts the kernel gave', () => {
  const evaluator = new Evaluator(new BddManager());
  const m = evaluator.manager;
  it.each(readCaptures().map((capture) => [capture.name, capture] as const))('%s', (_name, { programs, verdicts }) => {
    const results = programs.map(({ bytes, environment }) => evaluator.evaluate(decode(bytes, 'little'), environment));
    for (const result of results) {
      expect(result.undecided).toEqual([]);
      expect(m.xor(result.allowed, result.denied)).toBe(0);
    }
    const wrong = verdicts.filter(({ request, allowed }) => {
      const bit = bitOfRequest(request);
      return results.every((result) => m.evaluate(result.allowed, bit)) !== allowed;
    });
    expect(wrong).toEqual([]);
    expect(verdicts.length).toBeGreaterThan(100);
  });
});

describe('random programs, against the verdicts the kernel gave', () => {
  it.each(readRandomPrograms().map((program, i) => [i, program] as const))('number %i', (_i, { xlated, verdicts }) => {
    const { manager, ...evaluator } = { manager: new BddManager() };
    const result = new Evaluator(manager).evaluate(decode(xlated, 'little'), NO_ENVIRONMENT);
    expect(evaluator).toEqual({});
    expect(result.undecided).toEqual([]);
    const wrong = verdicts.filter(
      ({ request, allowed }) => manager.evaluate(result.allowed, bitOfRequest(request as DeviceRequest)) !== allowed,
    );
    expect(wrong).toEqual([]);
    expect(verdicts.length).toBeGreaterThan(100);
  });
});

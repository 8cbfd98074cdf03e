import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ebpf/decode.js';
import { interpret } from '../../../src/ebpf/interpreter/interpret.js';
import { NO_ENVIRONMENT, readCaptures, readRandomPrograms, type Verdict } from '../captures.js';

/** Requests that the interpreter answers differently from the kernel. */
function disagreements(verdicts: readonly Verdict[], allows: (verdict: Verdict) => boolean | string): string[] {
  return verdicts.flatMap((verdict) => {
    const answer = allows(verdict);
    return answer === verdict.allowed ? [] : [`${JSON.stringify(verdict)}: ${String(answer)}`];
  });
}

describe('the interpreter agrees with the kernel', () => {
  for (const capture of readCaptures().filter(({ verdicts }) => verdicts.length > 0)) {
    it(`on every recorded verdict of ${capture.name}`, () => {
      const programs = capture.programs.map(({ bytes, environment }) => ({
        program: decode(bytes, 'little'),
        environment,
      }));
      const wrong = disagreements(capture.verdicts, ({ request }) => {
        const results = programs.map(({ program, environment }) => interpret(program, environment, request));
        const undecided = results.find(({ outcome }) => outcome === 'undecided');
        if (undecided?.outcome === 'undecided') return undecided.reason;
        return results.every((result) => result.outcome === 'return' && result.r0 === 1n);
      });
      expect(wrong).toEqual([]);
      expect(capture.verdicts.length).toBeGreaterThan(100);
    });
  }

  for (const { id, xlated, verdicts } of readRandomPrograms()) {
    it(`on every recorded verdict of random program ${String(id)}`, () => {
      const program = decode(xlated, 'little');
      const wrong = disagreements(verdicts, ({ request }) => {
        const result = interpret(program, NO_ENVIRONMENT, request);
        return result.outcome === 'return' ? result.r0 === 1n : result.reason;
      });
      expect(wrong).toEqual([]);
    });
  }
});

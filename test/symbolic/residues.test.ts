import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { EXIT, mov, slot } from '../ebpf/bytes.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { programOf, verdictIn } from './agreement.js';
import { OP } from './program-bytes.js';

/** r2 = major * 131 + minor; what follows puts the remainder into r2; below 20 is allowed. */
function evaluate(remainder: readonly Uint8Array[]): {
  undecided: number;
  verdict: (major: number, minor: number) => string;
} {
  const manager = new BddManager();
  const program = programOf([
    slot(OP.ldw, { dst: 2, src: 1, off: 4 }),
    slot(OP.ldw, { dst: 3, src: 1, off: 8 }),
    slot(0x24, { dst: 2, imm: 131 }),
    slot(0x0c, { dst: 2, src: 3 }),
    ...remainder,
    mov(0, 1),
    slot(0xa5, { dst: 2, imm: 20, off: 1 }),
    mov(0, 0),
    EXIT,
  ]);
  const result = new Evaluator(manager).evaluate(program, NO_ENVIRONMENT);
  return {
    undecided: result.undecided.length,
    verdict: (major, minor) => verdictIn(manager, result, { type: 'c', access: 2, major, minor }),
  };
}

/** r2 -= r2 * factor >> shift * by, as compilers write a remainder. */
const byReciprocal = (factor: number, shift: number, by: number): Uint8Array[] => [
  slot(0x18, { dst: 1, imm: factor | 0 }),
  slot(0x00),
  slot(0xbf, { dst: 3, src: 2 }),
  slot(0x2f, { dst: 3, src: 1 }),
  slot(0x77, { dst: 3, imm: shift }),
  slot(0x24, { dst: 3, imm: by }),
  slot(0x1c, { dst: 2, src: 3 }),
];

describe('the remainder of a sum of both numbers', () => {
  const numbers = [0, 1, 2, 7, 19, 20, 99, 100, 131, 1000, 4095];
  it.each<[string, number, Uint8Array[]]>([
    ['as a remainder', 100, [slot(0x94, { dst: 2, imm: 100 })]],
    ['as a remainder by a larger number', 1000, [slot(0x94, { dst: 2, imm: 1000 })]],
    ['as a product with a reciprocal', 100, byReciprocal(1374389535, 37, 100)],
  ])('is decided %s', (_name, by, remainder) => {
    const { undecided, verdict } = evaluate(remainder);
    expect(undecided).toBe(0);
    for (const major of numbers) {
      for (const minor of [...numbers, 65535, 1048575]) {
        const expected = (major * 131 + minor) % by < 20 ? 'allow' : 'deny';
        expect({ major, minor, verdict: verdict(major, minor) }).toEqual({ major, minor, verdict: expected });
      }
    }
  });
});

import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ebpf/decode.js';
import { interpret } from '../../../src/ebpf/interpreter/interpret.js';
import { readAluVectors } from '../alu-vectors.js';
import { EXIT, imm64, join, mov, slot } from '../bytes.js';
import { NO_ENVIRONMENT } from '../captures.js';

const REQUEST = { type: 'c', access: 2, major: 1, minor: 3 } as const;

function run(...parts: Uint8Array[]): bigint | string {
  const result = interpret(decode(join(...parts), 'little'), NO_ENVIRONMENT, REQUEST);
  return result.outcome === 'return' ? result.r0 : result.reason;
}

describe('operations measured on real kernels', () => {
  const vectors = readAluVectors();
  it('are all there', () => {
    expect(vectors).toHaveLength(43);
  });
  for (const { name, bytes, dst, src, expected } of vectors) {
    it(name, () => {
      const operands = [imm64(0, dst), imm64(1, src)];
      if (typeof expected === 'boolean') {
        // Two instructions to skip: not taken returns 0.
        const verdict = run(...operands, bytes, mov(0, 0), EXIT, mov(0, 1), EXIT);
        expect(verdict).toBe(expected ? 1n : 0n);
        return;
      }
      const equals = [imm64(2, expected), slot(0x1d, { dst: 0, src: 2, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT];
      expect(run(...operands, bytes, ...equals)).toBe(1n);
      const differs = [imm64(2, expected ^ (1n << 63n)), ...equals.slice(1)];
      expect(run(...operands, bytes, ...differs)).toBe(0n);
    });
  }
});

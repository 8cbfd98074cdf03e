import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FORMS_BY_OPCODE, INSTRUCTION_FORMS } from '../../src/ebpf/instruction-forms.js';
import { rowOf } from './form-rows.js';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/instruction-support.md'), 'utf8');

/** Opcodes by hand, from RFC 9669 sections 4 and 5. */
const RFC_OPCODES = `
  04 0c 14 1c 24 2c 34 3c 44 4c 54 5c 64 6c 74 7c 84 94 9c a4 ac b4 bc c4 cc d4 dc
  07 0f 17 1f 27 2f 37 3f 47 4f 57 5f 67 6f 77 7f 87 97 9f a7 af b7 bf c7 cf d7
  05 15 1d 25 2d 35 3d 45 4d 55 5d 65 6d 75 7d 85 95 a5 ad b5 bd c5 cd d5 dd
  06 16 1e 26 2e 36 3e 46 4e 56 5e 66 6e 76 7e a6 ae b6 be c6 ce d6 de
  18 20 28 30 40 48 50 61 69 71 79 81 89 91 62 6a 72 7a 63 6b 73 7b c3 db`;
/** Load-acquire and store-release of 8 and 16 bits, gotox, nospec, and loads and atomics of kernel memory and arenas. */
const KERNEL_OPCODES = 'd3 cb 0d c2 41 49 51 c1 c9 d1 e3 fb';

describe('docs/instruction-support.md', () => {
  it('has a row for every form of the instruction table, and no other', () => {
    const rows = PAGE.split('\n')
      .filter((line) => line.startsWith('| 0x'))
      .map((line) =>
        line
          .split(/(?<!\\)\|/)
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    expect(rows).toEqual(INSTRUCTION_FORMS.map(rowOf));
  });
});

describe('the instruction table', () => {
  it('has the opcodes of RFC 9669 and of the kernel, and no other', () => {
    const listed = `${RFC_OPCODES} ${KERNEL_OPCODES}`.trim().split(/\s+/).sort();
    const present = FORMS_BY_OPCODE.flatMap((forms, opcode) =>
      forms.length > 0 ? [opcode.toString(16).padStart(2, '0')] : [],
    );
    expect(present).toEqual(listed);
  });

  it('has no two rows for the same fields, but for the tail call among helper calls', () => {
    const overlap = (a: readonly number[] | null, b: readonly number[] | null): boolean =>
      a === null || b === null || a.some((value) => b.includes(value));
    const pairs = FORMS_BY_OPCODE.flatMap((forms) =>
      forms.flatMap((a, i) =>
        forms
          .slice(i + 1)
          .filter((b) => (a.src & b.src) !== 0 && overlap(a.off, b.off) && overlap(a.imm, b.imm))
          .map((b) => [a.meaning, b.meaning]),
      ),
    );
    expect(pairs).toHaveLength(1);
    expect(pairs[0]?.[0]).toMatch(/^tail call/);
  });
});

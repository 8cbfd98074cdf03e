import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/ebpf/decode.js';
import { encode } from '../../src/ebpf/encode.js';
import { INSTRUCTION_FORMS, type Allowed, type InstructionForm } from '../../src/ebpf/instruction-forms.js';
import type { ByteOrder } from '../../src/ebpf/types.js';
import { EXIT, join, mov, slot } from './bytes.js';
import { readCaptures, readRandomPrograms } from './captures.js';

const registerOf = (mask: number): fc.Arbitrary<number> =>
  fc.constantFrom(...Array.from({ length: 16 }, (_, n) => n).filter((n) => (mask >> n) & 1));
const valueOf = (allowed: Allowed, any: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  allowed === null ? any : fc.constantFrom(...allowed);
const isJump = ({ effect }: InstructionForm): boolean =>
  ['jump', 'branch', 'call', 'load-function'].includes(effect.op);

/** Any instruction of a form, with targets inside a program of `before` instructions, itself and one more. */
function instructionOf(form: InstructionForm, order: ByteOrder, before: number): fc.Arbitrary<Uint8Array> {
  const target = fc.integer({ min: -before, max: -1 });
  const off = fc.integer({ min: -0x8000, max: 0x7fff });
  const longJump = form.effect.op === 'load-function' || form.opcode === 0x06;
  return fc
    .record({
      dst: registerOf(form.dst),
      src: registerOf(form.src),
      off: valueOf(form.off, isJump(form) ? target : off),
      imm: valueOf(form.imm, longJump ? target : fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
      next: valueOf(form.next ?? [0], fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
    })
    .map(({ next, ...fields }) => {
      const first = slot(form.opcode, form.sameRegister === true ? { ...fields, dst: fields.src } : fields, order);
      return form.next === undefined ? first : join(first, slot(0, { imm: next }, order));
    });
}

describe('encode(decode(bytes))', () => {
  for (const order of ['little', 'big'] as const) {
    it(`gives back every form of instruction (${order}-endian)`, () => {
      for (const form of INSTRUCTION_FORMS) {
        // The inserted zero extension is the plain move to everyone else, and is written as that.
        if (form.sameRegister === true) continue;
        fc.assert(
          fc.property(instructionOf(form, order, 3), (instruction) => {
            const exit = slot(0x95, {}, order);
            const bytes = join(exit, exit, exit, instruction, exit, exit);
            const program = decode(bytes, order);
            expect(encode(program.instructions, order)).toEqual(bytes);
          }),
          { numRuns: 10 },
        );
      }
    });
  }

  it('gives back every captured program', () => {
    const programs = [
      ...readCaptures().flatMap(({ programs: all }) => all.map(({ bytes }) => bytes)),
      ...readRandomPrograms().flatMap(({ loaded, xlated }) => [loaded, xlated]),
    ];
    expect(programs.length).toBeGreaterThan(40);
    for (const bytes of programs) expect(encode(decode(bytes, 'little').instructions, 'little')).toEqual(bytes);
  });

  it('changes the byte order of a program when decoded and encoded differently', () => {
    for (const { xlated } of readRandomPrograms()) {
      const { instructions } = decode(xlated, 'little');
      const big = encode(instructions, 'big');
      expect(decode(big, 'big').instructions).toEqual(instructions);
    }
  });
});

describe('encode', () => {
  it('refuses instructions out of order', () => {
    const { instructions } = decode(join(mov(0, 1), EXIT), 'little');
    expect(() => encode(instructions.slice(1), 'little')).toThrow(/instruction 1 stands at slot 0/);
  });

  it('refuses a jump that 16 bits cannot reach', () => {
    const far = { op: 'jump', index: 0, opcode: 0x05, target: 40000 } as const;
    expect(() => encode([far], 'little')).toThrow(/too far/);
  });
});

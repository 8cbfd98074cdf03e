import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../src/ebpf/decode-error.js';
import { decode } from '../../src/ebpf/decode.js';
import { INSTRUCTION_FORMS } from '../../src/ebpf/instruction-forms.js';
import { InputError } from '../../src/errors.js';
import { EXIT, imm64, join, mov, slot } from './bytes.js';
import { readCaptures, readRandomPrograms } from './captures.js';

function errorOf(bytes: Uint8Array, order: 'little' | 'big' = 'little'): DecodeError {
  try {
    decode(bytes, order);
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  throw new Error('decoded');
}

describe('what is no program', () => {
  const cases: [name: string, bytes: Uint8Array, slot: number | null, field: string, message: RegExp][] = [
    ['nothing', new Uint8Array(), null, 'length', /no instructions/],
    ['a part of an instruction', EXIT.slice(0, 5), null, 'length', /instruction 0 is cut off after 5 bytes/],
    [
      'a cut off last instruction',
      join(mov(0, 1), EXIT).slice(0, 15),
      null,
      'length',
      /15 bytes.*instruction 1 is cut/,
    ],
    ['an unknown opcode', join(mov(0, 1), slot(0xff), EXIT), 1, 'opcode', /^instruction 1: unknown opcode 0xff/],
    ['the reserved call through a register', join(slot(0x8d), EXIT), 0, 'opcode', /0x8d/],
    ['a jump behind the end', join(mov(0, 1), slot(0x05, { off: 1 }), EXIT), 1, 'target', /jump to 3, outside/],
    ['a jump before the start', join(slot(0x05, { off: -2 }), EXIT), 0, 'target', /jump to -1, outside/],
    ['a long jump behind the end', join(slot(0x06, { imm: 0x7fffffff }), EXIT), 0, 'target', /outside/],
    [
      'a branch into a 64-bit immediate load',
      join(slot(0x15, { off: 1 }), imm64(0, 1n), EXIT),
      0,
      'target',
      /jump to 2, the second half/,
    ],
    ['a call behind the end', join(slot(0x85, { src: 1, off: 7 }), EXIT), 0, 'target', /call to 8, outside/],
    ['a callback behind the end', join(slot(0x18, { src: 4, imm: 9 }), slot(0), EXIT), 0, 'target', /call to 10/],
    ['running off the end', join(EXIT, mov(0, 1)), 1, 'opcode', /instruction 1: .*runs off the end/],
    ['a conditional jump at the end', join(EXIT, slot(0x15, { off: -2 })), 1, 'opcode', /runs off the end/],
    [
      'half of a 64-bit immediate load',
      join(EXIT, imm64(0, 1n).slice(0, 8)),
      1,
      'length',
      /cut off after its first half/,
    ],
    ['an opcode in the second half', join(slot(0x18), EXIT), 1, 'opcode', /second half/],
    ['a register in the second half', join(slot(0x18), slot(0, { dst: 1 }), EXIT), 1, 'dst_reg', /dst_reg = 1/],
    ['an offset in the second half', join(slot(0x18), slot(0, { off: 1 }), EXIT), 1, 'off', /off = 1/],
    ['a map with an offset', join(slot(0x18, { src: 1 }), slot(0, { imm: 4 }), EXIT), 0, 'next_imm', /next_imm = 4/],
    ['register 13', join(mov(13, 0), EXIT), 0, 'dst_reg', /dst_reg = 13 is not allowed with opcode 0xb7/],
    ['writing the frame pointer', join(mov(10, 0), EXIT), 0, 'dst_reg', /dst_reg = 10/],
    ['a source register beside an immediate', join(slot(0xb7, { src: 2 }), EXIT), 0, 'src_reg', /src_reg = 2/],
    ['an offset in an addition', join(slot(0x07, { off: 3 }), EXIT), 0, 'off', /off = 3/],
    ['an immediate beside a source register', join(slot(0x0f, { imm: 1 }), EXIT), 0, 'imm', /imm = 1/],
    ['a move of 24 bits', join(slot(0xbf, { off: 24 }), EXIT), 0, 'off', /off = 24/],
    ['a 32-bit move of 32 bits', join(slot(0xbc, { off: 32 }), EXIT), 0, 'off', /off = 32/],
    ['a swap of 8 bits', join(slot(0xdc, { imm: 8 }), EXIT), 0, 'imm', /imm = 8/],
    ['a zero extension of another register', join(slot(0xbc, { src: 2, imm: 1 }), EXIT), 0, 'dst_reg', /dst_reg = 0/],
    ['an unknown atomic operation', join(slot(0xdb, { imm: 0x20 }), EXIT), 0, 'imm', /imm = 32/],
    ['an unknown kind of call', join(slot(0x85, { src: 3 }), EXIT), 0, 'src_reg', /src_reg = 3/],
    ['an exit with an immediate', slot(0x95, { imm: 1 }), 0, 'imm', /imm = 1 is not allowed with opcode 0x95/],
  ];
  for (const [name, bytes, at, field, message] of cases) {
    it(name, () => {
      const error = errorOf(bytes);
      expect(error).toBeInstanceOf(InputError);
      expect([error.slot, error.field]).toEqual([at, field]);
      expect(error.message).toMatch(message);
    });
  }

  it('a program of the other byte order', () => {
    const swapped = join(
      slot(0xb7, { dst: 1, imm: 1 }, 'big'),
      slot(0xbf, { dst: 0, src: 1 }, 'big'),
      slot(0x95, {}, 'big'),
    );
    expect(decode(swapped, 'big').instructions[0]).toMatchObject({ op: 'alu', dst: 1, src: { imm: 1 } });
    expect(errorOf(swapped, 'little').slot).toBe(0);
  });
});

describe('typed instructions', () => {
  it('have slot numbers that count a 64-bit immediate load twice', () => {
    const program = decode(join(imm64(1, 0xfedc_ba98_7654_3210n), mov(0, 1), EXIT), 'little');
    expect(program.instructions.map(({ index }) => index)).toEqual([0, 2, 3]);
    expect([...program.positionOfSlot]).toEqual([0, -1, 1, 2]);
    expect(program.instructions[0]).toMatchObject({ op: 'load-imm64', dst: 1, value: 0xfedc_ba98_7654_3210n });
  });

  it('read registers from the other half of the byte on big-endian machines', () => {
    const fields = { dst: 3, src: 4, off: -8 };
    for (const order of ['little', 'big'] as const) {
      const bytes = join(slot(0x7b, fields, order), slot(0x95, {}, order));
      expect(decode(bytes, order).instructions[0]).toMatchObject({ op: 'store', base: 3, off: -8, src: { reg: 4 } });
    }
  });

  it('take the target of a call from off, whatever stands in imm', () => {
    const bytes = join(slot(0x85, { src: 1, off: 1, imm: -1234 }), EXIT, mov(0, 1), EXIT);
    expect(decode(bytes, 'little').instructions[0]).toMatchObject({ op: 'call', target: 2, imm: -1234 });
  });

  it('know no target for a call whose distance the dump leaves out', () => {
    const bytes = join(slot(0x85, { src: 1, imm: 1 }), EXIT, mov(0, 1), EXIT);
    expect(decode(bytes, 'little').instructions[0]).toMatchObject({ op: 'call', target: null });
  });

  it('find the target of a truncated call only where one slot fits', () => {
    const filler = (count: number): Uint8Array[] => Array.from({ length: count }, () => mov(0, 0));
    // 40000 slots on, truncated to 16 bits: no other slot of a program of 40010 slots has those low bits.
    const one = join(slot(0x85, { src: 1, off: (40000 << 16) >> 16 }), ...filler(40008), EXIT);
    expect(decode(one, 'little').instructions[0]).toMatchObject({ target: 40001 });
    const two = join(slot(0x85, { src: 1, off: 100 }), ...filler(70000), EXIT);
    expect(decode(two, 'little').instructions[0]).toMatchObject({ target: null });
  });

  it('make a map id of an unsigned immediate', () => {
    const bytes = join(slot(0x18, { src: 1, imm: -2 }), slot(0), EXIT);
    expect(decode(bytes, 'little').instructions[0]).toMatchObject({ op: 'load-map', mapId: 0xffff_fffe });
  });
});

describe('any bytes', () => {
  const orders = fc.constantFrom('little' as const, 'big' as const);
  it('decode or give a decode error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 256 }), orders, (bytes, order) => {
        try {
          decode(bytes, order);
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error;
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('of valid opcodes decode or give a decode error', () => {
    const opcode = fc.constantFrom(...INSTRUCTION_FORMS.map((form) => form.opcode), 0);
    const one = fc
      .record({ opcode, dst: fc.nat(15), src: fc.nat(15), off: fc.integer({ min: -4, max: 4 }), imm: fc.integer() })
      .map(({ opcode: code, ...fields }) => slot(code, fields));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), orders, (slots, order) => {
        try {
          decode(join(...slots), order);
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error;
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('every captured program', () => {
  const programs = [
    ...readCaptures().flatMap(({ name, programs: all }) =>
      all.map(({ name: n, bytes }) => ({ name: `${name}/${n}`, bytes })),
    ),
    ...readRandomPrograms().map(({ id, xlated }) => ({ name: `random ${String(id)}`, bytes: xlated })),
  ];
  for (const { name, bytes } of programs) {
    it(`${name} decodes, and no shorter piece of it crashes`, () => {
      const { instructions } = decode(bytes, 'little');
      expect(instructions.length).toBeGreaterThan(1);
      for (let length = 0; length < bytes.length; length += 5) {
        try {
          decode(bytes.subarray(0, length), 'little');
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }
    });
  }
});

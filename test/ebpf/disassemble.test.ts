import { describe, expect, it } from 'vitest';
import { decode } from '../../src/ebpf/decode.js';
import { disassemble, formatLine, type DisassembleOptions } from '../../src/ebpf/disassemble.js';
import { EXIT, imm64, join, mov, slot, type Fields } from './bytes.js';
import { readCaptures } from './captures.js';

function listing(bytes: Uint8Array, options?: DisassembleOptions): string[] {
  return disassemble(decode(bytes, 'little'), options).map(formatLine);
}

describe("bpftool's recorded listings", () => {
  for (const { name, programs, listing: text } of readCaptures()) {
    it(`of ${name} are printed line by line`, () => {
      // Besides instructions they hold headings, and source lines where the program has type data.
      const expected = text.split('\n').filter((line) => /^ *\d+: \(/.test(line));
      for (const dialect of ['linux', 'bpftool-7.1'] as const) {
        expect(programs.flatMap(({ bytes }) => listing(bytes, { dialect }))).toEqual(expected);
      }
      expect(expected.length).toBeGreaterThan(1);
    });
  }
});

/** Forms that no capture holds, with the text of kernel/bpf/disasm.c (Linux 6.18), and of bpftool 7.1.0 where it differs. */
const LINES: [opcode: number, fields: Fields, text: string, bpftool71?: string][] = [
  [0x87, { dst: 3 }, '(87) r3 = -r3'],
  [0x84, { dst: 3 }, '(84) w3 = -w3'],
  [0x04, { dst: 12, imm: -5 }, '(04) w12 += -5'],
  [0xcf, { dst: 1, src: 2 }, '(cf) r1 s>>= r2'],
  [0x37, { dst: 1, off: 1, imm: 3 }, '(37) r1 s/= 3', '(37) r1 /= 3'],
  [0x9c, { dst: 1, src: 2, off: 1 }, '(9c) w1 s%= w2', '(9c) w1 %= w2'],
  [0xbf, { dst: 1, src: 2, off: 16 }, '(bf) r1 = (s16)r2', '(bf) r1 = r2'],
  [0xbc, { dst: 1, src: 2, off: 8 }, '(bc) w1 = (s8)w2', '(bc) w1 = w2'],
  [0xbf, { dst: 1, src: 1, off: -1 }, '(bf) r1 = &(void __percpu *)(r1)', '(bf) r1 = r1'],
  [0xbf, { dst: 1, src: 2, off: 1, imm: 65536 }, '(bf) r1 = addr_space_cast(r2, 1, 0)', '(bf) r1 = r2'],
  [0xd4, { dst: 1, imm: 16 }, '(d4) r1 = le16 r1'],
  [0xdc, { dst: 1, imm: 64 }, '(dc) r1 = be64 r1'],
  [0xd7, { dst: 1, imm: 32 }, '(d7) r1 = bswap32 r1', 'BUG_alu64_d7'],
  [0x45, { dst: 1, imm: -2 }, '(45) if r1 & 0xfffffffe goto pc+0'],
  [0xce, { dst: 1, src: 2 }, '(ce) if w1 s< w2 goto pc+0'],
  [0x06, {}, '(06) gotol pc+0', '(06) if w0 jmp 0x0 goto pc+0'],
  [0x0d, { dst: 4 }, '(0d) gotox r4', '(0d) if r4 jmp r0 goto pc+0'],
  [0x81, { dst: 1, src: 2, off: 4 }, '(81) r1 = *(s32 *)(r2 +4)', 'BUG_ldx_81'],
  [0x7a, { dst: 10, off: -8, imm: -1 }, '(7a) *(u64 *)(r10 -8) = -1'],
  [0x73, { dst: 10, off: -1, src: 3 }, '(73) *(u8 *)(r10 -1) = r3'],
  [0xdb, { dst: 1, src: 2 }, '(db) lock *(u64 *)(r1 +0) += r2'],
  [0xc3, { dst: 1, src: 2, imm: 0xa0 }, '(c3) lock *(u32 *)(r1 +0) ^= r2'],
  [0xc3, { dst: 1, src: 2, imm: 0x41 }, '(c3) r2 = atomic_fetch_or((u32 *)(r1 +0), r2)'],
  [0xdb, { dst: 1, src: 2, imm: 0xe1 }, '(db) r2 = atomic64_xchg((u64 *)(r1 +0), r2)'],
  [0xdb, { dst: 1, src: 2, imm: 0xf1 }, '(db) r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)'],
  [0xd3, { dst: 1, src: 2, imm: 0x100 }, '(d3) r1 = load_acquire((u8 *)(r2 +0))', 'BUG_d3'],
  [0xdb, { dst: 1, src: 2, imm: 0x110 }, '(db) store_release((u64 *)(r1 +0), r2)', 'BUG_db'],
  [0xc2, {}, '(c2) nospec'],
  [0x85, { imm: 12 }, '(85) call bpf_tail_call#12'],
  [0x85, {}, '(85) call bpf_unspec#0'],
  [0x85, { imm: -108800 }, '(85) call bpf_get_current_uid_gid#-108800'],
  [0x85, { imm: -7 }, '(85) call unknown#-7'],
  [0x85, { src: 1, off: 1, imm: 1 }, '(85) call pc+1#bpf_prog_f'],
];

describe('forms that no capture holds', () => {
  const functionName = (imm: number): string | undefined => (imm === -108800 ? 'bpf_get_current_uid_gid' : undefined);
  const subprogramName = (): string => 'bpf_prog_f';
  for (const [opcode, fields, text, old] of LINES) {
    it(text, () => {
      const bytes = join(slot(opcode, fields), mov(0, 0), EXIT);
      const line = (dialect: 'linux' | 'bpftool-7.1'): string | undefined =>
        disassemble(decode(bytes, 'little'), { dialect, functionName, subprogramName })[0]?.text;
      expect(line('linux')).toBe(text);
      expect(line('bpftool-7.1')).toBe(old ?? text);
    });
  }

  it('64-bit immediate loads', () => {
    const map = join(slot(0x18, { dst: 1, src: 1, imm: 7 }), slot(0));
    const value = join(slot(0x18, { dst: 1, src: 2, imm: 7 }), slot(0, { imm: 12 }));
    const callback = join(slot(0x18, { dst: 1, src: 4, imm: 1 }), slot(0, { imm: 1 }));
    expect(listing(join(map, value, callback, imm64(2, -1n), EXIT))).toEqual([
      '   0: (18) r1 = map[id:7]',
      '   2: (18) r1 = map[id:7][0]+12',
      '   4: (18) r1 = subprog[+1]',
      '   6: (18) r2 = 0xffffffffffffffff',
      '   8: (95) exit',
    ]);
  });
});

/** Marks of writers, one at a time: the shapes their code generators leave (see the sources named in author.ts). */
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/ebpf/decode.js';
import { authorOf, type AuthorHints } from '../../src/effective/author.js';
import { EXIT, join, slot } from '../ebpf/bytes.js';

const NOTHING: AuthorHints = { name: '', gplCompatible: null, containerRuntime: null, containerEngine: null };
const halfword = slot(0x69, { dst: 2, src: 1 });
const word = slot(0x61, { dst: 2, src: 1 });
const secondHalf = slot(0x69, { dst: 3, src: 1, off: 2 });
const major = slot(0x61, { dst: 4, src: 1, off: 4 });
const otherWord = slot(0x61, { dst: 3, src: 1 });
const short = slot(0xb4, { dst: 0, imm: 1 });
const long = slot(0xb7, { dst: 0, imm: 1 });
const copyToResult = slot(0xbf, { dst: 0, src: 2 });
const jump = slot(0x05, { off: 0 });
const sentinel = slot(0x54, { dst: 1 });
const mapValue = join(slot(0x18, { dst: 3, src: 2, imm: 7 }), slot(0));
const map = join(slot(0x18, { dst: 3, src: 1, imm: 7 }), slot(0));
const nothing = slot(0xb7, { dst: 5 });
/** r1 = r3; r1 &= 6; if r1 != r3; if r2 != 2, with one of them another. */
const mask = (
  copy = slot(0xbc, { dst: 1, src: 3 }),
  and = slot(0x54, { dst: 1, imm: 6 }),
  test = slot(0x5d, { dst: 1, src: 3, off: 1 }),
  type = slot(0x55, { dst: 2, imm: 2, off: 0 }),
): Uint8Array => join(copy, and, test, type);

const label = (parts: readonly Uint8Array[], hints: Partial<AuthorHints> = {}): string => {
  const { name, confidence } = authorOf(decode(join(...parts, EXIT), 'little'), { ...NOTHING, ...hints });
  return confidence === 'unknown' ? name : `${name} ${confidence}`;
};
type Row = [name: string, parts: Uint8Array[], hints: Partial<AuthorHints>, label: string];
const GPL = { gplCompatible: true };
const APACHE = { gplCompatible: false };

describe('programs with 32-bit results', () => {
  const rows: Row[] = [
    ['of a container of runc', [word, short], { containerRuntime: 'runc' }, 'runc certain'],
    ['of a container of youki', [word, short], { ...APACHE, containerRuntime: 'youki' }, 'youki certain'],
    ['of some other container', [word, short], { containerRuntime: 'crun' }, 'runc likely'],
    ['without a license that is known', [word, short], {}, 'runc likely'],
    ['under the GPL are nobody’s', [word, short], GPL, 'unknown'],
    ['with the halfword prologue of old', [halfword, short], { containerRuntime: 'runc' }, 'runc likely'],
    ['with it, of nobody’s container', [halfword, short], {}, 'containerd-cgroups likely'],
    ['with two such prologues', [halfword, short, halfword, short], {}, 'nvidia-hook likely'],
    ['with one in front of a word', [halfword, word, short], GPL, 'nvidia-hook likely'],
    ['with loads of other halves', [secondHalf, secondHalf, word, short], {}, 'runc likely'],
    ['with loads of other words', [halfword, major, short], {}, 'containerd-cgroups likely'],
    ['with the word in another register', [halfword, otherWord, short], {}, 'containerd-cgroups likely'],
    ['with the result moved from a register first', [copyToResult, word, short], {}, 'runc likely'],
  ];
  it.each(rows)('%s', (_, parts, hints, result) => {
    expect(label(parts, hints)).toBe(result);
  });
});

describe('programs with 64-bit results', () => {
  const rows: Row[] = [
    ['by default', [word, nothing, long], GPL, 'crun likely'],
    ['without a license that is known', [word, nothing, long], {}, 'crun likely'],
    ['under another license are nobody’s', [word, nothing, long], APACHE, 'unknown'],
    ['of a container of crun', [word, nothing, long], { containerRuntime: 'crun' }, 'crun certain'],
    ['with crun’s table terminator', [word, sentinel, long], GPL, 'crun certain'],
    ['with a mask that is none', [word, slot(0x54, { dst: 1, imm: 1 }), long], GPL, 'crun likely'],
    ['with a mask of another register', [word, slot(0x54, { dst: 3 }), long], GPL, 'crun likely'],
    ['with an or of nothing', [word, slot(0x44, { dst: 1 }), long], GPL, 'crun likely'],
    ['with a mask in a register', [word, slot(0x5c, { dst: 1, src: 3 }), long], GPL, 'crun likely'],
    ['with one exit that rules jump to', [word, jump, long], GPL, 'systemd likely'],
    ['with jumps and two exits', [word, jump, long, EXIT], GPL, 'crun likely'],
    ['of two instructions', [long], GPL, 'systemd likely'],
    ['of two instructions, in a container of crun', [long], { containerRuntime: 'crun' }, 'systemd likely'],
    ['of three', [nothing, long], GPL, 'crun likely'],
    ['that test the access first', [mask(), long], GPL, 'lxc likely'],
    ...(['lxc', 'incus', 'lxd'] as const).map((containerEngine): Row => [
      `that do so in ${containerEngine}`,
      [mask(), long],
      { containerEngine },
      'lxc certain',
    ]),
    ['of LXC that do not', [word, nothing, long], { containerEngine: 'lxc' }, 'lxc likely'],
    ['of docker that do not', [word, nothing, long], { containerEngine: 'docker' }, 'crun likely'],
    ['that test the access first, with one exit', [mask(), jump, long], GPL, 'systemd likely'],
  ];
  it.each(rows)('%s', (_, parts, hints, result) => {
    expect(label(parts, hints)).toBe(result);
  });
  it.each<[string, Uint8Array]>([
    ['copies to another register', mask(slot(0xbc, { dst: 4, src: 3 }))],
    ['adds', mask(slot(0x0c, { dst: 1, src: 3 }))],
    ['loads', mask(slot(0x61, { dst: 1, src: 10, off: -4 }))],
    ['masks another register', mask(undefined, slot(0x54, { dst: 4, imm: 6 }))],
    ['sets bits', mask(undefined, slot(0x44, { dst: 1, imm: 6 }))],
    ['does not mask', mask(undefined, slot(0x61, { dst: 1, src: 10, off: -4 }))],
    ['tests another register', mask(undefined, undefined, slot(0x5d, { dst: 4, src: 3, off: 1 }))],
    ['does not test', mask(undefined, undefined, nothing)],
    ['asks for no type', mask(undefined, undefined, undefined, slot(0x55, { dst: 4, imm: 2, off: 0 }))],
    ['ends before the type', mask(undefined, undefined, undefined, nothing)],
  ])('are not LXC’s where the access is tested by code that %s', (_, bytes) => {
    expect(label([bytes, long], GPL)).toBe('crun likely');
  });
});

describe('programs with maps', () => {
  it.each(['libvirt', 'docker'])('of %s', (containerEngine) => {
    const result = containerEngine === 'libvirt' ? 'libvirt likely' : 'unknown';
    expect(label([word, map, long], { containerEngine })).toBe(result);
    expect(label([word, mapValue, long], { containerEngine })).toBe(result);
  });
});
it('programs without a result of their own are nobody’s', () => {
  expect(label([copyToResult])).toBe('unknown');
  expect(label([copyToResult], APACHE)).toBe('unknown');
});
it('the marks say what a label rests on', () => {
  const marks = (parts: Uint8Array[], hints: Partial<AuthorHints>): string[] =>
    authorOf(decode(join(...parts, EXIT), 'little'), { ...NOTHING, ...hints }).marks;
  expect(marks([word, short], APACHE)).toEqual(['32-bit result moves', 'license not GPL']);
  expect(marks([word, short], {})).toEqual(['32-bit result moves']);
  expect(marks([word, nothing, long], GPL)).toEqual(['64-bit result moves', 'license GPL']);
  expect(marks([word, nothing, long], {})).toEqual(['64-bit result moves']);
});

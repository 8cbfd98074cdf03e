/** Numbers that are worked out as far as something asks for them. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import { constant, type BitVector } from '../../src/symbolic/bitvector.js';
import {
  bytesOf,
  computationOf,
  defer,
  derive,
  isPending,
  lowerBits,
  mapBits,
  maskOf,
  NULL_WORD,
  sameWord,
  selectWord,
  signExtendWord,
  upperBits,
  widthOf,
  wordFromBytes,
  wordOf,
  type Byte,
  type Word,
  type Worker,
} from '../../src/symbolic/word.js';
import { Random } from '../property/random.js';
import { numberUnder } from './expressions.js';

const ALL = (1n << 64n) - 1n;
const plainly: Worker = (compute) => compute();
/** As that of the evaluator: nothing may be worked out inside other work. */
let working = false;
const strictly: Worker = (compute) => {
  if (working) throw new Error('a number was worked out inside another');
  working = true;
  try {
    return compute();
  } finally {
    working = false;
  }
};
const m = new BddManager();
const bitsOf = (value: bigint): BitVector => constant(64, value);
const numberOf = (bits: BitVector): bigint => numberUnder(m, bits, 0);
const positions = Array.from({ length: 64 }, (_, i) => i);
const has = (mask: bigint, i: number): boolean => ((mask >> BigInt(i)) & 1n) === 1n;
const setOf = (wanted: (i: number) => boolean): bigint =>
  positions.reduce((mask, i) => (wanted(i) ? mask | (1n << BigInt(i)) : mask), 0n);

function randomMask(random: Random): bigint {
  const wide = (BigInt(random.bits()) << 32n) | BigInt(random.bits());
  return random.pick([0n, 1n, 1n << 63n, ALL, wide, wide >> BigInt(random.below(64)), 1n << BigInt(random.below(64))]);
}

/** A number still to be worked out, and the masks it was asked for. */
function pendingWord(value: bigint, asked: bigint[] = []): Word {
  return defer(strictly, [], (mask) => {
    asked.push(mask);
    return mapBits(mask, (i) => (has(value, i) ? TRUE : FALSE));
  });
}

describe('sets of bits', () => {
  it('reach down from their highest, up from their lowest', () => {
    const random = new Random(1);
    for (let round = 0; round < 200; round++) {
      const mask = randomMask(random);
      const [highest, lowest] = [
        positions.findLastIndex((i) => has(mask, i)),
        positions.findIndex((i) => has(mask, i)),
      ];
      expect(widthOf(mask)).toBe(highest + 1);
      expect(lowerBits(mask)).toBe(setOf((i) => i <= highest));
      expect(upperBits(mask)).toBe(setOf((i) => lowest >= 0 && i >= lowest));
    }
  });
  it('are made of a first bit and a count', () => {
    for (const [first, count] of [
      [0, 0],
      [0, 64],
      [5, 3],
      [63, 1],
      [32, 32],
    ] as const)
      expect(maskOf(first, count)).toBe(setOf((i) => i >= first && i < first + count));
  });
  it('say which bits a function is applied to', () => {
    const random = new Random(2);
    for (let round = 0; round < 50; round++) {
      const mask = randomMask(random);
      expect(mapBits(mask, (i) => 2 + i)).toEqual(positions.map((i) => (has(mask, i) ? 2 + i : FALSE)));
    }
  });
});

describe('a deferred number', () => {
  it('works out what is asked for, once, and keeps it', () => {
    const random = new Random(3);
    for (let round = 0; round < 50; round++) {
      const [value, asked] = [randomMask(random), [] as bigint[]];
      const word = pendingWord(value, asked);
      let known = 0n;
      for (let step = 0; step < 4; step++) {
        const mask = randomMask(random);
        const count = asked.length;
        expect(numberOf(word.need(mask)) & mask).toBe(value & mask);
        expect(asked.slice(count)).toEqual((mask & ~known) === 0n ? [] : [mask & ~known]);
        known |= mask;
        expect(numberOf(word.need(0n)) & known).toBe(value & known);
        expect(isPending(word)).toBe(known !== ALL);
      }
    }
  });

  it('has its operands worked out first, as far as it needs them, outside its own work', () => {
    const log: string[] = [];
    let inside = '';
    const worker: Worker = (compute, operands) => {
      inside = 'inside ';
      log.push(
        `operands ${operands()
          .map((bits) => numberOf(bits))
          .join()}`,
      );
      const bits = compute();
      inside = '';
      return bits;
    };
    const operand = defer(plainly, [], (mask) => {
      log.push(`${inside}operand ${String(mask)}`);
      return bitsOf(mask);
    });
    const word = defer(worker, [{ word: operand, demand: (mask) => mask << 4n }], (mask) => {
      log.push(`${inside}result ${String(mask)}`);
      return operand.need(mask << 4n);
    });
    expect(numberOf(word.need(3n)) & 3n).toBe(0n);
    expect(log).toEqual(['operand 48', 'operands 48', 'inside result 3']);
  });

  it('may be worked out in another way', () => {
    const asked: [Word, bigint][] = [];
    const byTable: Worker['byTable'] = (word, mask, otherwise) => {
      asked.push([word, mask]);
      return mask === 1n ? bitsOf(ALL) : otherwise();
    };
    const word = defer(Object.assign(plainly.bind(null), { byTable }), [], () => bitsOf(0n));
    expect(numberOf(word.need(1n)) & 1n).toBe(1n);
    expect(numberOf(word.need(ALL))).toBe(1n);
    expect(asked).toEqual([
      [word, 1n],
      [word, ALL - 1n],
    ]);
  });

  it('says how it comes about until it is worked out', () => {
    const operands = [wordOf(bitsOf(1n)), pendingWord(1n)] as const;
    const computation = { kind: 'alu', op: 'add', width: 64, a: operands[0], b: operands[1] } as const;
    const word = derive([{ word: operands[1], demand: (mask) => mask }], () => bitsOf(2n), computation);
    expect(computationOf(word)).toBe(computation);
    word.need(ALL - 1n);
    expect(computationOf(word)).toBe(computation);
    word.need(1n);
    expect(computationOf(word)).toBeNull();
    expect(computationOf(pendingWord(1n))).toBeNull();
    expect(computationOf(operands[0])).toBeNull();
  });

  it('is known at once where its operands are', () => {
    const derived = (word: Word): Word =>
      derive(
        [
          { word: wordOf(bitsOf(1n)), demand: (mask) => mask },
          { word, demand: (mask) => mask },
        ],
        (mask) => word.need(mask),
      );
    const [known, deferred] = [derived(wordOf(bitsOf(9n))), derived(pendingWord(9n))];
    expect([known, deferred].map(isPending)).toEqual([false, true]);
    expect([known, deferred].map((word) => numberOf(word.need(ALL)))).toEqual([9n, 9n]);
  });

  it('is worked out where the chain gets too long', () => {
    const lengthened = (word: Word): Word =>
      defer(
        plainly,
        [
          { word: NULL_WORD, demand: () => 0n },
          { word, demand: (mask) => mask },
        ],
        (mask) => word.need(mask),
      );
    let word = pendingWord(5n);
    for (let length = 2; length <= 256; length++) word = lengthened(word);
    expect(isPending(word)).toBe(true);
    const last = lengthened(word);
    expect([word, last].map(isPending)).toEqual([false, false]);
    expect(numberOf(last.need(ALL))).toBe(5n);
    // What is known does not count.
    expect(isPending(lengthened(pendingWord(1n)))).toBe(true);
  });
});

describe('the same number', () => {
  it('is one whose bits are, where both are known', () => {
    const pending = pendingWord(3n);
    expect(sameWord(wordOf(bitsOf(3n)), wordOf(bitsOf(3n)))).toBe(true);
    expect(sameWord(wordOf(bitsOf(3n)), wordOf(bitsOf(4n)))).toBe(false);
    expect(sameWord(pending, pending)).toBe(true);
    expect(sameWord(pending, wordOf(bitsOf(3n)))).toBe(false);
    expect(sameWord(wordOf(bitsOf(3n)), pending)).toBe(false);
    expect(sameWord(pendingWord(3n), pending)).toBe(false);
    expect(isPending(pending)).toBe(true);
  });
});

describe('choices, bytes and signs', () => {
  const condition: Ref = m.variable(0);
  const random = new Random(4);
  const wide = (): bigint => (BigInt(random.bits()) << 32n) | BigInt(random.bits());
  /** Known, or still to be worked out. */
  const wordFor = (value: bigint, asked?: bigint[]): Word =>
    random.chance(50) ? wordOf(bitsOf(value)) : pendingWord(value, asked);

  it('between two numbers', () => {
    for (let round = 0; round < 100; round++) {
      const [a, b, mask] = [wide(), wide(), randomMask(random)];
      const word = selectWord(m, condition, wordFor(a), wordFor(b));
      for (const part of [mask, ALL]) {
        const bits = word.need(part);
        expect([1, 0].map((value) => numberUnder(m, bits, value) & part)).toEqual([a & part, b & part]);
      }
    }
    const word = pendingWord(1n);
    expect(selectWord(m, condition, word, word)).toBe(word);
    const other = pendingWord(2n);
    expect([selectWord(m, TRUE, word, other), selectWord(m, FALSE, word, other)]).toEqual([word, other]);
  });

  it('of several numbers', () => {
    for (let round = 0; round < 200; round++) {
      const values = [wide(), wide(), wide()];
      const asked = values.map((): bigint[] => []);
      const words = values.map((value, i) => wordFor(value, asked[i]));
      const chosen = Array.from({ length: 1 + random.below(8) }, () => ({
        of: random.below(4),
        byte: random.below(8),
      }));
      const word = wordFromBytes(
        chosen.map(({ of, byte }): Byte => (of === 3 ? null : { word: words[of]!, first: byte * 8 })),
      );
      const expected = chosen.reduce(
        (sum, { of, byte }, k) => sum | ((((values[of] ?? 0n) >> BigInt(byte * 8)) & 0xffn) << BigInt(k * 8)),
        0n,
      );
      const mask = randomMask(random);
      const pending = isPending(word);
      expect(numberOf(word.need(mask)) & mask).toBe(expected & mask);
      // No more is asked of each than its bits in the mask.
      words.forEach((_, of) => {
        const needed = chosen.reduce(
          (sum, choice, k) =>
            choice.of === of ? sum | (((mask >> BigInt(k * 8)) & 0xffn) << BigInt(choice.byte * 8)) : sum,
          0n,
        );
        if (pending) expect(asked[of]!.reduce((sum, bits) => sum | bits, 0n) & ~needed).toBe(0n);
      });
      expect(word.need(ALL)).toHaveLength(64);
      expect(numberOf(word.need(ALL))).toBe(expected);
    }
  });

  it('of all of one number are that number', () => {
    const word = pendingWord(wide());
    const bytes = bytesOf(word);
    expect(bytes).toEqual([0, 8, 16, 24, 32, 40, 48, 56].map((first) => ({ word, first })));
    expect(bytesOf(word, 2)).toEqual(bytes.slice(0, 2));
    expect(wordFromBytes(bytes)).toBe(word);
    const others: (readonly Byte[])[] = [
      bytes.slice(0, 7),
      [...bytes.slice(0, 7), null],
      [...bytes.slice(0, 7), bytes[6]!],
      [...bytes.slice(0, 7), { word: wordOf(bitsOf(0n)), first: 56 }],
      [null, ...bytes.slice(1)],
    ];
    for (const other of others) expect(wordFromBytes(other)).not.toBe(word);
  });

  it('of words made of bytes are those of the numbers these were made of', () => {
    const [one, other] = [pendingWord(wide()), pendingWord(wide())];
    const [a, b] = [bytesOf(one), bytesOf(other)];
    const both = bytesOf(wordFromBytes([...a.slice(0, 4), ...b.slice(0, 3)]));
    const bytesIn = (word: Word): readonly Byte[] => {
      const computation = computationOf(word);
      return computation?.kind === 'bytes' ? computation.bytes : [];
    };
    expect(bytesIn(wordFromBytes(both.slice(3)))).toEqual([a[3], ...b.slice(0, 3), null]);
    expect(wordFromBytes([...both.slice(0, 4), ...a.slice(4)])).toBe(one);
  });

  it('extends signs', () => {
    for (let round = 0; round < 200; round++) {
      const [bits, width] = random.pick([
        [8, 32],
        [16, 32],
        [8, 64],
        [16, 64],
        [32, 64],
      ] as const);
      const [value, mask, asked] = [wide(), randomMask(random), [] as bigint[]];
      const word = signExtendWord(wordFor(value, asked), bits, width);
      const expected = BigInt.asUintN(width, BigInt.asIntN(bits, value));
      expect(numberOf(word.need(mask)) & mask).toBe(expected & mask);
      expect(asked.every((of) => of < 1n << BigInt(bits))).toBe(true);
      // The sign, where bits of it are asked for.
      const needed =
        (mask & maskOf(0, bits)) | ((mask & maskOf(bits, width - bits)) === 0n ? 0n : 1n << BigInt(bits - 1));
      if (isPending(word)) expect(asked.reduce((sum, of) => sum | of, 0n) & ~needed).toBe(0n);
      expect(numberOf(word.need(ALL))).toBe(expected);
    }
  });
});

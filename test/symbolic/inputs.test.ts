/** What verdicts may depend on besides the request, as rows of variables. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE } from '../../src/bdd/manager.js';
import { REQUEST_VARIABLES } from '../../src/policy/variables.js';
import { constant, zeroExtend, type BitVector } from '../../src/symbolic/bitvector.js';
import { Inputs } from '../../src/symbolic/inputs.js';

describe('inputs', () => {
  const m = new BddManager();

  it('are the same under the same name, and all others differ', () => {
    const inputs = new Inputs(m);
    expect(inputs.isEmpty).toBe(true);
    const first = inputs.word('uid', 'depends:uid');
    expect(inputs.isEmpty).toBe(false);
    expect(first.length).toBe(64);
    expect(inputs.word('uid', 'depends:uid')).toEqual(first);
    // Enough of them for more than one block of interleaved variables.
    const words = Array.from({ length: 100 }, (_, i) => inputs.word(`time${String(i)}`, 'depends:time'));
    const variables = [first, ...words].flatMap((word) => m.supportOfAll(word));
    expect(variables.length).toBe(101 * 64);
    expect(new Set(variables).size).toBe(101 * 64);
    expect(Math.min(...variables)).toBe(REQUEST_VARIABLES);
  });
  it('have as many bits as are asked for, the low ones first', () => {
    const inputs = new Inputs(m);
    const whole = inputs.word('cpu', 'depends:cpu');
    for (const width of [1, 31, 32, 63, 64]) {
      const word = inputs.word('cpu', 'depends:cpu', width);
      expect(word).toEqual([...whole.slice(0, width), ...constant(64 - width, 0n)]);
    }
    expect(inputs.variables('cpu').map((variable) => m.variable(variable))).toEqual(whole);
    expect(inputs.variables('nobody')).toEqual([]);
  });
  it('name the reason of each of their variables', () => {
    const inputs = new Inputs(m);
    const words = Array.from({ length: 70 }, (_, i) => inputs.word(`input${String(i)}`, `reason ${String(i)}`));
    words.forEach((word, i) => {
      for (const bit of [word[0]!, word[31]!, word[63]!]) {
        expect(m.support(bit).map((variable) => inputs.reasonOf(variable))).toEqual([`reason ${String(i)}`]);
      }
    });
    const top = Math.max(...words.flatMap((word) => m.supportOfAll(word)));
    expect([0, REQUEST_VARIABLES - 1, top + 1].map((variable) => inputs.reasonOf(variable))).toEqual([
      null,
      null,
      null,
    ]);
  });
  it('that functions depend on are told once each, sorted', () => {
    const inputs = new Inputs(m);
    const [b, a, again] = [inputs.word('b', 'depends:b'), inputs.word('a', 'depends:a'), inputs.word('c', 'depends:b')];
    expect(inputs.reasonsIn([m.and(b[3]!, m.variable(2)), m.or(a[0]!, again[9]!)])).toEqual(['depends:a', 'depends:b']);
    expect(inputs.reasonsIn([m.variable(2), FALSE])).toEqual([]);
  });
});

describe('numbers by the request and numbers by inputs', () => {
  const m = new BddManager();
  const inputs = new Inputs(m);
  const request = (bits: number): BitVector =>
    zeroExtend(
      Array.from({ length: bits }, (_, bit) => m.variable(bit)),
      64,
    );
  const input = (bits: number): BitVector => inputs.word('x', 'depends:x', bits);
  const both = (a: BitVector, b: BitVector): boolean[] => [inputs.mixes(a, b), inputs.mixes(b, a)];

  it('do not mix before there are inputs', () => {
    expect(new Inputs(m).mixes(request(36), request(36))).toBe(false);
  });
  it('do not mix where one of them has ten bits or fewer', () => {
    expect(both(request(11), input(11))).toEqual([true, true]);
    expect(both(request(36), input(11))).toEqual([true, true]);
    expect(both(request(11), input(64))).toEqual([true, true]);
    expect(both(request(10), input(64))).toEqual([false, false]);
    expect(both(request(36), input(10))).toEqual([false, false]);
    expect(both(request(36), request(36))).toEqual([false, false]);
    expect(both(input(64), input(64))).toEqual([false, false]);
  });
  it('have no more values than their bits that vary, whatever these depend on', () => {
    const anyOf = (bits: BitVector): BitVector => constant(64, 0n).map((zero, i) => (i < 10 ? m.orAll(bits) : zero));
    expect(both(anyOf(request(36)), input(64))).toEqual([false, false]);
    expect(both(request(36), anyOf(input(64)))).toEqual([false, false]);
    // Bits that are constant do not vary.
    const oneMore = [...anyOf(request(36)).slice(0, 10), ...constant(54, -1n)];
    expect(both(oneMore, input(64))).toEqual([false, false]);
    expect(both([...oneMore.slice(0, 10), m.orAll(request(36)), ...constant(53, 0n)], input(64))).toEqual([true, true]);
  });
  it('may be one that depends on both', () => {
    const mixed = request(11).map((bit, i) => (i < 11 ? m.xor(bit, input(11)[i]!) : bit));
    expect(inputs.mixes(mixed, mixed)).toBe(true);
    const more = [...request(10).slice(0, 10), ...input(64).slice(0, 54)];
    expect(inputs.mixes(more, input(64))).toBe(false);
    expect(inputs.mixes(more, request(36))).toBe(true);
    const topBit = [...request(10).slice(0, 10), input(64)[63]!, ...constant(53, 0n)];
    expect(inputs.mixes(topBit, input(64))).toBe(false);
  });
});

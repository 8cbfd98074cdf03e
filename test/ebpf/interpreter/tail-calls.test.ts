/** bpf_tail_call: which program goes on, with what, and what follows where none does (kernel/bpf/core.c, ___bpf_prog_run). */
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ebpf/decode.js';
import { interpret, type InterpretResult } from '../../../src/ebpf/interpreter/interpret.js';
import { tailCall } from '../../../src/ebpf/interpreter/tail-calls.js';
import { known, partlyKnown, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { pointer, type Value } from '../../../src/ebpf/interpreter/value.js';
import type { MapContents, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { EXIT, join, mov, slot } from '../bytes.js';
import { environmentOf } from '../captures.js';
import { machineWith, mapOf, ORDERS } from './machines.js';

const MAP: Value = { kind: 'map', mapId: 7 };
const TARGET = { program: decode(join(mov(0, 1), EXIT), 'little'), environment: environmentOf(new Map()) };
const slots = mapOf('prog_array', { '00000000': '2a000000', '01000000': '00000000', '02000000': '2a00' });

/** What becomes of a tail call with map and index in r2 and r3. */
function outcome(map: Value, index: Value, contents: MapContents = slots, calls = 0, forgotten = false): unknown {
  const machine = machineWith({
    maps: [contents],
    environment: { programs: new Map([[42, TARGET]]) },
    registers: { 1: known(5n), 2: map, 3: index, 6: known(6n) },
  });
  machine.tailCalls = machine.mostTailCalls = calls;
  machine.fewestTailCalls = forgotten ? 0 : calls;
  machine.position = 1;
  const result = tailCall(machine);
  if (typeof result === 'object' && 'undecided' in result) return result.undecided;
  const entered = machine.unit.programId === 42;
  expect([machine.position, machine.tailCalls]).toEqual(entered ? [0, calls + 1] : [1, calls]);
  // Behind a tail call only the context and the frame are there; where it falls through only the arguments are gone.
  expect(machine.register(1)).toEqual(entered ? pointer('context', 0) : unknownScalar(['uninitialised']));
  expect(machine.register(6)).toEqual(entered ? unknownScalar(['uninitialised']) : known(6n));
  expect(machine.register(10)).toEqual(pointer(entered ? 'stack:1' : 'stack:0', 0));
  return entered ? 'entered' : 'next';
}

it.each<[string, Value, unknown]>([
  ['a program', known(0n), 'entered'],
  ['a program, by the low half of the index', known(0x1_0000_0000n), 'entered'],
  ['a program, where only the upper half is unknown', partlyKnown(0n, 1n << 32n, ['depends:uid']), 'entered'],
  ['no program', known(1n), 'next'],
  ['an empty slot', known(3n), 'next'],
  ['a slot behind the end', known(4n), 'next'],
  ['a slot that was not read whole', known(2n), ['depends:map:7']],
  ['an index that depends on who asks', unknownScalar(['depends:uid'], 1n), ['depends:uid']],
  ['an index of which the highest bit is unknown', unknownScalar(['depends:uid'], 1n << 31n), ['depends:uid']],
])('to %s', (_, index, result) => {
  expect(outcome(MAP, index)).toEqual(result);
});
it('to a program in a slot behind the end falls through', () => {
  expect(outcome(MAP, known(0n), { ...slots, maxEntries: 0 })).toBe('next');
});
it('through a map that is not known, or was not read', () => {
  expect(outcome(known(5n), known(0n))).toEqual(['tail-call']);
  expect(outcome(unknownScalar(['helper:x']), known(0n))).toEqual(['helper:x', 'tail-call']);
  expect(outcome(MAP, known(0n), { ...slots, entries: null })).toEqual(['depends:map:7']);
  expect(outcome(MAP, known(0n), { ...slots, id: 8 })).toEqual(['depends:map:7']);
});
it('is the last after 33', () => {
  expect([outcome(MAP, known(0n), slots, 32), outcome(MAP, known(0n), slots, 33)]).toEqual(['entered', 'next']);
  // Made by functions that have returned: not all kernels count them.
  expect(outcome(MAP, known(0n), slots, 32, true)).toBe('entered');
  expect(outcome(MAP, known(0n), slots, 33, true)).toEqual(['tail-call:7']);
});
it('to a program nobody has read, or that was replaced', () => {
  const machine = machineWith({ maps: [slots], registers: { 2: MAP, 3: known(0n) } });
  expect(tailCall(machine)).toEqual({ undecided: ['tail-call:7'] });
  const replaced = { ...TARGET, environment: { ...TARGET.environment, freplaced: 'unknown' as const } };
  const other = machineWith({
    maps: [slots],
    environment: { programs: new Map([[42, replaced]]) },
    registers: { 2: MAP, 3: known(0n) },
  });
  expect(tailCall(other)).toEqual({ undecided: ['freplace'] });
});
it.each(ORDERS)('reads index and id in the byte order of the machine: %s endian', (order) => {
  const [key, id] = order === 'little' ? ['01000000', '2a010000'] : ['00000001', '0000012a'];
  const machine = machineWith({
    order,
    maps: [mapOf('prog_array', { [key]: id })],
    environment: { programs: new Map([[0x12a, TARGET]]) },
    registers: { 2: MAP, 3: known(1n) },
  });
  expect([tailCall(machine), machine.unit.programId]).toEqual(['continue', 0x12a]);
  expect(machine.dependsOn).toEqual(new Set(['map:7']));
});

describe('a program behind a tail call', () => {
  const jump = join(
    slot(0x18, { dst: 2, src: 1, imm: 7 }),
    slot(0),
    mov(3, 0),
    slot(0x85, { imm: 12 }),
    mov(0, 0),
    EXIT,
  );
  const into = (bytes: Uint8Array, before: Uint8Array, maps: readonly MapContents[] = []): InterpretResult => {
    const environment: ProgramEnvironment = {
      ...environmentOf(new Map([[7, slots]])),
      programs: new Map([
        [
          42,
          { program: decode(bytes, 'little'), environment: environmentOf(new Map(maps.map((map) => [map.id, map]))) },
        ],
      ]),
    };
    return interpret(decode(join(before, jump), 'little'), environment, { type: 'c', access: 2, major: 1, minor: 3 });
  };
  const array = mapOf('array', { '00000000': '01000000' }, { id: 9 });
  const readArray = join(slot(0x18, { dst: 1, src: 2, imm: 9 }), slot(0), slot(0x61, { dst: 0, src: 1 }), EXIT);
  it('reads its own maps', () => {
    expect(into(readArray, new Uint8Array(0), [array])).toMatchObject({ outcome: 'return', r0: 1n });
  });
  it('knows nothing of them where the first program wrote to an unknown address', () => {
    const wild = join(slot(0x79, { dst: 4, src: 1, off: 64 }), slot(0x7a, { dst: 4, imm: 0 }));
    expect(into(readArray, wild, [array])).toMatchObject({ outcome: 'undecided', reason: 'depends:map:9' });
  });
  it('called in a subprogram returns to its caller', () => {
    const bytes = join(slot(0x85, { src: 1, off: 4 }), slot(0x07, { dst: 0, imm: -4 }), EXIT, mov(0, 0), EXIT, jump);
    const environment = {
      ...environmentOf(new Map([[7, slots]])),
      programs: new Map([[42, { ...TARGET, program: decode(join(mov(0, 5), EXIT), 'little') }]]),
    };
    const result = interpret(decode(bytes, 'little'), environment, { type: 'c', access: 2, major: 1, minor: 3 });
    expect(result).toMatchObject({ outcome: 'return', r0: 1n, trace: { programId: null, exit: 2 } });
  });
});

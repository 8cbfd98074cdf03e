import { describe, expect, it } from 'vitest';
import { leavesUpperHalfOpen } from '../../src/ebpf/direct-map-call.js';
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import { decode } from '../../src/ebpf/decode.js';
import type { ProgramEnvironment } from '../../src/ebpf/types.js';
import { BddManager, TRUE } from '../../src/bdd/manager.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { EXIT, join, mov, slot } from './bytes.js';

const CALL = -55;
const MAP = 9;
/** Deletes key 0 of an array, which is never allowed (-EINVAL), and compares all of r0, or its low half. */
function program(opcode: number): Uint8Array {
  return join(
    slot(0x62, { dst: 10, off: -4 }),
    slot(0x18, { dst: 1, src: 1, imm: MAP }),
    slot(0),
    slot(0xbf, { dst: 2, src: 10 }),
    slot(0x07, { dst: 2, imm: -4 }),
    slot(0x85, { imm: CALL }),
    slot(opcode, { dst: 0, off: 2, imm: -22 }),
    mov(0, 0),
    EXIT,
    mov(0, 1),
    EXIT,
  );
}
const [WHOLE, LOW] = [0x15, 0x16];

function environment(kernelRelease: string | null, name: string): ProgramEnvironment {
  const map = {
    id: MAP,
    type: 'array',
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    flags: 0,
    frozen: false,
    entries: new Map(),
    asOf: null,
  };
  return {
    maps: new Map([[MAP, map]]),
    helpers: new Map([[CALL, name]]),
    programs: new Map(),
    kernelRelease,
    freplaced: 'no',
  };
}

/** By interpreter and by evaluator. */
function verdicts(
  opcode: number,
  kernelRelease: string | null,
  name: string,
  bytes: Uint8Array = program(opcode),
): string[] {
  const decoded = decode(bytes, 'little');
  const given = environment(kernelRelease, name);
  const concrete = interpret(decoded, given, { type: 'c', access: 2, major: 1, minor: 3 });
  const symbolic = new Evaluator(new BddManager()).evaluate(decoded, given);
  return [
    concrete.outcome === 'return' ? (concrete.r0 === 1n ? 'allow' : 'deny') : concrete.reason,
    symbolic.allowed === TRUE
      ? 'allow'
      : symbolic.denied === TRUE
        ? 'deny'
        : symbolic.undecided.map(({ reason }) => reason).join(),
  ];
}

describe('a negative result of a map’s own function', () => {
  it('is sure as a whole since Linux 6.4', () => {
    expect(verdicts(WHOLE, '6.4.0', 'array_map_delete_elem')).toEqual(['allow', 'allow']);
  });
  it('is sure in its low half only before', () => {
    for (const release of ['6.3.9', '5.10.0-32-amd64', null]) {
      expect(verdicts(WHOLE, release, 'array_map_delete_elem')).toEqual([
        'helper:array_map_delete_elem',
        'helper:array_map_delete_elem',
      ]);
      expect(verdicts(LOW, release, 'array_map_delete_elem')).toEqual(['allow', 'allow']);
    }
  });
  it('is sure where the helper itself is called', () => {
    expect(verdicts(WHOLE, '5.10.0', 'bpf_map_delete_elem')).toEqual(['allow', 'allow']);
  });
});

it('an iterator that cannot be leaves the upper half of its error open in every release', () => {
  const backwards = (opcode: number): Uint8Array =>
    join(
      slot(0xbf, { dst: 1, src: 10 }),
      slot(0x07, { dst: 1, imm: -8 }),
      mov(2, 5),
      mov(3, 3),
      slot(0x85, { src: 2, imm: CALL }),
      slot(opcode, { dst: 0, off: 2, imm: -22 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    );
  const name = 'bpf_iter_num_new';
  expect(verdicts(WHOLE, '6.18.0', name, backwards(WHOLE))).toEqual([`helper:${name}`, `helper:${name}`]);
  expect(verdicts(LOW, '6.18.0', name, backwards(LOW))).toEqual(['allow', 'allow']);
});

it.each([
  ['bpf_iter_num_new', '7.2.0', true],
  ['htab_map_update_elem', '6.3.0', true],
  ['bpf_for_each_array_elem', '5.15.0', true],
  ['stack_map_push_elem', '5.10.0', true],
  ['htab_map_update_elem', '6.4.0', false],
  ['htab_map_update_elem', '7.0.0', false],
  ['bpf_map_update_elem', '5.10.0', false],
  ['__htab_map_lookup_elem', '5.10.0', false],
])('%s on %s: %s', (name, release, open) => {
  expect(leavesUpperHalfOpen(name, release)).toBe(open);
});

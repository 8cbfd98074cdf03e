/** Arguments after the fifth, since Linux 7.x: stored and loaded through r11. */
import { describe, expect, it } from 'vitest';
import { known, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { step } from '../../../src/ebpf/interpreter/step.js';
import { pointer } from '../../../src/ebpf/interpreter/value.js';
import { EXIT, join, mov, slot } from '../bytes.js';
import { after, machineWith, stackHex } from './machines.js';

describe('arguments after the fifth, through r11', () => {
  /** r11 - 8 = 5; r11 - 16 = 6; call; in the callee r2 = what `load` finds. */
  const callee = (load: Uint8Array, store = slot(0x7a, { dst: 11, off: -16, imm: 6 })): unknown => {
    const bytes = join(
      slot(0x7a, { dst: 11, off: -8, imm: 5 }),
      store,
      slot(0x85, { src: 1, off: 2 }),
      mov(0, 0),
      EXIT,
      load,
      mov(0, 0),
      EXIT,
    );
    const machine = machineWith({ bytes });
    for (let i = 0; i < 4; i++) {
      const result = step(machine);
      if (result !== 'continue') return result;
    }
    const value = machine.register(2);
    step(machine);
    step(machine);
    // They are passed anew with each call.
    expect([machine.frames.length, machine.passesArguments]).toEqual([1, false]);
    return value;
  };
  const load = (off: number, opcode = 0x79): Uint8Array => slot(opcode, { dst: 2, src: 11, off });
  it('are found by the callee in order', () => {
    expect([callee(load(8)), callee(load(16))]).toEqual([known(5n), known(6n)]);
    expect(callee(load(24))).toEqual(unknownScalar(['uninitialised']));
    expect(callee(load(16), slot(0x7b, { dst: 11, src: 10, off: -16 }))).toEqual(pointer('stack:0', 0));
  });
  it('are eight bytes each, in their places', () => {
    for (const other of [load(12), load(8, 0x61), load(-8), load(0)]) {
      expect(callee(other)).toEqual(unknownScalar(['unsupported:stack argument']));
    }
    for (const [opcode, off] of [
      [0x62, -16],
      [0x7a, -12],
      [0x7a, 16],
      [0x7a, 0],
    ] as const) {
      const store = slot(opcode, { dst: 11, off, imm: 6 });
      expect(callee(load(8), store)).toEqual({ undecided: ['unsupported:stack argument'] });
    }
  });
  it('are none where r11 was written, or nobody called', () => {
    const scratch = after(slot(0x79, { dst: 2, src: 11, off: -8 }), { 11: pointer('stack:0', 0) });
    expect(scratch.register(2)).toEqual(known(0x8877_6655_4433_2211n));
    const stored = after(slot(0x7a, { dst: 11, off: -8, imm: 5 }), { 11: pointer('stack:0', 0) });
    expect([stackHex(stored, -8, 8), stored.passesArguments]).toEqual(['0500000000000000', false]);
    expect(after(load(8)).register(2)).toEqual(unknownScalar(['unsupported:stack argument']));
  });
});

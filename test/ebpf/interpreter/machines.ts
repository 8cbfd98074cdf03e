/** Machines of the interpreter with chosen registers and maps, for tests of its parts. */
import { expect } from 'vitest';
import { decode } from '../../../src/ebpf/decode.js';
import { Machine } from '../../../src/ebpf/interpreter/machine.js';
import { unknownScalar, type Scalar } from '../../../src/ebpf/interpreter/scalar.js';
import { step } from '../../../src/ebpf/interpreter/step.js';
import type { InterpretOptions } from '../../../src/ebpf/interpreter/types.js';
import type { Value } from '../../../src/ebpf/interpreter/value.js';
import type { ByteOrder, MapContents, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { EXIT, mov, join } from '../bytes.js';
import { environmentOf } from '../captures.js';

export const ORDERS: readonly ByteOrder[] = ['little', 'big'];

/** A map of the kind whose keys and values are 4 bytes; `entries` in hex. */
export function mapOf(
  type: string,
  entries: Readonly<Record<string, string>> | null,
  more: Partial<MapContents> = {},
): MapContents {
  return {
    id: 7,
    type,
    keySize: 4,
    valueSize: 4,
    maxEntries: 4,
    flags: 0,
    frozen: false,
    asOf: null,
    entries:
      entries === null
        ? null
        : new Map(Object.entries(entries).map(([key, value]) => [key, new Uint8Array(Buffer.from(value, 'hex'))])),
    ...more,
  };
}

export interface Setting {
  readonly maps?: readonly MapContents[];
  readonly environment?: Partial<ProgramEnvironment>;
  readonly order?: ByteOrder;
  readonly options?: InterpretOptions;
  readonly registers?: Readonly<Record<number, Value>>;
  /** The program; nothing but "return 0" where a test does not step through it. */
  readonly bytes?: Uint8Array;
}

export function machineWith({
  maps = [],
  environment = {},
  order = 'little',
  options = {},
  registers = {},
  bytes,
}: Setting): Machine {
  const unit = {
    programId: null,
    program: decode(
      bytes ?? (order === 'little' ? join(mov(0, 0), EXIT) : new Uint8Array([0x95, 0, 0, 0, 0, 0, 0, 0])),
      order,
    ),
    environment: { ...environmentOf(new Map(maps.map((map) => [map.id, map]))), ...environment },
  };
  const machine = new Machine(unit, { type: 'c', access: 6, major: 1, minor: 3 }, options);
  for (const [number, value] of Object.entries(registers)) machine.setRegister(Number(number), value);
  return machine;
}

/** A number of which nothing is known. */
export const unknown = (reason: string): Scalar => unknownScalar([reason]);

/** Bytes of the current stack frame from an offset on, in hex; "??" for a byte that is not known in whole. */
export function stackHex(machine: Machine, offset: number, length: number): string {
  return hexOf(machine, machine.frame.stack, offset, length);
}

export function hexOf(machine: Machine, memory: string, offset: number, length: number): string {
  const bytes = Array.from({ length }, (_, i) => machine.memories.get(memory)?.cell(offset + i));
  return bytes
    .map((cell) => (cell?.kind === 'byte' && cell.unknown === 0 ? cell.value.toString(16).padStart(2, '0') : '??'))
    .join('');
}

/** Puts bytes (hex) onto the stack and gives their address. */
export function onStack(machine: Machine, offset: number, hex: string): Value {
  const memory = machine.memories.get(machine.frame.stack);
  Buffer.from(hex, 'hex').forEach((value, i) =>
    memory?.setCell(offset + i, { kind: 'byte', value, unknown: 0, reasons: [] }),
  );
  return { kind: 'pointer', memory: machine.frame.stack, offset, reasons: [] };
}

/** The machine after one instruction; bytes of the stack from fp - 8 on count from 11 to 88. */
export function after(bytes: Uint8Array, registers: Setting['registers'] = {}, more: Setting = {}): Machine {
  const machine = machineWith({ ...more, bytes: join(bytes, mov(0, 0), EXIT, EXIT), registers });
  onStack(machine, -8, '1122334455667788');
  expect(step(machine)).toBe('continue');
  return machine;
}

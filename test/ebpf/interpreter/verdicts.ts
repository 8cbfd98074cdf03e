/** Whole programs asked about one request by the interpreter. */
import { decode } from '../../../src/ebpf/decode.js';
import { interpret, type InterpretOptions, type InterpretResult } from '../../../src/ebpf/interpreter/interpret.js';
import type { ByteOrder, ProgramEnvironment } from '../../../src/ebpf/types.js';
import { EXIT, imm64, join, slot } from '../bytes.js';
import { NO_ENVIRONMENT } from '../captures.js';

const REQUEST = { type: 'c', access: 6, major: 0x0123, minor: 0x045678 } as const;

export function run(
  bytes: Uint8Array,
  environment: ProgramEnvironment = NO_ENVIRONMENT,
  options?: InterpretOptions,
  order: ByteOrder = 'little',
): InterpretResult {
  return interpret(decode(bytes, order), environment, REQUEST, options);
}

/** "0", "1", or the reason why not. */
export function verdict(...args: Parameters<typeof run>): string {
  const result = run(...args);
  return result.outcome === 'return' ? String(result.r0) : result.reason;
}

export function withHelpers(...names: [imm: number, name: string][]): ProgramEnvironment {
  return { ...NO_ENVIRONMENT, helpers: new Map(names) };
}
/** The call of bpf_get_current_uid_gid in `HELPERS`. */
export const UID = 100;
export const HELPERS: ProgramEnvironment = withHelpers(
  [UID, 'bpf_get_current_uid_gid'],
  [101, 'bpf_get_prandom_u32'],
  [102, 'bpf_made_up'],
);

/** r0 = register == constant; exit */
export function isEqual(register: number, constant: bigint, order: ByteOrder = 'little'): Uint8Array {
  return join(
    imm64(5, constant, order),
    slot(0xb7, { dst: 0, imm: 1 }, order),
    slot(0x1d, { dst: register, src: 5, off: 1 }, order),
    slot(0xb7, { dst: 0, imm: 0 }, order),
    slot(0x95, {}, order),
  );
}
/** r0 = 0 or 1 by bit 0 of a register; exit */
export const bitOf = (register: number): Uint8Array =>
  join(slot(0xbf, { dst: 0, src: register }), slot(0x57, { dst: 0, imm: 1 }), EXIT);
export const helper = (imm: number): Uint8Array => slot(0x85, { imm });

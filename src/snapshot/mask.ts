/**
 * Where kernel addresses go. A snapshot may be sent to strangers, and an address tells where the kernel lies in memory.
 *
 * The only whole addresses in translated instructions are 64-bit immediate loads with source register 0 that the verifier made of kernel
 * variables (`jiffies` and other symbols; fixups.c and verifier.c of Linux 6.x). Such a load is told from a constant of the program by
 * what happens to its register: it is dereferenced, which the verifier allows for no constant. Its value is never part of a verdict, only
 * what the kernel holds there is, and that is unknown anyway. So the value is replaced by MASKED_KERNEL_ADDRESS, itself in the kernel's
 * half of the address space, and no evaluation changes.
 *
 * What stays: offsets of helpers from `__bpf_call_base` (they tell which kernel build it is, not where it lies), and addresses that are
 * taken to pieces by constant blinding (net.core.bpf_jit_harden) or only handed to a function.
 */
export const MASKED_KERNEL_ADDRESS = 0xffff_dead_0000_0000n;

const SIZE = 8;
/** BPF_LD | BPF_IMM | BPF_DW (RFC 9669 section 5.4). */
const LOAD_IMMEDIATE = 0x18;
/** Instruction classes (RFC 9669 section 3): the low three bits of the opcode. */
const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;

/** A copy of the program with kernel addresses replaced; the very bytes given if there are none. */
export function maskKernelPointers(program: Uint8Array, byteOrder: 'little' | 'big'): Buffer {
  const source = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const whole = source.length - (source.length % SIZE);
  let masked: Buffer | null = null;
  for (let at = 0; at + 2 * SIZE <= whole; at += SIZE) {
    if (source[at] !== LOAD_IMMEDIATE) continue;
    const { destination, source: pseudo } = registers(source, at, byteOrder);
    if (
      pseudo === 0 &&
      isKernelHalf(source, at, byteOrder) &&
      isDereferenced(source, at + 2 * SIZE, whole, destination, byteOrder)
    ) {
      masked ??= Buffer.from(source);
      writeImmediate(masked, at, byteOrder);
    }
    at += SIZE;
  }
  return masked ?? source;
}

function registers(code: Buffer, at: number, byteOrder: 'little' | 'big'): { destination: number; source: number } {
  const byte = code[at + 1] ?? 0;
  const [low, high] = [byte & 0xf, byte >> 4];
  return byteOrder === 'little' ? { destination: low, source: high } : { destination: high, source: low };
}

/** Canonical addresses of the kernel begin with eight or more one bits on every 64-bit machine. */
function isKernelHalf(code: Buffer, at: number, byteOrder: 'little' | 'big'): boolean {
  const high = byteOrder === 'little' ? code.readUInt32LE(at + SIZE + 4) : code.readUInt32BE(at + SIZE + 4);
  return high >>> 24 === 0xff;
}

/** Is the register the base of a memory access before it is written, on the straight line that begins at `at`? */
function isDereferenced(code: Buffer, at: number, end: number, register: number, byteOrder: 'little' | 'big'): boolean {
  for (; at < end; at += SIZE) {
    const opcode = code[at] ?? 0;
    const { destination, source } = registers(code, at, byteOrder);
    switch (opcode & 7) {
      case CLASS.ldx:
        if (source === register) return true;
        if (destination === register) return false;
        break;
      case CLASS.st:
      case CLASS.stx:
        if (destination === register) return true;
        break;
      case CLASS.ld:
        if (destination === register) return false;
        if (opcode === LOAD_IMMEDIATE) at += SIZE;
        break;
      case CLASS.jmp:
      case CLASS.jmp32:
        return false;
      default:
        if (destination === register && !isConstantAddition(opcode)) return false;
    }
  }
  return false;
}

/** `r += constant` moves inside the variable; it is still its address. */
function isConstantAddition(opcode: number): boolean {
  return opcode === 0x07;
}

function writeImmediate(code: Buffer, at: number, byteOrder: 'little' | 'big'): void {
  const [low, high] = [Number(MASKED_KERNEL_ADDRESS & 0xffff_ffffn), Number(MASKED_KERNEL_ADDRESS >> 32n)];
  if (byteOrder === 'little') {
    code.writeUInt32LE(low, at + 4);
    code.writeUInt32LE(high, at + SIZE + 4);
  } else {
    code.writeUInt32BE(low, at + 4);
    code.writeUInt32BE(high, at + SIZE + 4);
  }
}

/**
 * Typed instructions. After `decode` nobody looks at opcode bits again: `op` says what the instruction is, the fields are named as in RFC 9669.
 */
export type ByteOrder = 'little' | 'big';
/** Bits that an operation works on. */
export type Width = 32 | 64;
/** Arithmetic, by the names of RFC 9669 section 4.1; `sdiv` and `smod` are signed, `arsh` shifts the sign in. */
export type AluOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'sdiv'
  | 'smod'
  | 'or'
  | 'and'
  | 'xor'
  | 'lsh'
  | 'rsh'
  | 'arsh'
  | 'mov'
  | 'neg';
/** Comparisons, by the names of RFC 9669 section 4.3; `set` is "any common bit", those with `s` in front are signed. */
export type JmpOp = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'set' | 'sgt' | 'sge' | 'slt' | 'sle';
/** Access size in bytes. */
export type Size = 1 | 2 | 4 | 8;
/** `xchg` and `cmpxchg` always fetch. Load-acquire and store-release are plain loads and stores here: order does not matter to one thread. */
export type AtomicOp = 'add' | 'or' | 'and' | 'xor' | 'xchg' | 'cmpxchg';

/** What every instruction has. */
export interface Common {
  /** Slot number as bpftool prints it: from 0, a 64-bit immediate load counts two. */
  readonly index: number;
  readonly opcode: number;
}
/** Second operand of ALU and jumps: a register, or an immediate already sign-extended to a signed 32-bit number. */
export type Operand = { readonly reg: number } | { readonly imm: number };

/**
 * One instruction, told apart by `op`. Registers are numbers 0 to 12 (r10 the frame pointer, r11 and r12 the kernel's own), offsets are in bytes, targets are slots.
 */
export type Instruction =
  | (Common & {
      readonly op: 'alu';
      readonly alu: AluOp;
      readonly width: Width;
      readonly dst: number;
      readonly src: Operand;
    })
  /** Sign-extending move: takes the low `bits` of src. */
  | (Common & {
      readonly op: 'movsx';
      readonly width: Width;
      readonly bits: 8 | 16 | 32;
      readonly dst: number;
      readonly src: number;
    })
  /** `to`: convert to this byte order (END le/be); "swap": unconditional bswap. */
  | (Common & {
      readonly op: 'endian';
      readonly to: 'little' | 'big' | 'swap';
      readonly bits: 16 | 32 | 64;
      readonly dst: number;
    })
  | (Common & { readonly op: 'jump'; readonly target: number })
  | (Common & {
      readonly op: 'branch';
      readonly jmp: JmpOp;
      readonly width: Width;
      readonly dst: number;
      readonly src: Operand;
      readonly target: number;
    })
  | (Common & {
      readonly op: 'load';
      readonly size: Size;
      readonly signed: boolean;
      readonly dst: number;
      readonly base: number;
      readonly off: number;
    })
  | (Common & {
      readonly op: 'store';
      readonly size: Size;
      readonly base: number;
      readonly off: number;
      readonly src: Operand;
    })
  | (Common & {
      readonly op: 'atomic';
      readonly atomic: AtomicOp;
      readonly fetch: boolean;
      readonly size: 4 | 8;
      readonly base: number;
      readonly off: number;
      readonly src: number;
    })
  /** 64-bit immediate with src_reg 0: a constant, or a raw kernel address that must never be dereferenced as a value. */
  | (Common & { readonly op: 'load-imm64'; readonly dst: number; readonly value: bigint })
  /** src_reg 1: the map itself. */
  | (Common & { readonly op: 'load-map'; readonly dst: number; readonly mapId: number })
  /** src_reg 2: address of element 0 of the map plus a byte offset. */
  | (Common & { readonly op: 'load-map-value'; readonly dst: number; readonly mapId: number; readonly offset: number })
  /** src_reg 4: a function pointer. `subprogram`: number of the subprogram as the kernel counts. */
  | (Common & {
      readonly op: 'load-function';
      readonly dst: number;
      readonly target: number;
      readonly subprogram: number;
    })
  /**
   * bpf-to-bpf call; target slot from the 16-bit `off` of translated programs. null: the dump does not say (calls further than 32767
   * slots are truncated up to Linux 6.18 and shown as 0 later). `imm` is a subprogram number, an address or 0 and means nothing here.
   */
  | (Common & { readonly op: 'call'; readonly target: number | null; readonly imm: number })
  /** Helper call: `imm` as it stands in the dump (an address offset, or 0 when the reader had no raw access). */
  | (Common & { readonly op: 'call-helper'; readonly imm: number })
  | (Common & { readonly op: 'call-kfunc'; readonly imm: number; readonly off: number })
  | (Common & { readonly op: 'tail-call' })
  /** `gotox`: to the instruction a register points at, read from a map of type insn_array. */
  | (Common & { readonly op: 'jump-register'; readonly reg: number })
  | (Common & { readonly op: 'exit' })
  /** Speculation barrier. */
  | (Common & { readonly op: 'nospec' })
  /** mov64 with off -1 (per-cpu address) or off 1 (address-space cast, imm 1 or 65536): result unknown. */
  | (Common & {
      readonly op: 'address-conversion';
      readonly dst: number;
      readonly src: number;
      readonly imm: number;
      readonly what: 'percpu' | 'address-space';
    })
  /**
   * Decoded by form, but its meaning is outside what the evaluator can know (legacy packet access, loads from kernel memory ...).
   * `result`: the only register it writes with an unknown value, or null when it writes memory out of sight instead.
   */
  | (Common & {
      readonly op: 'unsupported';
      readonly mnemonic: string;
      readonly result: number | null;
      readonly fields: RawFields;
    });

/**
 * The fields of one 8-byte instruction: registers 0 to 15, `off` signed 16 bits, `imm` signed 32 bits. `next` is the immediate of the second half of a 64-bit
 * immediate load.
 */
export interface RawFields {
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
  readonly next: number;
}

/** A decoded program. */
export interface Program {
  readonly byteOrder: ByteOrder;
  /** The translated bytes exactly as read; length is a multiple of 8. */
  readonly bytes: Uint8Array;
  /** In slot order. */
  readonly instructions: readonly Instruction[];
  /** Slot (all of them: bytes.length / 8) -> position in `instructions`, or -1 for the second slot of a 64-bit immediate load. */
  readonly positionOfSlot: Int32Array;
}

/** What a program's behaviour depends on besides its bytes and the request. Names are helpers' or kernel symbols' names. */
export interface ProgramEnvironment {
  /** By map id; absent: contents unknown, what depends on it is undecided. */
  readonly maps: ReadonlyMap<number, MapContents>;
  /** Call immediate -> helper or symbol name ("bpf_get_current_uid_gid", "__htab_map_lookup_elem", "bpf_set_retval"). */
  readonly helpers: ReadonlyMap<number, string>;
  /** Program id -> program and its environment, to follow tail calls. */
  readonly programs: ReadonlyMap<number, { program: Program; environment: ProgramEnvironment }>;
  /** Kernel release of the host ("6.12.107+deb13-amd64") or null; decides whether an unresolved helper could be bpf_set_retval (5.18) and how wide errors of map functions are (6.4). */
  readonly kernelRelease: string | null;
  readonly freplaced: 'no' | 'yes' | 'unknown';
}
/** A map and, if they were read, its contents. Sizes in bytes; `type` as in the kernel's enum bpf_map_type, in lower case. */
export interface MapContents {
  readonly id: number;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly frozen: boolean;
  /** Hex of key -> value bytes. null: the map is known but its contents were not read. */
  readonly entries: ReadonlyMap<string, Uint8Array> | null;
  readonly asOf: string | null;
}

import type { JmpOp, Width } from '../types.js';

/** One question to a program: the fields of struct bpf_cgroup_dev_ctx (include/uapi/linux/bpf.h). */
export interface DeviceContext {
  /** "b": BPF_DEVCG_DEV_BLOCK (1), "c": BPF_DEVCG_DEV_CHAR (2). */
  readonly type: 'b' | 'c';
  /** BPF_DEVCG_ACC_MKNOD 1 | READ 2 | WRITE 4; 0 to 65535. */
  readonly access: number;
  /** 0 to 2^32 - 1. */
  readonly major: number;
  readonly minor: number;
}

/** Who asks and when, as far as it is known; what is left out is unknown. */
export interface CallerInputs {
  readonly uid?: number;
  readonly gid?: number;
  /** Thread id, and thread group id ("process id"). */
  readonly pid?: number;
  readonly tgid?: number;
  /** At most 15 bytes of the thread's name are seen. */
  readonly comm?: string;
  readonly cpu?: number;
  /** What every clock says, in ns. */
  readonly timeNs?: bigint;
  /** What every call of the random number helper returns, 32 bits. */
  readonly random?: number;
  readonly cgroupId?: bigint;
}

/** What a run starts from, and where it gives up. Beyond a limit the result is undecided, never a guess. */
export interface InterpretOptions {
  /** State that the programs before this one have left (bpf_get_retval): 0 or a negative errno; null: not known. Default 0. */
  readonly retvalIn?: number | null;
  readonly caller?: CallerInputs;
  /** Instructions executed at most, all paths together. Default 10,000,000. */
  readonly stepLimit?: number;
  /** Paths followed at most where a branch depends on something unknown. Default 256. */
  readonly pathLimit?: number;
  /** Record every executed slot in `trace.path`. Default false. */
  readonly recordPath?: boolean;
}

/** A conditional jump as it was executed. */
export interface BranchRecord {
  /** Slot number. */
  readonly index: number;
  readonly jmp: JmpOp;
  readonly width: Width;
  readonly taken: boolean;
  /** Operands as compared, unsigned in `width` bits; null: an address, or not known. */
  readonly left: bigint | null;
  readonly right: bigint | null;
}

/** How a run ended. */
export interface Trace {
  /** Id of the program that ended the run: null for the one that was asked, else the target of a tail call. */
  readonly programId: number | null;
  /** Slot of the exit instruction of the main function. */
  readonly exit: number;
  /** Last conditional jump before it. */
  readonly lastBranch: BranchRecord | null;
  /** Instructions executed. */
  readonly steps: number;
  /** Slots in order of execution; empty unless asked for. */
  readonly path: readonly number[];
}

/** What one program does with one request. */
export type InterpretResult =
  | {
      readonly outcome: 'return';
      /** 0 or 1: what the main function returns. */
      readonly r0: bigint;
      /**
       * State for the programs after this one: what bpf_set_retval was last told, else `retvalIn`; -4095 to 0 in the usual case, any
       * 32-bit number on kernels that do not check. null: not known, for `retvalReasons`. The kernel's own rule (0 without an errno
       * becomes -EPERM) is not applied here.
       */
      readonly retval: number | null;
      readonly retvalReasons: readonly string[];
      /** bpf_get_retval or bpf_set_retval was called. */
      readonly usedRetval: boolean;
      /** Inputs besides the request that were read on the way ("uid", "map:12"), sorted: the verdict holds for those values. */
      readonly dependsOn: readonly string[];
      /** Of the first path where several were followed. */
      readonly trace: Trace;
    }
  | {
      readonly outcome: 'undecided';
      /** `reasons` as one string, separated by ", ". */
      readonly reason: string;
      readonly reasons: readonly string[];
      readonly usedRetval: boolean;
      readonly dependsOn: readonly string[];
    };

/** The input (a name, file, flag, byte string) is wrong or missing. Shown to the user as one line; never with a stack. */
export class InputError extends Error {
  override readonly name: string = 'InputError';
  /** What the user can do about it, one line, if there is something better than the message itself. */
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** A system call failed. `errno` is the positive Linux number, `code` its symbolic name ("EPERM"), `syscall` what was called. */
export class KernelError extends Error {
  override readonly name: string = 'KernelError';
  readonly errno: number;
  readonly code: string;
  /** For bpf(2) the command too: "bpf(BPF_PROG_QUERY)". */
  readonly syscall: string;
  constructor(syscall: string, errno: number, code: string, detail?: string) {
    super(`${syscall} failed: ${code} (errno ${String(errno)})${detail === undefined ? '' : `: ${detail}`}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
  }
}

/** This host or build cannot do what was asked (no cgroup v2, no addon for this platform). Not the user's mistake, not our bug. */
export class UnsupportedError extends Error {
  override readonly name: string = 'UnsupportedError';
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Our bug: two of our own parts disagree. Always loud, never caught and ignored. */
export class InternalError extends Error {
  override readonly name: string = 'InternalError';
}

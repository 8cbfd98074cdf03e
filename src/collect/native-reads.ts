import { KernelError } from '../errors.js';
import type { NativeBinding, NativeFailure, NativeProgramInfo } from './native.js';

/** Reads one program; a failure is a value, for a program may vanish at any moment. */
export function readProgram(binding: NativeBinding, id: number): NativeProgramInfo | NativeFailure {
  try {
    const fd = binding.getProgramFd(id);
    try {
      return binding.programInfo(fd);
    } finally {
      binding.close(fd);
    }
  } catch (error) {
    return nativeFailure(error);
  }
}

/** The failure of a call into the addon. Anything else is a mistake of ours and is thrown on. */
export function nativeFailure(error: unknown): NativeFailure {
  if (error instanceof KernelError) return { errno: error.errno, code: error.code, syscall: error.syscall };
  throw error;
}

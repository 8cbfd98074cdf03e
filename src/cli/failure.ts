import { InputError, InternalError, KernelError, UnsupportedError } from '../errors.js';
import { escapeText } from '../report/escape.js';

/** What a failed command prints on standard error. Wrong input and refused system calls get one line and perhaps a hint, our own bugs a stack. */
export function failureText(error: unknown, verbose: boolean): string {
  if (error instanceof InputError || error instanceof UnsupportedError) {
    return oneLine(error.message) + (error.hint === undefined ? '' : hintLine(error.hint));
  }
  if (error instanceof KernelError) return oneLine(error.message) + kernelHint(error);
  if (isSystemError(error)) return oneLine(systemMessage(error)) + (verbose ? stackOf(error) : '');
  return internalText(error);
}

function oneLine(message: string): string {
  return `devpolicy: ${escapeText(message.replace(/\s*\n\s*/g, ' '))}\n`;
}

/** Hints may have several lines: candidates stand one below the other. */
function hintLine(hint: string): string {
  return hint
    .split('\n')
    .map((line) => `  ${escapeText(line)}\n`)
    .join('');
}

function kernelHint(error: KernelError): string {
  if (error.code === 'EPERM' || error.code === 'EACCES') {
    return hintLine(
      'reading device programs needs root on the host (CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYSLOG); see: devpolicy doctor',
    );
  }
  return '';
}

/** Errors of Node's own file functions: "EACCES: permission denied, open '/x'". */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string' && 'syscall' in error;
}

function systemMessage(error: NodeJS.ErrnoException): string {
  const path = error.path === undefined ? '' : `${error.path}: `;
  const reason = /^[A-Z0-9]+: ([^,]+)/.exec(error.message)?.[1] ?? error.message;
  return `${path}${reason}`;
}

function internalText(error: unknown): string {
  const name = error instanceof InternalError ? 'internal error' : 'unexpected error';
  const message = error instanceof Error ? error.message : String(error);
  return (
    oneLine(`${name}: ${message}`) +
    (error instanceof Error ? stackOf(error) : '') +
    hintLine(
      'This is a bug in devpolicy; no answer was given. Please report it with this text and, if you can share it, the output of',
    ) +
    hintLine('  devpolicy snapshot --redact')
  );
}

function stackOf(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return frames.map((line) => `${escapeText(line)}\n`).join('');
}

/** What the checks inside a booted kernel tell the host: one JSON object per line on the second serial line. */
import { closeSync, openSync, writeSync } from 'node:fs';

export type Report =
  | { kind: 'start'; release: string; node: string }
  /** One check of a suite. */
  | { kind: 'check'; suite: string; name: string; seconds: number; failure: string | null }
  /** Something this kernel has or does, found by trying: a row of the table. */
  | { kind: 'fact'; name: string; value: string }
  /** A program with the kernel's verdicts, to be replayed by tests without a kernel. */
  | { kind: 'record'; name: string; record: unknown }
  | { kind: 'end' };

let line: number | undefined;

/** Opens the serial line; without one (checks tried out on the running host) reports go to stdout. */
export function openReports(file: string | undefined): void {
  line = file === undefined ? 1 : openSync(file, 'w');
}
export function closeReports(): void {
  if (line !== undefined && line !== 1) closeSync(line);
}

export function report(what: Report): void {
  if (line === undefined) throw new Error('reports are not open');
  const bytes = Buffer.from(`${JSON.stringify(what)}\n`);
  for (let at = 0; at < bytes.length;) at += writeSync(line, bytes, at);
}

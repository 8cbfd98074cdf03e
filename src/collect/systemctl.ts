import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { ProblemRecord, UnitRecord } from '../snapshot/types.js';
import type { Machine } from './view.js';
import { SHOWN_PROPERTIES, parseSystemctlShow } from './formats/systemctl-show.js';

/** What systemd holds now, of units and of itself. */
export interface ShownUnits {
  byName: Map<string, Record<string, string[]>>;
  /** µs of CLOCK_MONOTONIC at which it last read all unit files; null before systemd 253. */
  unitsLoadTimestampMonotonicUs: number | null;
  /** Why there is none of it, null if there is. */
  failed: string | null;
}

/**
 * Fills in what systemd holds now of the machine's own units.
 * @returns when systemd last read all unit files, µs of CLOCK_MONOTONIC; null if it does not say
 */
export async function askAboutUnits(
  machine: Machine,
  units: readonly UnitRecord[],
  problems: ProblemRecord[],
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const own = units.filter((unit) => unit.nestedIn === null);
  if (own.length === 0) return null;
  if (!machine.isOwnRoot) {
    problems.push({
      subject: 'host',
      message: 'what systemd holds now can only be asked on the host itself',
      code: null,
    });
    return null;
  }
  const shown = await askSystemctl(
    own.map((unit) => unit.name),
    signal,
  );
  if (shown.failed !== null) problems.push({ subject: 'host', message: shown.failed, code: null });
  for (const unit of own) unit.shown = shown.byName.get(unit.name) ?? null;
  return shown.unitsLoadTimestampMonotonicUs;
}

/** Answers in 2 ms a unit; one that takes this long hangs. */
const TIMEOUT_MS = 10_000;
/** Names per call, well below the kernel's limit on arguments. */
const UNITS_PER_CALL = 2_000;

/**
 * Asks the machine's own systemd, once for all units. Only where it is the manager that runs (sd_booted(3)); a systemctl seen in a container or under
 * --host-root is never run.
 */
export async function askSystemctl(units: readonly string[], signal?: AbortSignal): Promise<ShownUnits> {
  const none: ShownUnits = { byName: new Map(), unitsLoadTimestampMonotonicUs: null, failed: null };
  const program = ['/usr/bin/systemctl', '/bin/systemctl'].find((path) => existsSync(path));
  if (program === undefined || !existsSync('/run/systemd/system'))
    return { ...none, failed: 'systemd does not run here' };
  try {
    const properties = SHOWN_PROPERTIES.map((property) => `--property=${property}`);
    for (let at = 0; at < units.length; at += UNITS_PER_CALL) {
      const output = await run(program, ['show', ...properties, '--', ...units.slice(at, at + UNITS_PER_CALL)], signal);
      for (const shown of parseSystemctlShow(output)) {
        const name = shown['Id']?.[0];
        if (name !== undefined) none.byName.set(name, shown);
      }
    }
    const manager = await run(program, ['show', '--property=UnitsLoadTimestampMonotonic'], signal);
    const timestamp = Number(/^UnitsLoadTimestampMonotonic=(\d+)$/m.exec(manager)?.[1] ?? Number.NaN);
    return {
      ...none,
      unitsLoadTimestampMonotonicUs: Number.isSafeInteger(timestamp) && timestamp > 0 ? timestamp : null,
    };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return {
      ...none,
      byName: new Map(),
      failed: `systemctl show: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'failed'}`,
    };
  }
}

function run(program: string, args: string[], signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL' as const,
      maxBuffer: 64 << 20,
      // Nothing of the caller's environment: no pager, no colour, no foreign bus, no translated words.
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '' },
      ...(signal === undefined ? {} : { signal }),
    };
    execFile(program, args, options, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(new Error(error.message, { cause: error }));
    });
  });
}

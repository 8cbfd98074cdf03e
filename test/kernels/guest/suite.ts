/** The smallest frame for checks inside a booted kernel: named checks, each timed and reported, none of which can be left out. */
import { LoaderError } from '../../kernel/loader-process.js';
import type { Referee } from '../../kernel/referee.js';
import { report } from './report.js';

const MAX_FAILURE = 3000;

export interface Guest {
  referee: Referee;
  release: string;
  /** Runs one check; a throw is its failure, and the next one goes on. */
  check: (name: string, body: () => Promise<void>) => Promise<void>;
  /** A row of the table of differences between kernels. */
  fact: (name: string, value: string) => void;
  /** Hands a recording to the host. */
  record: (name: string, record: unknown) => void;
}
export interface Suite {
  name: string;
  run: (guest: Guest) => Promise<void>;
}

export async function runSuite(suite: Suite, referee: Referee, release: string): Promise<void> {
  const check = async (name: string, body: () => Promise<void>): Promise<void> => {
    const started = Date.now();
    let failure: string | null = null;
    try {
      await body();
    } catch (error) {
      failure = (error instanceof Error ? (error.stack ?? error.message) : String(error)).slice(0, MAX_FAILURE);
    }
    report({ kind: 'check', suite: suite.name, name, seconds: (Date.now() - started) / 1000, failure });
  };
  const guest: Guest = {
    referee,
    release,
    check,
    fact: (name, value) => {
      report({ kind: 'fact', name, value });
    },
    record: (name, record) => {
      report({ kind: 'record', name, record });
    },
  };
  // What a suite does outside its checks must not fail silently either.
  await check('the suite ran to its end', () => suite.run(guest));
}

/** 0, or the errno with which the kernel refused. */
export async function errnoOf(action: Promise<unknown>): Promise<number> {
  try {
    await action;
    return 0;
  } catch (error) {
    if (error instanceof LoaderError) return error.errno;
    throw error;
  }
}

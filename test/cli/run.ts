import { join } from 'node:path';
import { runCli } from '../../src/cli/program.js';
import { fakeIo } from './fake-io.js';

export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
  steps: string[];
}

/** Runs a command line in this process. */
export async function devpolicy(args: readonly string[], options: Parameters<typeof fakeIo>[0] = {}): Promise<Outcome> {
  const io = fakeIo(options);
  const status = await runCli(args, io);
  return { status, stdout: io.stdout, stderr: io.stderr, steps: io.steps };
}

export const CAPTURES: string = join(import.meta.dirname, '../fixtures/captures');
export const DOCKER: string = join(CAPTURES, 'bookworm-docker-20.10.24-runc-1.1.5/default');
const SEED = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default';
/** The story's land mine on real software, before and after it went off. */
export const ARMED: string = join(CAPTURES, `${SEED}-0-before`);
export const DETONATED: string = join(CAPTURES, `${SEED}-1-after-daemon-reload`);

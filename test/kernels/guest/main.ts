/**
 * Runs inside a booted kernel (see ../initrd.ts), as root, with nothing else running. Words of the kernel's command line: devpolicy.suites=a,b takes some
 * of the suites, devpolicy.seed=N repeats random ones, devpolicy.record=1 also records fixtures.
 */
import os from 'node:os';
import { Referee } from '../../kernel/referee.js';
import { closeReports, openReports, report } from './report.js';
import { type Suite, runSuite } from './suite.js';
import { SUITES } from './suites.js';

function word(commandLine: string, name: string): string | undefined {
  return new RegExp(`(?:^|\\s)devpolicy\\.${name}=(\\S+)`).exec(commandLine)?.[1];
}

function chosen(names: string | undefined): readonly Suite[] {
  if (names === undefined) return SUITES;
  return names.split(',').map((name) => {
    const suite = SUITES.find((each) => each.name === name);
    if (suite === undefined)
      throw new Error(`no suite ${name}; there are ${SUITES.map((each) => each.name).join(', ')}`);
    return suite;
  });
}

async function main(commandLine: string): Promise<void> {
  openReports(word(commandLine, 'reports'));
  process.env['FUZZ_SEED'] = word(commandLine, 'seed') ?? '1';
  process.env['DEVPOLICY_RECORD'] = word(commandLine, 'record') ?? '';
  const release = os.release();
  report({ kind: 'start', release, node: process.version });
  const referee = await Referee.start({ libbpf: true });
  for (const suite of chosen(word(commandLine, 'suites'))) {
    console.log(`suite ${suite.name}`);
    await runSuite(suite, referee, release);
  }
  await referee.stop();
  report({ kind: 'end' });
  closeReports();
}

await main(process.argv[2] ?? '');

/**
 * Boots Debian's kernels of four suites in qemu and runs test/kernels/guest in each: addon, collector, decoder, interpreter, evaluator and composition
 * against what that kernel does.
 *   npm run test:kernels                                    bullseye, bookworm, trixie, sid
 *   npm run test:kernels -- sid                             one of them
 *   npm run test:kernels -- sid --suites=composition --seed=7 --verbose
 *   npm run test:kernels -- --record                        also writes test/fixtures/kernels
 * A kernel that does not come up, or does not get to its end, is a failure. The last line is "N passed, N failed".
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { boot } from '../test/kernels/boot.js';
import { clangObjects } from '../test/kernels/objects.js';
import { kernelImage } from '../test/kernels/images.js';
import { writeInitrd } from '../test/kernels/initrd.js';
import type { Report } from '../test/kernels/guest/report.js';
import { writeFixture } from '../test/kernels/fixtures.js';
import { SUITES, type Suite } from '../test/lab/debian-root.js';
import { projectRoot } from '../test/kernel/loader-process.js';

/** Without hardware virtualisation, on a loaded machine. */
const BOOT_TIMEOUT = 40 * 60_000;

interface Outcome {
  suite: Suite;
  release: string;
  passed: number;
  failures: string[];
  facts: Map<string, string>;
}

function option(words: readonly string[], name: string): string | undefined {
  return words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
}

function suitesOf(words: readonly string[]): Suite[] {
  const named = words.filter((word) => !word.startsWith('--'));
  const suites = SUITES.filter((suite) => named.length === 0 || named.includes(suite));
  if (named.length > 0 && suites.length !== named.length) throw new Error(`suites are ${SUITES.join(', ')}`);
  return suites;
}

async function runOn(suite: Suite, initrd: string, work: string, words: readonly string[]): Promise<Outcome> {
  const image = await kernelImage(suite);
  console.log(`\n${suite}: ${image.package}`);
  const guestWords = ['suites', 'seed'].flatMap((name) => {
    const value = option(words, name);
    return value === undefined ? [] : [`devpolicy.${name}=${value}`];
  });
  const verbose = words.includes('--verbose');
  const result = await boot({
    kernel: image.file,
    initrd,
    words: [
      'devpolicy.reports=/dev/ttyS1',
      ...guestWords,
      ...(words.includes('--record') ? ['devpolicy.record=1'] : []),
    ],
    reportFile: path.join(work, `${suite}.reports`),
    timeout: BOOT_TIMEOUT,
    ...(verbose ? { onConsole: printConsole } : {}),
  });
  const outcome: Outcome = { suite, release: '', passed: 0, failures: [], facts: new Map() };
  let ended = false;
  for (const text of result.reports) ended = take(outcome, parse(text)) || ended;
  if (!ended) {
    const why = result.timedOut ? 'was switched off: it took too long' : 'stopped before its end';
    outcome.failures.push(`the kernel of ${suite} ${why}. Its console:\n${result.console.slice(-6000)}`);
  }
  console.log(
    `  ${outcome.release}: ${String(outcome.passed)} passed, ${String(outcome.failures.length)} failed, ${result.seconds.toFixed(0)} s`,
  );
  for (const failure of outcome.failures) console.log(`  FAILED ${failure}`);
  return outcome;
}

function printConsole(line: string): void {
  console.log(`  | ${line}`);
}

function parse(text: string): Report | null {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return null;
  }
}

/** True for the report that says that all suites have run. */
function take(outcome: Outcome, report: Report | null): boolean {
  if (report === null) {
    outcome.failures.push('a report that cannot be read');
    return false;
  }
  if (report.kind === 'start') outcome.release = report.release;
  if (report.kind === 'fact') outcome.facts.set(report.name, report.value);
  if (report.kind === 'record') writeFixture(outcome.release, report.name, report.record);
  if (report.kind === 'check' && report.failure === null) outcome.passed++;
  if (report.kind === 'check' && report.failure !== null)
    outcome.failures.push(
      `${report.suite}: ${report.name} (${report.seconds.toFixed(1)} s)\n    ${report.failure.replaceAll('\n', '\n    ')}`,
    );
  return report.kind === 'end';
}

/** One column per kernel. */
function printFacts(outcomes: readonly Outcome[]): void {
  const names = [...new Set(outcomes.flatMap(({ facts }) => [...facts.keys()]))];
  const rows = [
    ['', ...outcomes.map(({ release }) => release)],
    ...names.map((name) => [name, ...outcomes.map(({ facts }) => facts.get(name) ?? '?')]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  console.log('');
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

export async function main(words: readonly string[]): Promise<number> {
  const work = path.join(projectRoot, 'build/kernels');
  mkdirSync(work, { recursive: true });
  const initrd = path.join(work, `initrd-${String(process.pid)}.cpio`);
  const outcomes: Outcome[] = [];
  try {
    const objects = clangObjects();
    await writeInitrd(initrd, { objects });
    for (const suite of suitesOf(words)) outcomes.push(await runOn(suite, initrd, work, words));
  } finally {
    rmSync(initrd, { force: true });
  }
  printFacts(outcomes);
  const passed = outcomes.reduce((sum, each) => sum + each.passed, 0);
  const failed = outcomes.reduce((sum, each) => sum + each.failures.length, 0);
  console.log(`\n${String(passed)} passed, ${String(failed)} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

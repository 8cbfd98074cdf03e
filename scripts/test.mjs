// npm test: sets up what it needs and runs everything that fits in about ten minutes. CI runs exactly this.
//   node scripts/test.mjs                     static checks, unit, kernel and lab tests (one Debian suite in the lab)
//   node scripts/test.mjs kernel              only these: static, unit, kernel, lab
//   node scripts/test.mjs lab --all-suites    the lab on bullseye, bookworm, trixie and sid
// A test that cannot run says why. With CI=true that is a failure. The last line is "N passed, N failed".
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import {
  SetupError,
  buildTypeScript,
  installModules,
  missingPackages,
  projectRoot,
  setUp,
  whyNotLive,
} from './setup.mjs';

const inCI = process.env.CI === 'true';
const total = { passed: 0, failed: 0, skipped: 0 };

function prepare(reason) {
  try {
    if (reason === undefined) {
      setUp('test');
    } else {
      installModules();
      buildTypeScript();
    }
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    total.failed++;
    finish();
  }
}

function staticCheck(script) {
  console.log(`\nnpm run ${script}`);
  const result = spawnSync('npm', ['run', '--silent', script], {
    cwd: projectRoot,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  total[result.status === 0 ? 'passed' : 'failed']++;
}

/** Runs vitest projects and adds up what its JSON report says; files that could not even be loaded count as failed. */
function vitest(name, args, env = {}) {
  console.log(`\n${name} tests`);
  const report = join(projectRoot, 'build/test-results', `${name}.json`);
  mkdirSync(join(projectRoot, 'build/test-results'), { recursive: true });
  rmSync(report, { force: true });
  const result = spawnSync(
    process.execPath,
    [
      join(projectRoot, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ],
    {
      cwd: projectRoot,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    },
  );
  if (!existsSync(report)) {
    console.log(`${name}: vitest wrote no report (status ${result.status})`);
    total.failed++;
    return;
  }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const unloadable = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  );
  for (const file of unloadable) console.log(`FAILED ${relative(projectRoot, file.name)}: ${file.message}`);
  total.passed += numPassedTests;
  total.failed += numFailedTests + unloadable.length;
  total.skipped += numPendingTests + numTodoTests;
  if (result.status !== 0 && numFailedTests + unloadable.length === 0) total.failed++;
  for (const file of testResults)
    for (const test of file.assertionResults)
      if (test.status !== 'passed' && test.status !== 'failed')
        console.log(`SKIPPED ${relative(projectRoot, file.name)}: ${test.fullName}`);
}

function finish() {
  if (inCI && total.skipped > 0) {
    console.log(`\nCI=true: ${total.skipped} skipped tests count as failed`);
    total.failed += total.skipped;
    total.skipped = 0;
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exit(total.failed > 0 ? 1 : 0);
}

const started = Date.now();
const words = process.argv.slice(2);
const parts = words.filter((word) => !word.startsWith('--'));
const wanted = (part) => parts.length === 0 || parts.includes(part);
const suites = words.includes('--all-suites') ? { DEVPOLICY_LAB_SUITES: 'bullseye bookworm trixie sid' } : {};
const reason = whyNotLive();
prepare(reason);
if (wanted('static')) staticCheck('typecheck');
// As many files at once as there are processors: vitest's default leaves one of them idle.
if (wanted('unit')) vitest('unit', ['--project', 'unit', '--maxWorkers=100%']);
for (const part of ['kernel', 'lab'].filter(wanted)) {
  if (reason === undefined) {
    // One file at a time: they share the machine's cgroup tree and its speed.
    vitest(part, ['--project', part, '--no-file-parallelism'], suites);
    continue;
  }
  const packages = missingPackages('test');
  console.log(
    `\n${part} tests cannot run here: ${reason}${packages.length > 0 ? `; they would also need: ${packages.join(' ')}` : ''}`,
  );
  total.skipped++;
}
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
finish();

// npm test: sets up what it needs and runs everything that fits in about ten minutes. CI runs exactly this.
//   node scripts/test.mjs                     static checks, unit, kernel and lab tests (one Debian suite in the lab)
//   node scripts/test.mjs kernel              only these: static, unit, kernel, lab
//   node scripts/test.mjs lab --all-suites    the lab on bullseye, bookworm, trixie and sid
// A test that cannot run says why. With CI=true that is a failure. The last line is "N passed, N failed".
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
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

const results = join(projectRoot, 'build/test-results');
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

/**
 * Runs a vitest project and adds up what its JSON report says; files that could not even be loaded count as failed.
 * @param log file that takes the output until the project has ended, for one that runs beside another; null: it is shown as it comes
 */
async function vitest(name, args, { env = {}, log = null } = {}) {
  if (log === null) console.log(`\n${name} tests`);
  const report = join(results, `${name}.json`);
  rmSync(report, { force: true });
  const output = log === null ? 'inherit' : openSync(log, 'w');
  const child = spawn(
    process.execPath,
    [
      join(projectRoot, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      '--project',
      name,
      ...args,
    ],
    {
      cwd: projectRoot,
      stdio: ['ignore', output, output === 'inherit' ? 'inherit' : output],
      env: { ...process.env, ...env },
    },
  );
  const [status] = await once(child, 'exit');
  if (log !== null) {
    closeSync(output);
    console.log(`\n${name} tests\n${readFileSync(log, 'utf8')}`);
  }
  if (!existsSync(report)) {
    console.log(`${name}: vitest wrote no report (status ${status})`);
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
  if (status !== 0 && numFailedTests + unloadable.length === 0) total.failed++;
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
mkdirSync(results, { recursive: true });
const live = ['kernel', 'lab'].filter(wanted);
const beside = wanted('unit') && live.length > 0 && reason === undefined;
if (beside) console.log('\nunit tests run beside the next ones; what they say comes when they have ended');
const unit = wanted('unit')
  ? vitest('unit', [`--maxWorkers=${beside ? '50%' : '100%'}`], { log: beside ? join(results, 'unit.log') : null })
  : Promise.resolve();
if (!beside) await unit;
for (const part of live) {
  if (reason === undefined) {
    // One file at a time: they share the machine's cgroup tree.
    await vitest(part, ['--no-file-parallelism'], { env: suites });
    continue;
  }
  const packages = missingPackages('test');
  console.log(
    `\n${part} tests cannot run here: ${reason}${packages.length > 0 ? `; they would also need: ${packages.join(' ')}` : ''}`,
  );
  total.skipped++;
}
await unit;
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
finish();

/**
 * Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer into build-sanitize/ and runs its kernel tests with it.
 * Needs g++ with libasan and libubsan (Debian: g++), cmake, root and bpf(2).
 *
 *   node scripts/sanitize.mjs [--build-only]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const OUT = join(ROOT, 'build-sanitize');
const bin = (name) => join(ROOT, 'node_modules', '.bin', name);

function run(command, options, environment = {}) {
  const result = spawnSync(command, options, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...environment } });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

const sanitize = '--CDDEVPOLICY_SANITIZE=address,undefined';
run(bin('cmake-js'), ['rebuild', '-d', 'native', '-O', OUT, '-B', 'Debug', '--log-level', 'error', sanitize]);
if (process.argv.includes('--build-only')) process.exit(0);

// The sanitizers' run time must come before everything else in a process whose main program (node) was not built with it.
const library = (name) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
run(bin('vitest'), ['run', '--project', 'kernel', 'test/kernel/native'], {
  DEVPOLICY_TEST_ADDON: join(OUT, 'Debug', 'devpolicy.node'),
  LD_PRELOAD: `${library('libasan.so')} ${library('libubsan.so')}`,
  // Node itself frees little at exit, so leaks are looked for by the descriptor and memory tests instead.
  ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
});

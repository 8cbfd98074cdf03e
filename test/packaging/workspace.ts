/** What the packaging tests share: copies of the package's sources to build in, and a look at which tools are there. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { accessSync, constants, cpSync, mkdtempSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'vitest';

export const root: string = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** A temporary directory; `realpath` because compilers print and compare paths. */
export function temporaryDirectory(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'devpolicy-packaging-')));
}

/** The sources that builds of the addon need, copied, with the project's node_modules linked beside them. */
export function copyOfSources(directory: string): void {
  for (const name of ['native', 'scripts', 'binding.gyp', 'package.json']) {
    cpSync(join(root, name), join(directory, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
}

/** Skips the test (in CI: fails it) when a program is not on PATH. */
export function requireTools(context: TestContext, ...names: string[]): void {
  const missing = names.filter((name) => !onPath(name));
  if (missing.length === 0) return;
  const reason = `not installed: ${missing.join(', ')}`;
  if (process.env['CI'] === 'true') throw new Error(reason);
  context.skip(reason);
}

function onPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program to its end and fails with all that it printed. */
export function run(
  command: string,
  options: string[],
  cwd: string,
  environment: NodeJS.ProcessEnv = process.env,
): SpawnSyncReturns<string> {
  const result = spawnSync(command, options, { cwd, env: environment, encoding: 'utf8' });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) {
    throw new Error(
      `${command} ${options.join(' ')}: status ${String(result.status)}\n${result.stdout}${result.stderr}`,
    );
  }
  return result;
}

/** Loads an addon in a process of its own and asks it for two numbers; throws with what node said when it does not load. */
export function loadInChild(file: string): { contract: number; bootTimeNs: number } {
  const script = `const addon = require(${JSON.stringify(file)});
    console.log(JSON.stringify({ contract: addon.contract, bootTimeNs: addon.bootTimeNs() }));`;
  return JSON.parse(run(process.execPath, ['-e', script], root).stdout) as { contract: number; bootTimeNs: number };
}

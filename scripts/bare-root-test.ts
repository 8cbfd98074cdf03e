/**
 * The two commands of the README on a fresh minimal Debian with nothing but Node.js and npm: makes such a root with mmdebstrap, clones the committed state of
 * this checkout into it, and runs `npm run try` and `npm test` there, in namespaces of its own. Everything written is thrown away afterwards.
 *   npm run test:bare                    trixie with its own nodejs and npm
 *   npm run test:bare -- bookworm        bookworm, whose nodejs is too old, with node@20 from the npm registry
 *   npm run test:bare -- trixie try      only one of the commands
 * Uncommitted changes are not tested. Settings of this user's ~/.npmrc and certificates of NODE_EXTRA_CA_CERTS are handed in, never stored.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cgroup2Mount, projectRoot } from '../test/kernel/loader-process.js';
import { type Suite, debianRoot } from '../test/lab/debian-root.js';
import { removeTree, runOk } from '../test/lab/namespace.js';

const COMMANDS: Record<string, string> = { try: 'npm run try', test: 'npm test </dev/null' };
const INSIDE = '/srv/devpolicy';
const CERTIFICATES = '/etc/ssl/handed-in.pem';

export async function main(words: readonly string[]): Promise<number> {
  const suite = (words.find((word) => ['bookworm', 'trixie', 'sid'].includes(word)) ?? 'trixie') as Suite;
  const chosen = words.filter((word) => word in COMMANDS);
  const root = await debianRoot(suite, ['nodejs', 'npm']);
  let worst = 0;
  for (const name of chosen.length > 0 ? chosen : Object.keys(COMMANDS)) {
    const status = await runInBareRoot(suite, root, COMMANDS[name] ?? '');
    console.log(`\n== ${suite}: ${COMMANDS[name] ?? ''}: exit status ${String(status)}`);
    worst = Math.max(worst, status);
  }
  return worst;
}

async function runInBareRoot(suite: Suite, root: string, command: string): Promise<number> {
  const work = mkdtempSync(path.join(process.env['DEVPOLICY_BARE_WORK'] ?? os.tmpdir(), 'devpolicy-bare-'));
  const cgroup = path.join(cgroup2Mount(), `devpolicy-bare-${String(process.pid)}`);
  try {
    await prepare(path.join(work, 'upper'));
    mkdirSync(cgroup);
    return await enter(work, cgroup, {
      BARE_ROOT: root,
      BARE_WORK: work,
      BARE_COMMAND: [
        ...(suite === 'bookworm' ? ['npm install --global node@20', 'hash -r'] : []),
        'node --version',
        `cd ${INSIDE}`,
        command,
      ].join(' && '),
    });
  } finally {
    if (existsSync(cgroup)) await removeTree(cgroup);
    rmSync(work, { recursive: true, force: true });
  }
}

/** What a person would have copied there: the clone, and how this network is reached. */
async function prepare(upper: string): Promise<void> {
  for (const directory of ['root', 'etc/ssl', 'srv']) mkdirSync(path.join(upper, directory), { recursive: true });
  await runOk(['git', 'clone', '--quiet', '--no-local', projectRoot, path.join(upper, INSIDE)]);
  const npmrc = path.join(os.homedir(), '.npmrc');
  if (existsSync(npmrc)) copyFileSync(npmrc, path.join(upper, 'root/.npmrc'));
  for (const file of ['/etc/resolv.conf', '/etc/hosts'])
    if (existsSync(file)) copyFileSync(file, path.join(upper, file));
  const certificates = process.env['NODE_EXTRA_CA_CERTS'];
  if (certificates !== undefined && existsSync(certificates))
    copyFileSync(certificates, path.join(upper, CERTIFICATES));
  writeFileSync(path.join(upper, 'etc/hostname'), 'bare\n');
}

/** The host's network stays: packages come from there. */
function enter(work: string, cgroup: string, settings: Record<string, string>): Promise<number> {
  const handedIn = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'CI'];
  const env: NodeJS.ProcessEnv = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    TERM: 'dumb',
    ...settings,
  };
  for (const name of handedIn) if (process.env[name] !== undefined) env[name] = process.env[name];
  if (existsSync(path.join(work, 'upper', CERTIFICATES))) env['NODE_EXTRA_CA_CERTS'] = CERTIFICATES;
  const script =
    'echo $$ > "$0/cgroup.procs" && exec unshare --mount --pid --cgroup --ipc --uts --fork --kill-child=SIGKILL -- sh "$1"';
  const init = path.join(projectRoot, 'scripts/bare-root-init.sh');
  return new Promise((resolve, reject) => {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'sh', '-c', script, cgroup, init], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env,
    });
    // Ending the child lets the caller clean up; there is no next command then.
    let ended: NodeJS.Signals | null = null;
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        ended = signal;
        child.kill('SIGKILL');
      });
    child.on('error', reject);
    child.on('close', (code) => {
      if (ended === null) resolve(code ?? 1);
      else reject(new Error(`ended by ${ended}`));
    });
  });
}

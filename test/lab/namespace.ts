/**
 * A private world for real runtimes: new mount, pid, cgroup, ipc, uts and net namespaces in a fresh cgroup, with cgroup v2 alone at /sys/fs/cgroup and
 * an empty /run. Needs root and util-linux. Everything in it dies with its first process, and that dies with the process that made it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroup2Mount } from '../kernel/loader-process.js';

export interface CommandResult {
  status: number;
  stdout: string;
  stderr: string;
}
export interface ExecOptions {
  input?: string | Uint8Array;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds; SIGKILL then, status 137. */
  timeout?: number;
  /** Hand this process's own output and terminal to the command: nothing is collected. */
  show?: boolean;
}

/** Runs a command and collects what it says. Rejects only if it cannot be started. */
export function run(argv: readonly string[], options: ExecOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const [command = '', ...words] = argv;
    const output = options.show === true ? 'inherit' : 'pipe';
    const child = spawn(command, words, { env: options.env ?? process.env, stdio: ['pipe', output, output] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const timer = options.timeout === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), options.timeout);
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin?.on('error', () => undefined); // a command that reads no input closes it
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ status: code ?? 137, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
    child.stdin?.end(options.input);
  });
}

/** As `run`, but a status other than 0 throws with what the command said. Returns stdout. */
export async function runOk(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.status !== 0)
    throw new Error(`${argv.join(' ')}: status ${String(result.status)}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** Runs as the first process of the namespaces with the host's own root; dash reaps orphans while it waits for `sleep`. */
const OWN_ROOT_INIT = `
set -e
mount --make-rprivate /
[ -d /sys/fs/cgroup ] || mount -t sysfs sysfs /sys
umount -R -l /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/init
echo 1 > /sys/fs/cgroup/init/cgroup.procs
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
for directory in /var/lib/docker /var/lib/containers /var/lib/containerd /var/lib/lxc /var/lib/incus /var/lib/lxd; do
  if [ -d $directory ]; then mount -t tmpfs tmpfs $directory; fi
done
echo ready
exec >/dev/null 2>&1 </dev/null
while :; do sleep 0.2; done
`;

export interface NamespaceOptions {
  /** Shell script of the first process; must print "ready" and never return. Default: the host's root with private /run and cgroup v2. */
  init?: string;
  /** Environment of the first process. */
  env?: NodeJS.ProcessEnv;
  /** Cgroup, relative to the lab's root, that entering processes join. */
  entryCgroup?: string;
  readyTimeout?: number;
}

/**
 * Waits until its input ends, which it does in whatever way this process ends, and removes the lab's cgroups. The lab's processes are killed by their
 * parent-death signal.
 */
const JANITOR = `
trap '' INT TERM HUP
cat >/dev/null
for attempt in $(seq 200); do
  find "$0" -depth -type d -exec rmdir {} + 2>/dev/null
  [ -d "$0" ] || exit 0
  sleep 0.05
done`;

let serial = 0;
const living = new Set<Namespace>();
process.on('exit', () => {
  for (const namespace of living) namespace.kill();
});

export class Namespace {
  /** Process id, on the host, of the first process inside. */
  readonly pid: number;
  /** Absolute path, on the host, of the lab's cgroup. */
  readonly cgroup: string;
  readonly #outer: ChildProcess;
  readonly #entry: string;
  readonly #janitor: ChildProcess;

  private constructor(pid: number, cgroup: string, outer: ChildProcess, entry: string, janitor: ChildProcess) {
    this.pid = pid;
    this.cgroup = cgroup;
    this.#outer = outer;
    this.#entry = entry;
    this.#janitor = janitor;
  }

  static async start(options: NamespaceOptions = {}): Promise<Namespace> {
    removeStale();
    const cgroup = path.join(cgroup2Mount(), `devpolicy-lab-${String(process.pid)}-${String(++serial)}`);
    mkdirSync(cgroup);
    const janitor = spawn('sh', ['-c', JANITOR, cgroup], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    janitor.unref();
    const enter =
      'echo $$ > "$0/cgroup.procs" && exec unshare --mount --pid --cgroup --ipc --uts --net --fork --kill-child=SIGKILL -- sh -c "$1"';
    const outer = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', '--', 'sh', '-c', enter, cgroup, options.init ?? OWN_ROOT_INIT],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: options.env ?? process.env,
      },
    );
    try {
      await waitForReady(outer, options.readyTimeout ?? 30_000);
    } catch (error) {
      outer.kill('SIGKILL');
      await removeTree(cgroup);
      janitor.stdin.end();
      throw error;
    }
    const outerPid = outer.pid ?? 0;
    const pid = Number(
      readFileSync(`/proc/${String(outerPid)}/task/${String(outerPid)}/children`, 'utf8')
        .trim()
        .split(' ')[0],
    );
    const entry = path.join(cgroup, options.entryCgroup ?? 'init');
    if (existsSync(entry)) writeFileSync(path.join(entry, 'cgroup.procs'), String(outerPid)); // no process may sit in an inner cgroup
    const namespace = new Namespace(pid, cgroup, outer, entry, janitor);
    living.add(namespace);
    return namespace;
  }

  /** A path inside, as a path of the host. */
  path(inside: string): string {
    return `/proc/${String(this.pid)}/root${inside}`;
  }
  /** A cgroup path inside ("/web"), as an absolute path of the host. */
  cgroupPath(inside: string): string {
    return path.join(this.cgroup, inside);
  }
  #command(argv: readonly string[]): string[] {
    return [
      'sh',
      '-c',
      'pid=$1; shift; echo $$ > "$0/cgroup.procs" && exec nsenter -t "$pid" -a -- "$@"',
      this.#entry,
      String(this.pid),
      ...argv,
    ];
  }
  exec(argv: readonly string[], options: ExecOptions = {}): Promise<CommandResult> {
    return run(this.#command(argv), options);
  }
  execOk(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
    return runOk(this.#command(argv), options);
  }

  kill(): void {
    this.#outer.kill('SIGKILL');
  }
  /** Kills everything inside and removes the cgroups. */
  async stop(): Promise<void> {
    const gone =
      this.#outer.exitCode !== null || this.#outer.signalCode !== null
        ? Promise.resolve()
        : new Promise((resolve) => this.#outer.once('exit', resolve));
    this.kill();
    await gone;
    await removeTree(this.cgroup);
    this.#janitor.stdin?.end();
    living.delete(this);
  }
}

function waitForReady(outer: ChildProcess, timeout: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => {
      reject(new Error(`the namespaces were not ready after ${String(timeout)} ms:\n${said}`));
    }, timeout);
    const listen = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-4000);
      if (/^ready$/m.test(said)) {
        clearTimeout(timer);
        resolve();
      }
    };
    outer.stdout?.on('data', listen);
    outer.stderr?.on('data', listen);
    outer.once('error', reject);
    outer.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the namespaces could not be made (status ${String(code)}):\n${said}`));
    });
  });
}

/** Removes a cgroup and all below it, ending what still sits there. */
export async function removeTree(cgroup: string): Promise<void> {
  for (let attempt = 0; existsSync(cgroup); attempt++) {
    if (existsSync(path.join(cgroup, 'cgroup.kill'))) {
      try {
        writeFileSync(path.join(cgroup, 'cgroup.kill'), '1');
      } catch {
        // gone meanwhile, or a kernel before 5.14: the pid namespace has ended its members
      }
    }
    removeDirectories(cgroup);
    if (attempt === 200) throw new Error(`${cgroup} cannot be removed: something still runs in it`);
    if (existsSync(cgroup)) await sleep(25);
  }
}
function removeDirectories(directory: string): void {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) removeDirectories(path.join(directory, entry.name));
    }
    rmdirSync(directory);
  } catch {
    // busy or gone; the caller looks again
  }
}

/** Cgroups of labs whose maker was killed outright. */
function removeStale(): void {
  const mount = cgroup2Mount();
  for (const name of readdirSync(mount)) {
    const maker = /^devpolicy-lab-(\d+)-\d+$/.exec(name)?.[1];
    if (maker !== undefined && !existsSync(`/proc/${maker}`)) removeDirectories(path.join(mount, name));
  }
}

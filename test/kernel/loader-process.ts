/** The test loader (loader/*.c) as a child process: builds it with the C compiler when its sources are newer, and speaks its protocol. */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** Root of the checkout: this file is bundled for scripts, so it is found by its package.json rather than by this file's place. */
export const projectRoot: string = findProjectRoot();
const sourceDirectory = path.join(projectRoot, 'test/kernel/loader');

function findProjectRoot(): string {
  let directory = import.meta.dirname;
  while (!existsSync(path.join(directory, 'test/kernel/loader/main.c'))) {
    const parent = path.dirname(directory);
    if (parent === directory) throw new Error(`no checkout of devpolicy above ${import.meta.dirname}`);
    directory = parent;
  }
  return directory;
}

/** Compiles the loader if need be and returns its path. `withLibbpf`: can load clang's ELF objects, needs libbpf-dev. Throws with the compiler's words. */
export function buildLoader(withLibbpf: boolean = existsSync('/usr/include/bpf/libbpf.h')): string {
  const sources = readdirSync(sourceDirectory).map((name) => path.join(sourceDirectory, name));
  const directory = path.join(projectRoot, 'build/loader');
  const target = path.join(directory, withLibbpf ? 'devpolicy-test-loader-libbpf' : 'devpolicy-test-loader');
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  if (existsSync(target) && statSync(target).mtimeMs > newest) return target;
  mkdirSync(directory, { recursive: true });
  const temporary = `${target}.${String(process.pid)}`;
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-o', temporary];
  const units = sources.filter((file) => file.endsWith('.c'));
  const result = spawnSync(
    'cc',
    [...flags, ...(withLibbpf ? ['-DWITH_LIBBPF'] : []), ...units, ...(withLibbpf ? ['-lbpf'] : [])],
    {
      encoding: 'utf8',
    },
  );
  if (result.error)
    throw new Error(`cannot run the C compiler: ${result.error.message} (apt-get install gcc libc6-dev)`);
  if (result.status !== 0) throw new Error(`the test loader does not compile:\n${result.stderr}`);
  renameSync(temporary, target);
  return target;
}

let ownMount: string | undefined;
/**
 * Where cgroup v2 is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified on hybrid hosts. In a root where nobody has mounted it, mounts it on a temporary
 * directory until this process ends.
 */
export function cgroup2Mount(): string {
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, mountPoint, type] = line.split(' ');
    if (type === 'cgroup2' && mountPoint !== undefined) return mountPoint;
  }
  const directory = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-cgroup2-'));
  const result = spawnSync('mount', ['-t', 'cgroup2', 'none', directory], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`cgroup v2 is not mounted on this host and cannot be: ${result.stderr}`);
  if (ownMount === undefined) process.on('exit', removeOwnMount);
  ownMount = directory;
  return directory;
}
function removeOwnMount(): void {
  if (ownMount === undefined) return;
  spawnSync('umount', ['-l', ownMount]);
  rmdirSync(ownMount);
}

/** The kernel (or the loader) refused: positive errno, and for a refused program the end of the verifier's log. */
export class LoaderError extends Error {
  override readonly name: string = 'LoaderError';
  readonly errno: number;
  readonly log: string;
  constructor(command: string, errno: number, what: string, log: string) {
    super(`${command}: ${what}: errno ${String(errno)}${log === '' ? '' : `\n${log}`}`);
    this.errno = errno;
    this.log = log;
  }
}

export interface Reply {
  words: string[];
  payload: Buffer;
}
interface Waiting {
  command: string;
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

/** One loader process. Requests may be sent without waiting; replies come in order. */
export class LoaderProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: Waiting[] = [];
  readonly #ended: Promise<void>;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #header: { status: string; length: number; words: string[]; bytes: number } | undefined;
  #stopping = false;

  constructor(executable: string, mountPoint: string) {
    this.#child = spawn(executable, [mountPoint], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#take(chunk);
    });
    this.#child.stdin.on('error', () => undefined); // the 'close' below reports it
    this.#ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        for (const { command, reject } of this.#waiting.splice(0))
          reject(new Error(`${command}: the test loader ended: ${reason}`));
        if (!this.#stopping) this.#stopping = true;
        resolve();
      };
      this.#child.on('error', (error) => {
        end(error.message);
      });
      this.#child.on('close', (code, signal) => {
        end(`code ${String(code)} signal ${String(signal)}`);
      });
    });
  }

  request(
    command: string,
    words: readonly (string | number)[],
    payload: Uint8Array = new Uint8Array(),
  ): Promise<Reply> {
    if (this.#stopping) return Promise.reject(new Error(`${command}: the test loader has ended`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ command, resolve, reject });
      this.#child.stdin.write(`${[command, payload.length, ...words].join(' ')}\n`);
      if (payload.length > 0) this.#child.stdin.write(payload);
    });
  }

  /** Ends the process; it removes its cgroups (and with them what was attached) before this resolves. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#child.stdin.end();
    await this.#ended;
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    for (;;) {
      if (this.#header === undefined && !this.#parseHeader()) return;
      const header = this.#header;
      if (header === undefined || this.#buffered < header.bytes + header.length) return;
      const all = Buffer.concat(this.#chunks);
      const end = header.bytes + header.length;
      this.#chunks = end < all.length ? [all.subarray(end)] : [];
      this.#buffered = all.length - end;
      this.#header = undefined;
      this.#deliver(header.status, header.words, all.subarray(header.bytes, end));
    }
  }

  #parseHeader(): boolean {
    if (this.#buffered === 0) return false;
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    const all = this.#chunks[0] ?? Buffer.alloc(0);
    const newline = all.indexOf(10);
    if (newline < 0) return false;
    const [status = '', length = '0', ...words] = all.subarray(0, newline).toString('latin1').split(' ');
    this.#header = { status, length: Number(length), words, bytes: newline + 1 };
    return true;
  }

  #deliver(status: string, words: string[], payload: Buffer): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) throw new Error(`the test loader said something unasked: ${status} ${words.join(' ')}`);
    if (status === 'ok') waiting.resolve({ words, payload });
    else
      waiting.reject(
        new LoaderError(waiting.command, Number(words[0]), words.slice(1).join(' '), payload.toString('latin1')),
      );
  }
}

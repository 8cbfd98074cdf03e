import { readdirSync, readlinkSync } from 'node:fs';
import type { FileFailure } from './files.js';
import { LIMITS, errorCode, fileFailure, isMissing, readProcFile, unescapeMount } from './files.js';

/** A process of a host, in the host's numbers. */
export interface ProcessFacts {
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. Pids are used again, pid and start time together are not. */
  startTicks: number;
}

/** More failures than this of one kind say nothing new. */
const MOST_FAILURES = 10_000;

/** What is read of procfs (proc(5)). Processes come and go: what is not there is null. */
export class Proc {
  /** Mount point: "/proc", or the host's seen from a container. */
  readonly directory: string;
  /**
   * Files of processes ("12/mountinfo") that are there and could not be read: without CAP_SYS_PTRACE the kernel shows little of other users' processes, and
   * with hidepid= less. They are null to the reader all the same; whoever reads the host says so.
   */
  readonly failures: Map<string, FileFailure> = new Map<string, FileFailure>();

  /** False once the kernel said that no security module labels processes. */
  #hasLabels = true;

  constructor(directory = '/proc') {
    this.directory = directory;
  }

  /** Text of a file below /proc; null if it is not there or may not be read. */
  text(path: string, maxBytes: number = LIMITS.proc): string | null {
    try {
      return readProcFile(`${this.directory}/${path}`, maxBytes).toString('utf8');
    } catch (error) {
      this.#failed(path, error);
      return null;
    }
  }

  /** A process that has gone is no failure, and this program's own files are its own business. */
  #failed(path: string, error: unknown): void {
    if (isMissing(error)) return;
    const failure = fileFailure(error);
    // One that is just ending has no mount namespace any more: EINVAL (fs/proc_namespace.c, mounts_open_common).
    if (failure.code === 'EINVAL' && path.endsWith('/mountinfo')) return;
    if (/^\d/.test(path) && this.failures.size < MOST_FAILURES) this.failures.set(path, failure);
  }

  /**
   * Does this procfs keep processes of others out of sight (mount option hidepid=, proc(5))? They then look as if they were gone. The first process is
   * always there, so it tells.
   */
  get hidesProcesses(): boolean {
    return this.process(1) === null;
  }

  /** A number that is all there is in a file: a sysctl, for instance. */
  number(path: string): number | null {
    const text = this.text(path)?.trim();
    return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : null;
  }

  /** cgroup v2 path of a process or, with a thread id, of that thread: the line "0::/path". */
  cgroup(pid: number, thread?: number): string | null {
    const file = thread === undefined ? `${String(pid)}/cgroup` : `${String(pid)}/task/${String(thread)}/cgroup`;
    const line = this.text(file)
      ?.split('\n')
      .find((each) => each.startsWith('0::'));
    // The kernel adds " (deleted)" to the path of a cgroup that was removed.
    return line === undefined || line.endsWith(' (deleted)') ? null : line.slice(3);
  }

  /** Path of a process in the v1 hierarchy of a controller. */
  cgroupV1(pid: number, controller: string): string | null {
    for (const line of this.text(`${String(pid)}/cgroup`)?.split('\n') ?? []) {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (controllers?.split(',').includes(controller) === true) return path ?? null;
    }
    return null;
  }

  process(pid: number): ProcessFacts | null {
    const stat = this.text(`${String(pid)}/stat`);
    // The name of the program, field 2, is in parentheses and may hold anything.
    const after = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startTicks = Number(after?.[19]);
    return after === undefined || !Number.isInteger(startTicks) ? null : { pid, startTicks };
  }

  /** The numbers of a process in its pid namespaces, outermost first. */
  namespacedPids(pid: number): number[] {
    const line = /^NSpid:\s+(.*)$/m.exec(this.text(`${String(pid)}/status`) ?? '')?.[1];
    return line === undefined ? [] : line.split(/\s+/).map(Number);
  }

  threads(pid: number): number[] {
    return this.#numbers(`${String(pid)}/task`);
  }

  pids(): number[] {
    return this.#numbers('');
  }

  #numbers(path: string): number[] {
    try {
      return readdirSync(`${this.directory}/${path}`)
        .filter((name) => /^\d+$/.test(name))
        .map(Number);
    } catch (error) {
      this.#failed(path, error);
      return [];
    }
  }

  /** Does this procfs number processes as this process is numbered? */
  get isOwnNamespace(): boolean {
    try {
      return readlinkSync(`${this.directory}/self`) === String(process.pid);
    } catch (error) {
      if (errorCode(error) === null) throw error;
      return false;
    }
  }

  /** Which namespace a process is in, "cgroup:[4026531835]"; null if that cannot be seen. */
  namespace(pid: number | 'self', kind: 'cgroup' | 'pid' | 'user'): string | null {
    try {
      return readlinkSync(`${this.directory}/${String(pid)}/ns/${kind}`);
    } catch (error) {
      this.#failed(`${String(pid)}/ns/${kind}`, error);
      return null;
    }
  }

  mountinfo(pid: number | 'self'): string {
    return this.text(`${String(pid)}/mountinfo`, 16 << 20) ?? '';
  }

  /** AppArmor profile or SELinux context of a process; null where no security module gives one (the kernel then answers EINVAL). */
  securityLabel(pid: number): string | null {
    if (!this.#hasLabels) return null;
    const path = `${String(pid)}/attr/current`;
    const text = this.text(path);
    if (this.failures.get(path)?.code === 'EINVAL') {
      this.failures.delete(path);
      this.#hasLabels = false;
    }
    const label = text?.replace(/\0.*$/s, '').trim();
    return label === undefined || label === '' ? null : label.slice(0, 4096);
  }

  /** Is the process in a user namespace other than this program's? null if that cannot be told. */
  ownUserNamespace(pid: number): boolean | null {
    const map = this.text(`${String(pid)}/uid_map`);
    // The whole range mapped onto itself: the initial namespace (user_namespaces(7)).
    return map === null || map.trim() === '' ? null : !/^\s*0\s+0\s+4294967295\s*$/.test(map);
  }
}

/** A mount of /proc/PID/mountinfo. */
export interface Mount {
  /** Directory of the mounted file system that is its root: "/" unless a part of it is bound. */
  root: string;
  point: string;
  type: string;
  /** Options of this mount: "nodev", "ro" ... */
  flags: string[];
  /** Options of the file system. */
  options: string[];
}

/** Reads mountinfo: "36 35 98:0 ROOT POINT mount-options optional-fields - TYPE source super-options". */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ', 2);
    const [, , , root, point, flags] = before?.split(' ') ?? [];
    const [type, , options] = after?.split(' ') ?? [];
    if (root === undefined || point === undefined || type === undefined) return [];
    return [
      {
        root: unescapeMount(root),
        point: unescapeMount(point),
        type,
        flags: flags?.split(',') ?? [],
        options: options?.split(',') ?? [],
      },
    ];
  });
}

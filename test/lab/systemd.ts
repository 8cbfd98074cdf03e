/**
 * A Debian of a chosen suite with systemd as process 1 and its own dockerd, podman, containerd and LXC, in private namespaces on the host's kernel.
 * The root filesystem comes from the cache (debian-root.ts); everything written goes to a tmpfs that disappears with the lab.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../kernel/loader-process.js';
import { maySetResourceLimits, memlockShim } from './capabilities.js';
import { type Suite, debianRoot, engineRoot } from './debian-root.js';
import { type CommandResult, type ExecOptions, Namespace } from './namespace.js';
import { makeRootFilesystem } from './runc.js';

export interface LabNode {
  path: string;
  type: 'b' | 'c';
  major: number;
  minor: number;
}

/** Nodes need no driver: a disk, a GPU and a serial adapter that this machine has not. */
export const LAB_NODES: readonly LabNode[] = [
  { path: '/dev/null', type: 'c', major: 1, minor: 3 },
  { path: '/dev/zero', type: 'c', major: 1, minor: 5 },
  { path: '/dev/full', type: 'c', major: 1, minor: 7 },
  { path: '/dev/random', type: 'c', major: 1, minor: 8 },
  { path: '/dev/urandom', type: 'c', major: 1, minor: 9 },
  { path: '/dev/kmsg', type: 'c', major: 1, minor: 11 },
  { path: '/dev/tty', type: 'c', major: 5, minor: 0 },
  { path: '/dev/console', type: 'c', major: 5, minor: 1 },
  { path: '/dev/ptmx', type: 'c', major: 5, minor: 2 },
  { path: '/dev/fuse', type: 'c', major: 10, minor: 229 },
  { path: '/dev/net/tun', type: 'c', major: 10, minor: 200 },
  { path: '/dev/sda', type: 'b', major: 8, minor: 0 },
  { path: '/dev/sda1', type: 'b', major: 8, minor: 1 },
  { path: '/dev/nvidia0', type: 'c', major: 195, minor: 0 },
  { path: '/dev/nvidiactl', type: 'c', major: 195, minor: 255 },
  { path: '/dev/ttyUSB0', type: 'c', major: 188, minor: 0 },
];

export interface SystemdLabOptions {
  suite: Suite;
  /** Links in /dev/char and /dev/block, as udev makes them. Without them is the state of many LXC hosts. Default true. */
  deviceLinks?: boolean;
  nodes?: readonly LabNode[];
  /** Packages of its root filesystem. Default: the container engines. */
  packages?: readonly string[];
}

export class SystemdLab {
  readonly suite: Suite;
  readonly namespace: Namespace;
  readonly #work: string;
  private constructor(suite: Suite, namespace: Namespace, work: string) {
    this.suite = suite;
    this.namespace = namespace;
    this.#work = work;
  }

  /** Resolves when systemd has reached basic.target. The first start on a machine builds the root filesystem. */
  static async start(options: SystemdLabOptions): Promise<SystemdLab> {
    const { suite, packages } = options;
    const root = await (packages === undefined ? engineRoot(suite) : debianRoot(suite, packages));
    const work = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-lab-'));
    const nodes = options.nodes ?? LAB_NODES;
    const env = {
      ...process.env,
      LAB_ROOT: root,
      LAB_WORK: work,
      LAB_PROJECT: projectRoot,
      LAB_NODE_PREFIX: path.dirname(path.dirname(process.execPath)),
      LAB_LINKS: options.deviceLinks === false ? 'no' : 'yes',
      LAB_NODES: nodes
        .map(({ path: name, type, major, minor }) => `${name} ${type} ${String(major)} ${String(minor)}`)
        .join('\n'),
      LAB_SHIM: memlockShim() ?? '',
    };
    const init = readFileSync(path.join(projectRoot, 'test/lab/systemd-init.sh'), 'utf8');
    const namespace = await Namespace.start({ init, env, entryCgroup: 'init.scope' });
    const lab = new SystemdLab(options.suite, namespace, work);
    try {
      await lab.#waitForSystemd();
    } catch (error) {
      await lab.stop();
      throw error;
    }
    return lab;
  }

  async #waitForSystemd(): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const state = existsSync(this.namespace.cgroupPath('/init.scope'))
        ? await this.exec(['systemctl', 'is-system-running'])
        : undefined;
      if (state !== undefined && ['running', 'degraded'].includes(state.stdout.trim())) return;
      if (Date.now() > deadline)
        throw new Error(
          `systemd of ${this.suite} is not up after a minute: ${state?.stdout ?? ''}${state?.stderr ?? ''}`,
        );
      await sleep(100);
    }
  }

  exec(argv: readonly string[], options: ExecOptions = {}): Promise<CommandResult> {
    return this.namespace.exec(argv, { ...options, env: insideEnvironment(options.env) });
  }
  execOk(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
    return this.namespace.execOk(argv, { ...options, env: insideEnvironment(options.env) });
  }
  /** Runs the checkout's command inside, on the Node.js of this process. */
  devpolicy(args: readonly string[], options: ExecOptions = {}): Promise<CommandResult> {
    return this.exec([...hostNode(), '/opt/devpolicy/dist/cli/main.js', ...args], options);
  }

  /** Starts dockerd and imports the busybox image `box`. */
  async startDocker(): Promise<void> {
    await this.execOk(['systemctl', 'start', 'docker.service']);
    await this.#makeBox();
    await this.execOk(['sh', '-c', 'tar -C /run/box -c . | docker import - box']);
  }
  /** Gives podman the image `localhost/box`. It has no daemon. */
  async preparePodman(): Promise<void> {
    await this.#makeBox();
    await this.execOk(['sh', '-c', 'tar -C /run/box -c . | podman import - localhost/box:1']);
  }
  async #makeBox(): Promise<void> {
    const box = this.namespace.path('/run/box');
    if (existsSync(box)) return;
    mkdirSync(box);
    makeRootFilesystem(box);
    await Promise.resolve();
  }

  /** Options of docker run for a container that may do everything, on machines that lack a capability too (see systemd-init.sh). */
  get privileged(): string[] {
    return maySetResourceLimits() ? ['--privileged'] : ['--privileged', '--runtime', 'runc-nested'];
  }

  /** `docker run -d --name NAME --network none OPTIONS box sleep`; returns the container id. */
  async dockerRun(name: string, options: readonly string[] = []): Promise<string> {
    const id = await this.execOk([
      'docker',
      'run',
      '-d',
      '--name',
      name,
      '--network',
      'none',
      ...options,
      'box',
      '/bin/sleep',
      '1000000',
    ]);
    return id.trim();
  }
  /** As `dockerRun`; podman's own limit on processes is lifted, for test kernels without that controller. */
  async podmanRun(name: string, runtime: 'runc' | 'crun', options: readonly string[] = []): Promise<string> {
    const fixed = [
      '--runtime',
      `/usr/${runtime === 'runc' ? 'sbin' : 'bin'}/${runtime}`,
      '--cgroup-manager',
      'systemd',
    ];
    const own = ['--network', 'none', '--pids-limit', '0'];
    const id = await this.execOk([
      'podman',
      ...fixed,
      'run',
      '-d',
      '--name',
      name,
      ...own,
      ...options,
      'localhost/box:1',
      '/bin/sleep',
      '1000000',
    ]);
    return id.trim();
  }

  /** Cgroup of a process inside, relative to the lab ("/system.slice/docker-....scope"). */
  async cgroupOf(pid: number): Promise<string> {
    return (await this.execOk(['sed', '-n', 's/^0:://p', `/proc/${String(pid)}/cgroup`])).trim();
  }
  /** Installed version of a Debian package. */
  async packageVersion(name: string): Promise<string> {
    return (await this.execOk(['dpkg-query', '-W', '-f', '${Version}', name])).trim();
  }

  async stop(): Promise<void> {
    await this.namespace.stop();
    rmSync(this.#work, { recursive: true, force: true });
  }
}

function insideEnvironment(extra: NodeJS.ProcessEnv | undefined): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    ...extra,
  };
}

/**
 * The command line that runs this process's node inside a lab of any suite: the host's dynamic loader and libraries, which the lab has under
 * /opt/host-usr, so that the lab's own C library may be older.
 */
export function hostNode(): string[] {
  const loader = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'].find((file) => existsSync(file));
  if (loader === undefined) throw new Error('no dynamic loader known for this machine');
  const real = realpathSync(loader).replace(/^\/lib/, '/usr/lib');
  const inside = real.replace(/^\/usr/, '/opt/host-usr');
  const node = path.join(
    '/opt/host-node',
    path.relative(path.dirname(path.dirname(process.execPath)), process.execPath),
  );
  return [inside, '--library-path', path.dirname(inside), node];
}

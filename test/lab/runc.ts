/** Real containers of runc and crun in a `Namespace`, without an engine: a busybox root filesystem, `runc spec`, and the device settings of the test. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { maySetResourceLimits, memlockShim } from './capabilities.js';
import type { Namespace } from './namespace.js';

/** As in the OCI runtime specification, linux.devices and linux.resources.devices. */
export interface OciNode {
  path: string;
  type: 'b' | 'c';
  major: number;
  minor: number;
  fileMode?: number;
}
export interface OciRule {
  allow: boolean;
  type?: 'a' | 'b' | 'c';
  major?: number;
  minor?: number;
  access?: string;
}
export interface ContainerOptions {
  runtime?: 'runc' | 'crun';
  /** Container id; also its cgroup /NAME unless `cgroupsPath` says else. */
  name: string;
  /** Nodes to make in the container, as `--device` does. No rule is added for them. */
  nodes?: OciNode[];
  /** linux.resources.devices in full. Default: what `runc spec` writes (deny all; the runtime adds its own). */
  rules?: OciRule[];
  /** `slice:prefix:name` with systemdCgroup. */
  cgroupsPath?: string;
  systemdCgroup?: boolean;
}
export interface Container {
  name: string;
  runtime: 'runc' | 'crun';
  /** Path inside the lab's cgroup namespace, "/web". */
  cgroup: string;
  /** Process id inside the lab's pid namespace. */
  pid: number;
  /** Where the bundle is, inside. */
  bundle: string;
}

interface OciConfig {
  process: { terminal?: boolean; args: string[]; capabilities?: Record<string, string[]>; rlimits?: unknown };
  root: { path: string; readonly?: boolean };
  linux: {
    cgroupsPath?: string;
    devices?: OciNode[];
    resources?: { devices?: OciRule[] };
    namespaces: { type: string; path?: string }[];
  };
}

const BUNDLES = '/run/devpolicy-lab';
const APPLETS = ['sh', 'sleep', 'cat', 'ls', 'mknod', 'true', 'dd', 'head'];

/** Makes a root filesystem of busybox at a path of the host. */
export function makeRootFilesystem(directory: string): void {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp'])
    mkdirSync(path.join(directory, name), { recursive: true });
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((file) => existsSync(file));
  if (busybox === undefined) throw new Error('busybox is not installed (apt-get install busybox-static)');
  copyFileSync(busybox, path.join(directory, 'bin/busybox'));
  chmodSync(path.join(directory, 'bin/busybox'), 0o755);
  for (const applet of APPLETS) symlinkSync('busybox', path.join(directory, 'bin', applet));
}

function adapt(config: OciConfig, options: ContainerOptions): OciConfig {
  config.process.terminal = false;
  config.process.args = ['/bin/sleep', '1000000'];
  config.root.readonly = false;
  if (!maySetResourceLimits()) {
    // the runtime would refuse to start
    for (const [set, names] of Object.entries(config.process.capabilities ?? {})) {
      config.process.capabilities = {
        ...config.process.capabilities,
        [set]: names.filter((name) => name !== 'CAP_SYS_RESOURCE'),
      };
    }
    delete config.process.rlimits;
  }
  config.linux.cgroupsPath = options.cgroupsPath ?? `/${options.name}`;
  if (options.nodes !== undefined) config.linux.devices = options.nodes;
  if (options.rules !== undefined) config.linux.resources = { ...config.linux.resources, devices: options.rules };
  return config;
}

/** Where `startContainer` makes a container's bundle, inside the lab. It stays when the runtime refuses to start it. */
export const bundleOf = (runtime: 'runc' | 'crun', name: string): string => path.join(BUNDLES, `${runtime}-${name}`);

/** Starts a container and returns when its process runs. Throws with the runtime's own words. */
export async function startContainer(lab: Namespace, options: ContainerOptions): Promise<Container> {
  const runtime = options.runtime ?? 'runc';
  const bundle = bundleOf(runtime, options.name);
  makeRootFilesystem(path.join(lab.path(bundle), 'rootfs'));
  // crun 0.17 knows no option for the directory.
  await lab.execOk(['sh', '-c', 'cd "$1" && exec "$0" spec', runtime, bundle]);
  const file = path.join(lab.path(bundle), 'config.json');
  const config = adapt(JSON.parse(readFileSync(file, 'utf8')) as OciConfig, options);
  writeFileSync(file, JSON.stringify(config, null, 1));
  await runDetached(lab, [
    runtime,
    ...(options.systemdCgroup === true ? ['--systemd-cgroup'] : []),
    ...['run', '--detach', '--bundle', bundle, options.name],
  ]);
  const state = JSON.parse(await lab.execOk([runtime, 'state', options.name])) as { pid: number };
  const cgroup = await lab.execOk(['sed', '-n', 's/^0:://p', `/proc/${String(state.pid)}/cgroup`]);
  return { name: options.name, runtime, cgroup: cgroup.trim(), pid: state.pid, bundle };
}

/** The container inherits the runtime's output: a file, so that nobody waits for the container to close a pipe. */
async function runDetached(lab: Namespace, argv: readonly string[]): Promise<void> {
  const log = path.join(BUNDLES, 'start.log');
  const shim = memlockShim();
  const env = shim === undefined ? {} : { env: { ...process.env, LD_PRELOAD: shim } };
  const result = await lab.exec(['sh', '-c', 'exec "$@" >"$0" 2>&1 </dev/null', log, ...argv], env);
  if (result.status !== 0) throw new Error(`${argv.join(' ')}: ${result.stderr}${readFileSync(lab.path(log), 'utf8')}`);
}

export async function stopContainer(lab: Namespace, container: Container): Promise<void> {
  await lab.execOk([container.runtime, 'delete', '--force', container.name]);
}

/** What docker run without options asks of runc: deny all, then Docker's own list (moby, oci/defaults.go). */
export const DOCKER_DEFAULT_RULES: OciRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 5, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 9, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 8, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 0, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' },
  { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
];

/**
 * Prometheus, its node_exporter and promtool: those on PATH, else Debian's packages, unpacked into the cache. They are not installed, because
 * installing them starts servers.
 */
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from './debian-root.js';
import { runOk } from './namespace.js';

export interface MonitoringTools {
  prometheus: string;
  nodeExporter: string;
  promtool: string;
}

const PACKAGES = ['prometheus', 'prometheus-node-exporter'];

/** The packages and nothing they depend on: the binaries need the C library alone. Since Debian 13 promtool is a package of its own. */
const UNPACK = `set -e
cd "$0"
[ "$(id -u)" != 0 ] || apt-get update -qq
if apt-cache show promtool >/dev/null 2>&1; then set -- "$@" promtool; fi
apt-get download -qq "$@"
for p in *.deb; do dpkg-deb -x "$p" .; rm "$p"; done
chmod 755 .`;

/** Throws with apt's words where the packages cannot be had. */
export async function monitoringTools(): Promise<MonitoringTools> {
  const onPath = (name: string): string | undefined =>
    (process.env['PATH'] ?? '')
      .split(':')
      .map((directory) => path.join(directory, name))
      .find(isExecutable);
  const [prometheus, nodeExporter, promtool] = ['prometheus', 'prometheus-node-exporter', 'promtool'].map(onPath);
  if (prometheus !== undefined && nodeExporter !== undefined && promtool !== undefined)
    return { prometheus, nodeExporter, promtool };
  const directory = await unpacked();
  const binary = (name: string): string => path.join(directory, 'usr/bin', name);
  return {
    prometheus: binary('prometheus'),
    nodeExporter: binary('prometheus-node-exporter'),
    promtool: binary('promtool'),
  };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function unpacked(): Promise<string> {
  const target = path.join(cacheDirectory(), 'monitoring');
  if (existsSync(target)) return target;
  mkdirSync(cacheDirectory(), { recursive: true });
  const building = mkdtempSync(`${target}.building-`);
  try {
    await runOk(['sh', '-c', UNPACK, building, ...PACKAGES], { timeout: 300_000 });
    renameSync(building, target);
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // else somebody else was faster
  }
  return target;
}

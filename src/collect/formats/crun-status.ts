import { boolean, integer, nullable, property, string } from '../../snapshot/decode.js';
import type { CrunStatusSource } from '../../snapshot/types.js';
import { parseRuntimeJson } from './json.js';

const text = nullable(string(65_536));
const number = nullable(integer());

/**
 * Reads crun's `<root>/<id>/status` (libcrun/status.c).
 * @throws InputError if it is no such file
 */
export function parseCrunStatus(content: string, path: string): CrunStatusSource {
  const status = parseRuntimeJson(content);
  const field = (key: string): unknown => property(status, key);
  return {
    kind: 'crun-status',
    path,
    pid: number(field('pid'), 'pid'),
    processStartTime: number(field('process-start-time'), 'process-start-time'),
    cgroupPath: text(field('cgroup-path'), 'cgroup-path'),
    scope: text(field('scope'), 'scope'),
    bundle: text(field('bundle'), 'bundle'),
    systemdCgroup: nullable(boolean)(field('systemd-cgroup'), 'systemd-cgroup'),
  };
}

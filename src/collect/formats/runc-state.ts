import { boolean, integer, nullable, plainObject, property, record, string } from '../../snapshot/decode.js';
import type { RuncStateSource } from '../../snapshot/types.js';
import { parseRuntimeJson } from './json.js';
import { deviceNodes, hookPaths, stateRules } from './oci-rules.js';

const text = nullable(string(65_536));
const flag = nullable(boolean);
const number = nullable(integer());

/**
 * Reads runc's state.json, of any release: libcontainer's State with the resolved list of device rules in `config.cgroups.devices` (Resources is
 * embedded, there is no key of that name). rc10 and rc90 have `allowed_devices`, `denied_devices` and `allow_all_devices` beside it;
 * since opencontainers/cgroups 0.0.4 an empty list is left out.
 * @throws InputError if it is no such file
 */
export function parseRuncState(content: string, path: string): RuncStateSource {
  const state = parseRuntimeJson(content);
  const config = plainObject(property(state, 'config'), 'config');
  const cgroups = plainObject(property(config, 'cgroups'), 'config.cgroups');
  const field = (key: string): unknown => property(cgroups, key);
  const at = (key: string): string => `config.cgroups.${key}`;
  const paths = nullable(record(string(4096)))(property(state, 'cgroup_paths'), 'cgroup_paths');
  return {
    kind: 'runc-state',
    path,
    devices: stateRules(field('devices'), at('devices')),
    allowedDevices: stateRules(field('allowed_devices'), at('allowed_devices')),
    deniedDevices: stateRules(field('denied_devices'), at('denied_devices')),
    allowAllDevices: flag(field('allow_all_devices'), at('allow_all_devices')),
    skipDevices: flag(field('skip_devices'), at('skip_devices')),
    nodes: deviceNodes(property(config, 'devices'), 'config.devices'),
    hooks: hookPaths(property(config, 'Hooks') ?? property(config, 'hooks'), 'config.Hooks'),
    id: text(property(state, 'id'), 'id'),
    bundle: bundleLabel(property(config, 'labels')),
    initProcessPid: number(property(state, 'init_process_pid'), 'init_process_pid'),
    initProcessStart: startTime(property(state, 'init_process_start')),
    cgroupPath: paths?.[''] ?? null,
    cgroup: {
      name: text(field('name'), at('name')),
      parent: text(field('parent'), at('parent')),
      scopePrefix: text(field('scope_prefix'), at('scope_prefix')),
      path: text(field('path'), at('path')),
      systemd: flag(field('Systemd') ?? field('systemd'), at('Systemd')),
      // Before 1.0.0 only the configuration itself says so.
      rootless:
        flag(field('Rootless') ?? field('rootless'), at('Rootless')) ??
        flag(property(config, 'rootless_cgroups'), 'config.rootless_cgroups'),
    },
    created: text(property(state, 'created'), 'created'),
    keys: [...new Set([...Object.keys(config), ...Object.keys(cgroups)])].filter((key) => key.length <= 80).sort(),
  };
}

/** runc before 1.0.0 wrote the start time as text. */
function startTime(value: unknown): number | null {
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value);
  return number(value, 'init_process_start');
}

/** `labels` holds "bundle=/dir" among labels of users, which are not kept. */
function bundleLabel(labels: unknown): string | null {
  if (!Array.isArray(labels)) return null;
  const label = labels.find((each): each is string => typeof each === 'string' && each.startsWith('bundle='));
  return label === undefined ? null : label.slice('bundle='.length);
}

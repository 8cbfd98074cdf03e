/** Device lists (linux.resources.devices) that make runtimes write different programs: masks, wildcards, holes, both modes, overlapping rules. */
import { type OciRule, DOCKER_DEFAULT_RULES } from './runc.js';

const DENY_ALL: OciRule = { allow: false, access: 'rwm' };

export const DEVICE_LISTS: Readonly<Record<string, OciRule[] | undefined>> = {
  /** What `runc spec` writes. */
  bare: undefined,
  docker: DOCKER_DEFAULT_RULES,
  extra: [
    ...DOCKER_DEFAULT_RULES,
    { allow: true, type: 'c', major: 195, minor: 0, access: 'rw' },
    { allow: true, type: 'c', major: 195, minor: 255, access: 'rw' },
    { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' },
    { allow: true, type: 'b', major: 8, minor: 16, access: 'r' },
  ],
  privileged: [{ allow: true, access: 'rwm' }],
  readonly: [
    DENY_ALL,
    { allow: true, type: 'b', major: 8, access: 'r' },
    { allow: true, type: 'b', major: 8, minor: 1, access: 'rw' },
  ],
  wildcards: [
    DENY_ALL,
    { allow: true, type: 'c', minor: 5, access: 'rw' },
    { allow: true, type: 'c', major: 188, access: 'rwm' },
  ],
  pieces: [
    DENY_ALL,
    { allow: true, type: 'c', major: 250, minor: 1, access: 'r' },
    { allow: true, type: 'c', major: 250, minor: 1, access: 'w' },
    { allow: true, type: 'c', major: 251, minor: 1, access: 'r' },
    { allow: true, type: 'c', major: 251, access: 'w' },
  ],
  denylist: [
    { allow: true, access: 'rwm' },
    { allow: false, type: 'b', major: 8, access: 'rwm' },
    { allow: false, type: 'c', major: 189, minor: 3, access: 'w' },
  ],
};

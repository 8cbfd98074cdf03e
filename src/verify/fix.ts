import type { LossReason } from '../intent/device-allow-generation.js';
import { compareVersions, parseVersion } from '../intent/version.js';
import type { Cause, ListCause } from './causes/types.js';
import type { Evidence } from './types.js';

/** What mends a finding for good; a running container keeps what it was started with until it is made anew. */
export type Fix =
  | { readonly kind: 'upgrade'; readonly runtime: string; readonly version: string }
  | { readonly kind: 'name-majors' | 'list-allowed' | 'make-links' | 'give-device' | 'recreate' | 'add-allow-line' }
  | {
      readonly kind:
        'keep-pin' | 'find-writer' | 'widen-unit' | 'name-numbers' | 'mend-files' | 'add-rule' | 'system-unit';
    }
  | { readonly kind: 'ask-device'; readonly path: string }
  /** LXC keys for the cgroup version that the host has, as they should read. */
  | { readonly kind: 'rename-keys'; readonly lines: readonly string[] };

/** For what no version of the runtime can tell systemd. */
const WITHOUT_VERSION: Readonly<Record<LossReason, Fix['kind'] & ('name-majors' | 'list-allowed' | 'make-links')>> = {
  'any-major': 'name-majors',
  denylist: 'list-allowed',
  'unknown-major': 'make-links',
  'group-stat': 'make-links',
  'no-dev-link': 'make-links',
  'no-dev-and-sys-link': 'make-links',
};

/** NVIDIA's toolkit puts devices into the OCI configuration itself (jit-cdi) since this version. */
const TOOLKIT: Fix = { kind: 'upgrade', runtime: 'nvidia-container-toolkit', version: '1.18.0' };

/** Fixes of a proven cause: the first version that has all of it, then what has to be asked for otherwise. Empty where the cause is unknown. */
export function fixesOfCause(cause: Cause): Fix[] {
  switch (cause.kind) {
    case 'unknown':
      return [];
    case 'runtime-list':
      return fixesOfList(cause);
    case 'hook':
      return [{ kind: 'give-device' }, TOOLKIT];
    case 'leaked-programs':
      return cause.fixedIn === null ? [] : [{ kind: 'upgrade', runtime: cause.runtime, version: cause.fixedIn }];
    case 'pin-gone':
      return [{ kind: 'keep-pin' }];
    case 'replaced':
      return [{ kind: 'find-writer' }];
    case 'unit-list':
      return [{ kind: 'widen-unit' }];
    case 'moved-node':
      return [{ kind: 'name-numbers' }];
    case 'unit-changed':
      return [{ kind: 'mend-files' }];
  }
}

function fixesOfList({ parts, runtime }: ListCause): Fix[] {
  const newest = parts
    .flatMap(({ fixedIn }) => {
      const version = fixedIn === null ? null : parseVersion(fixedIn);
      return fixedIn === null || version === null ? [] : [{ fixedIn, version }];
    })
    .sort((a, b) => compareVersions(a.version, b.version))
    .at(-1)?.fixedIn;
  const others = parts.filter(({ fixedIn }) => fixedIn === null).map(({ reason }) => WITHOUT_VERSION[reason]);
  return [
    ...(newest === undefined ? [] : [{ kind: 'upgrade', runtime, version: newest } as const]),
    ...[...new Set(others)].map((each): Fix => ({ kind: each })),
  ];
}

/** Fixes that follow from the finding itself. */
export function fixesOfFinding(code: string, evidence: Evidence): Fix[] {
  const reasons = evidence.reasons ?? [];
  switch (code) {
    case 'DP104':
      return evidence.cause === undefined ? [{ kind: 'give-device' }] : [];
    case 'DP106':
      return [{ kind: 'recreate' }];
    case 'DP111': {
      const [runtime = '', version = ''] = (reasons[1] ?? '').split(' ');
      return [
        { kind: 'upgrade', runtime, version },
        { kind: 'ask-device', path: '/dev/net/tun' },
      ];
    }
    case 'DP201':
      return [...reasons.flatMap((reason) => WITHOUT_PROGRAM[reason] ?? []), ...renamed(reasons)];
    case 'DP204':
      return renamed(reasons);
    default:
      return [];
  }
}

/** Reasons why nothing is attached, by what mends them. */
const WITHOUT_PROGRAM: Readonly<Partial<Record<string, Fix[]>>> = {
  'lxc:empty-list': [{ kind: 'add-allow-line' }],
  'crun:empty-list': [{ kind: 'add-rule' }],
  'systemd:user-manager': [{ kind: 'system-unit' }],
};

/** LXC's keys of cgroup v1, under the names that count on v2. */
function renamed(reasons: readonly string[]): Fix[] {
  const lines = reasons.filter((line) => line.startsWith('lxc.cgroup.devices.'));
  return lines.length === 0
    ? []
    : [{ kind: 'rename-keys', lines: lines.map((line) => line.replace(/^lxc\.cgroup\./, 'lxc.cgroup2.')) }];
}

import type { SourceRecord, UnitRecord } from '../snapshot/types.js';

/** Nodes that systemd's own lists name (bpf-devices.c, unit.c): whether they exist decides what it allows. */
export const STANDARD_DEVICES: readonly string[] = [
  '/dev/null',
  '/dev/zero',
  '/dev/full',
  '/dev/random',
  '/dev/urandom',
  '/dev/tty',
  '/dev/ptmx',
  '/dev/loop-control',
  '/dev/mapper/control',
  '/dev/tpmrm0',
  '/dev/net/tun',
  '/dev/fuse',
];

/** Device paths that unit settings and LXC configurations name: what they mean depends on the node that is there when they are applied. */
export function namedDevicePaths(units: readonly UnitRecord[], sources: readonly SourceRecord[]): string[] {
  const values = [
    ...units
      .flatMap((unit) =>
        (unit.files ?? []).flatMap((file) => file.assignments.filter(([, key]) => key === 'DeviceAllow')),
      )
      .map(([, , value]) => value),
    ...units.flatMap((unit) => unit.shown?.['DeviceAllow'] ?? []),
    ...sources
      .flatMap((source) => (source.kind === 'lxc-config' ? source.assignments : []))
      .filter(({ key }) => /^lxc\.cgroup2?\.devices\./.test(key))
      .map(({ value }) => value),
  ];
  const paths = values.flatMap((value) => {
    const path = /^"?(\/dev\/[^\s"]+)/.exec(value.trim())?.[1];
    return path === undefined ? [] : [path.replace(/\/+/g, '/').replace(/\/$/, '')];
  });
  // /dev/char/M:m is read as a number by systemd and never looked at.
  return [...new Set(paths)].filter((path) => !/^\/dev\/(char|block)\/\d+:\d+$/.test(path)).sort();
}

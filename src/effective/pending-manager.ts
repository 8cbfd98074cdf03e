/**
 * Does a manager of its own, inside a service, run the unit of a cgroup: `systemd --user`? PID 1 puts units into slices only, so one that lies below a service
 * is another's. Such a manager may attach device programs only as root (bpf_devices_supported(), src/core/bpf-devices.c): otherwise it takes the settings,
 * shows them, and enforces nothing (systemd issue 23198).
 */
export function isOfInnerManager(cgroup: string): boolean {
  return cgroup
    .split('/')
    .slice(0, -1)
    .some((name) => name.endsWith('.service'));
}

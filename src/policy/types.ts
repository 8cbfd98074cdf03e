/** What the kernel asks a device program. Source: struct bpf_cgroup_dev_ctx, include/uapi/linux/bpf.h. */
export type DeviceType = 'b' | 'c';
/** Access bits: BPF_DEVCG_ACC_MKNOD 1, READ 2, WRITE 4. */
export const ACCESS_MKNOD = 1;
/** BPF_DEVCG_ACC_READ. */
export const ACCESS_READ = 2;
/** BPF_DEVCG_ACC_WRITE. */
export const ACCESS_WRITE = 4;
/** One question to a device policy. */
export interface DeviceRequest {
  type: DeviceType;
  /** 0 to 7; the kernel asks 0 (F_OK), 1 (mknod), 2 (read), 4 (write), 6 (read and write) and nothing else. */
  access: number;
  /** 0 to 4095. */
  major: number;
  /** 0 to 1048575. */
  minor: number;
}
/** The accesses the kernel asks for: `-` none (F_OK), `m` mknod, `r` read, `w` write, `rw` both in one open. */
export type AccessName = '-' | 'm' | 'r' | 'w' | 'rw';
export const ACCESS_NAMES: readonly { name: AccessName; access: number }[] = [
  { name: '-', access: 0 },
  { name: 'm', access: 1 },
  { name: 'r', access: 2 },
  { name: 'w', access: 4 },
  { name: 'rw', access: 6 },
];
/** Largest major number: 12 bits of dev_t (include/linux/kdev_t.h). */
export const MAX_MAJOR = 4095;
/** Largest minor number: 20 bits of dev_t (include/linux/kdev_t.h). */
export const MAX_MINOR = 1048575;

/** Closed interval. */
export type Range = [number, number];

/** One line of a printed policy. `access` names exactly the accesses meant, each said; order as in ACCESS_NAMES. */
export interface DeviceRule {
  type: DeviceType;
  major: Range;
  minor: Range;
  access: AccessName[];
  /** Present only where a field is no interval: value under mask, in addition to the range. */
  majorMask?: { mask: number; value: number };
  minorMask?: { mask: number; value: number };
}

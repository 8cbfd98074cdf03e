/**
 * The whole native boundary: what native/addon.cc exports. One system call (or one bounded loop of the same call) per function; it returns
 * bytes and numbers and never decides. A failed call throws an Error with `errno` (number), `code` ("EPERM") and `syscall`
 * ("bpf(BPF_PROG_QUERY)"), which binding.ts turns into a KernelError; a wrong argument throws a TypeError. Every fd the functions open is
 * closed before they return, but for openDirectory and the getFd functions: their fds are the caller's to close.
 *
 * Numbers are exact up to 2^53; nanoseconds beyond that (104 days) are rounded to 2 ns. Paths: a cgroup's name may hold any byte but "/", NUL
 * and newline. Valid UTF-8 is given as text; any other byte b as the lone surrogate U+DC00+b (as in PEP 383), and read back so.
 */
export interface NativeBinding {
  /** Number of this contract: a build that has another one is refused (NATIVE_CONTRACT). */
  contract: number;
  /** open(path, O_PATH|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW). */
  openDirectory(path: string): number;
  close(fd: number): void;
  /**
   * BPF_PROG_QUERY, attach type BPF_CGROUP_DEVICE, with the ENOSPC loop. `effective`: BPF_F_QUERY_EFFECTIVE.
   * programAttachFlags is null where the kernel does not know that field. revision 0 where the kernel leaves it untouched.
   */
  queryPrograms(cgroupFd: number, effective: boolean): NativeQuery;
  getProgramFd(id: number): number;
  getMapFd(id: number): number;
  getLinkFd(id: number): number;
  /** *_GET_NEXT_ID: the next id after `id`, or null at the end (ENOENT). */
  nextProgramId(id: number): number | null;
  nextLinkId(id: number): number | null;
  /** BPF_OBJ_GET_INFO_BY_FD of a program, with translated instructions and map ids. */
  programInfo(fd: number): NativeProgramInfo;
  mapInfo(fd: number): NativeMapInfo;
  linkInfo(fd: number): NativeLinkInfo;
  /**
   * MAP_LOOKUP_ELEM: the value, or null if there is no such key. For per-CPU maps the values of all possible CPUs one after another, each
   * rounded up to 8 bytes. Sizes are the map's own (read before each call); a key of another length is a TypeError.
   */
  mapLookup(fd: number, key: Uint8Array): Uint8Array | null;
  /** MAP_GET_NEXT_KEY: the key after `key` (null: the first), or null at the end. A key that is gone starts from the first again. */
  mapNextKey(fd: number, key: Uint8Array | null): Uint8Array | null;
  /**
   * The batched walk: every cgroup at and below the directory (in no particular order), each with both queries, as one call on a worker
   * thread; then the info of every program that was met, each id once, by ascending id. Directories that vanish meanwhile are left out;
   * symbolic links are not followed; other failures are in the row. Rejects only when the directory itself cannot be opened (openat) or is
   * no cgroup v2 directory (EBADF).
   */
  scan(rootPath: string): Promise<NativeScan>;
  /** CLOCK_BOOTTIME in ns. */
  bootTimeNs(): number;
  /** adjtimex state without setting anything: true when STA_UNSYNC is clear. */
  clockSynchronised(): boolean;
}
export interface NativeQuery {
  programIds: number[];
  attachFlags: number;
  programAttachFlags: number[] | null;
  revision: number;
}
export interface NativeProgramInfo {
  type: number;
  id: number;
  tag: Uint8Array;
  name: string;
  loadTimeNs: number;
  createdByUid: number;
  gplCompatible: boolean;
  btfId: number;
  mapIds: number[];
  /** nr_jited_func_lens: functions of the JIT's output. 1 with the interpreter however many there are, 0 when the kernel did not say. */
  functionCount: number;
  jitedLength: number;
  /** xlated_prog_len as the kernel reported it, bytes. */
  xlatedLength: number;
  /** null: length was 0 or the kernel nulled the pointer ("unreadable", never an empty program). */
  xlated: Uint8Array | null;
  verifiedInstructions: number;
  attachBtfId: number;
}
export interface NativeMapInfo {
  type: number;
  id: number;
  name: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  mapFlags: number;
  /** From /proc/self/fdinfo ("frozen: 1"); null if not said. */
  frozen: boolean | null;
}
export interface NativeLinkInfo {
  type: number;
  id: number;
  programId: number;
  cgroupId: number;
  attachType: number;
  /** TRACING links: the program that is targeted. */
  targetObjectId: number;
}
export interface NativeScan {
  cgroups: NativeCgroup[];
  /** An id that was listed and could not be read has a failure: ENOENT when the program is gone. */
  programs: (NativeProgramInfo | ({ id: number } & NativeFailure))[];
  /** True when a limit was reached (400,000 cgroups, 128 MiB of paths): there are cgroups that were not looked at. */
  truncated: boolean;
}
export interface NativeCgroup {
  /** Relative to the directory of the walk, which is "/" itself; its children are "/name". */
  path: string;
  /** 0 when the directory could not be opened. */
  inode: number;
  attached: NativeQuery | NativeFailure;
  /** attachFlags of this one mean nothing on new kernels (0) and the cgroup's own on old ones. */
  effective: NativeQuery | NativeFailure;
  /** Why its sub-directories are not in the list; null when they are. EXDEV: something else is mounted there. */
  children: NativeFailure | null;
}
export interface NativeFailure {
  errno: number;
  code: string;
  syscall: string;
}

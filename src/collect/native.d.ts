/**
 * The whole native boundary: what native/addon.cc exports. One system call (or one bounded loop of the same call) per function; it returns
 * bytes and numbers and never decides. A failed call throws an Error with `errno` (number), `code` ("EPERM") and `syscall`
 * ("bpf(BPF_PROG_QUERY)"). Every fd the functions open is closed before they return, but for openDirectory and the getFd functions.
 */
export interface NativeBinding {
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
  /** MAP_LOOKUP_ELEM: the value, or null if there is no such key. For per-cpu maps all values one after another. */
  mapLookup(fd: number, key: Uint8Array, valueSize: number): Uint8Array | null;
  /** MAP_GET_NEXT_KEY: the key after `key` (null: the first), or null at the end. */
  mapNextKey(fd: number, key: Uint8Array | null, keySize: number): Uint8Array | null;
  /**
   * The batched walk: every cgroup below the directory (itself included, depth first, names sorted by nothing), each with both queries, as one call on a
   * worker thread. Directories that vanish meanwhile are left out; other failures are in the row. `seen` program infos: each id once.
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
  cgroups: {
    path: string;
    inode: number;
    attached: NativeQuery | NativeFailure;
    effective: NativeQuery | NativeFailure;
  }[];
  programs: (NativeProgramInfo | ({ id: number } & NativeFailure))[];
}
export interface NativeFailure {
  errno: number;
  code: string;
  syscall: string;
}

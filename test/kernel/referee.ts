/**
 * The running kernel as the referee of tests: loads and attaches device programs to scratch cgroups and asks for verdicts. Needs root and bpf(2).
 * Everything made is removed by `stop`, and by the loader's watchdog when this process is killed.
 *
 * A verdict is what a process in the cgroup gets from access(2) and mknod(2); the request 0:0 is never put to the programs except `mknod b 0:0`
 * (security/device_cgroup.h, devcgroup_inode_permission and devcgroup_inode_mknod).
 */
import type { DeviceRequest } from '../../src/policy/types.js';
import type { TypeData } from './btf.js';
import { LoaderProcess, buildLoader, cgroup2Mount } from './loader-process.js';

/** Attach flags, include/uapi/linux/bpf.h. */
export const FLAGS = {
  NONE: 0,
  OVERRIDE: 1,
  MULTI: 2,
  REPLACE: 4,
  BEFORE: 8,
  AFTER: 16,
  ID: 32,
  PREORDER: 64,
  LINK: 128,
} as const;
export const MAP_TYPES = {
  hash: 1,
  array: 2,
  prog_array: 3,
  percpu_hash: 5,
  percpu_array: 6,
  lpm_trie: 11,
  array_of_maps: 12,
  hash_of_maps: 13,
} as const;

export interface Handle {
  /** File descriptor inside the loader process. */
  readonly fd: number;
  readonly id: number;
}
export interface Cgroup {
  readonly fd: number;
  /** st_ino, the kernel's cgroup id. */
  readonly id: number;
  /** Absolute path below the cgroup2 mount. */
  readonly path: string;
}
export interface ProgramInfo {
  id: number;
  tag: string;
  mapIds: number[];
  /** Translated instructions. */
  xlated: Uint8Array;
}
export interface MapInfo {
  id: number;
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  name: string;
}
export interface AttachOptions {
  flags?: number;
  replace?: Handle;
  /** For BEFORE and AFTER: the anchor. */
  relative?: Handle;
}
/** errno 0: allowed. EPERM 1 is the controller's ordinary denial. A raw value set by bpf_set_retval outside [-4095, 0] is 1000000 + value. */
export type Answer = number;

const ERRNO_EPERM = 1;
/** What an access probe could fail with for want of a node or memory: never taken for a verdict. */
const BROKEN_PROBE = new Set([
  2 /* ENOENT */, 12 /* ENOMEM */, 17 /* EEXIST */, 20 /* ENOTDIR */, 22 /* EINVAL */, 28 /* ENOSPC */,
]);

export class Referee {
  readonly #loader: LoaderProcess;
  readonly mount: string;
  private constructor(loader: LoaderProcess, mount: string) {
    this.#loader = loader;
    this.mount = mount;
  }

  /**
   * Starts the loader and proves the set-up: with no program everything must be allowed (else a v1 devices controller, LSM or seccomp filter of
   * this process stands in the way), with `r0 = 0; exit` everything denied.
   */
  static async start(options: { libbpf?: boolean } = {}): Promise<Referee> {
    const mount = cgroup2Mount();
    const referee = new Referee(new LoaderProcess(buildLoader(options.libbpf), mount), mount);
    try {
      await referee.#proveSetUp();
    } catch (error) {
      await referee.stop();
      throw error;
    }
    return referee;
  }

  async #proveSetUp(): Promise<void> {
    const requests: DeviceRequest[] = [0, 1, 2, 4, 6].map((access) => ({ type: 'c', access, major: 1, minor: 3 }));
    const cgroup = await this.createCgroup('self-check');
    const open = await this.probe(cgroup, requests);
    if (open.some((answer) => answer !== 0)) {
      throw new Error(
        `this process cannot referee: without a program access to c 1:3 gives errno ${open.join(', ')} (cgroup v1 devices, LSM or seccomp)`,
      );
    }
    const deny = await this.load(Uint8Array.from([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]));
    await this.attach(cgroup, deny);
    const shut = await this.probe(cgroup, requests);
    if (shut.some((answer) => answer !== ERRNO_EPERM))
      throw new Error(`a deny-all program is not enforced here: errno ${shut.join(', ')}`);
    await this.removeCgroup(cgroup);
    await this.close(deny);
  }

  /** Loads instructions (8 bytes each; map references are fds of `createMap`). Throws LoaderError with the verifier's log. */
  async load(bytes: Uint8Array, options: { name?: string; flags?: number; types?: TypeData } = {}): Promise<Handle> {
    const { name = '-', flags = 0, types } = options;
    if (types === undefined) return handle(await this.#loader.request('load', [name, flags], bytes));
    const payload = Buffer.concat([bytes, types.btf, types.functions]);
    return handle(await this.#loader.request('load', [name, flags, bytes.length, types.btf.length], payload));
  }

  /** Loads a clang-compiled object through libbpf; programs and maps by name. */
  async loadElf(file: string): Promise<{ programs: Map<string, Handle>; maps: Map<string, Handle> }> {
    const { payload } = await this.#loader.request('elf', [], Buffer.from(file));
    const programs = new Map<string, Handle>();
    const maps = new Map<string, Handle>();
    for (const line of payload.toString().trim().split('\n')) {
      const [kind, name = '', number] = line.split(' ');
      const fd = Number(number);
      if (kind === 'prog') programs.set(name, { fd, id: (await this.info({ fd, id: 0 })).id });
      else maps.set(name, { fd, id: (await this.mapInfo({ fd, id: 0 })).id });
    }
    return { programs, maps };
  }

  /** Replaces a global function of a loaded program that has BTF (BPF_PROG_TYPE_EXT) by the one program of an object. The link's fd; closing it ends that. */
  async replaceFunction(target: Handle, functionName: string, file: string): Promise<{ fd: number }> {
    return { fd: firstNumber(await this.#loader.request('freplace', [target.fd, functionName], Buffer.from(file))) };
  }

  async createMap(
    type: keyof typeof MAP_TYPES,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags = 0,
  ): Promise<Handle> {
    return handle(await this.#loader.request('map', [MAP_TYPES[type], keySize, valueSize, maxEntries, flags]));
  }
  /** The value for PROG_ARRAY is the program's fd as 4 bytes. */
  async updateMap(map: Handle, key: Uint8Array, value: Uint8Array): Promise<void> {
    await this.#loader.request('update', [map.fd, key.length], Buffer.concat([key, value]));
  }
  async lookupMap(map: Handle, key: Uint8Array, valueSize: number): Promise<Uint8Array> {
    return (await this.#loader.request('lookup', [map.fd, valueSize], key)).payload;
  }
  async freezeMap(map: Handle): Promise<void> {
    await this.#loader.request('freeze', [map.fd]);
  }
  async mapInfo(map: Handle): Promise<MapInfo> {
    const { words } = await this.#loader.request('mapinfo', [map.fd]);
    const [id = 0, type = 0, keySize = 0, valueSize = 0, maxEntries = 0, flags = 0] = words.map(Number);
    return { id, type, keySize, valueSize, maxEntries, flags, name: words[6] === '-' ? '' : (words[6] ?? '') };
  }
  async info(program: Handle): Promise<ProgramInfo> {
    const { words, payload } = await this.#loader.request('info', [program.fd]);
    const [id = '0', tag = '', maps = '-'] = words;
    return {
      id: Number(id),
      tag,
      mapIds: maps === '-' ? [] : maps.split(',').map(Number),
      xlated: Uint8Array.from(payload),
    };
  }
  async programById(id: number): Promise<Handle> {
    return { fd: firstNumber(await this.#loader.request('progfd', [id])), id };
  }
  async mapById(id: number): Promise<Handle> {
    return { fd: firstNumber(await this.#loader.request('mapfd', [id])), id };
  }

  /** A new cgroup below `parent` (default: this referee's own scratch cgroup under the cgroup2 root). */
  async createCgroup(name: string, parent?: Cgroup): Promise<Cgroup> {
    return cgroupOf(await this.#loader.request('mkdir', [name, ...(parent ? [parent.fd] : [])]));
  }
  /** An existing cgroup by absolute path. `close` it when done. */
  async openCgroup(path: string): Promise<Cgroup> {
    return cgroupOf(await this.#loader.request('open', [], Buffer.from(path)));
  }
  /** Only for cgroups of `createCgroup`: ends what sits in it and removes it; attached programs go with it. */
  async removeCgroup(cgroup: Cgroup): Promise<void> {
    await this.#loader.request('rmdir', [cgroup.fd]);
  }
  async close(handle: { fd: number }): Promise<void> {
    await this.#loader.request('close', [handle.fd]);
  }

  /** Default flags: MULTI. */
  async attach(cgroup: Cgroup, program: Handle, options: AttachOptions = {}): Promise<void> {
    const words = [
      cgroup.fd,
      program.fd,
      options.flags ?? FLAGS.MULTI,
      options.replace?.fd ?? 0,
      options.relative?.fd ?? 0,
    ];
    await this.#loader.request('attach', words);
  }
  /** `program` undefined: whatever a NONE or OVERRIDE cgroup holds. */
  async detach(cgroup: Cgroup, program?: Handle): Promise<void> {
    await this.#loader.request('detach', [cgroup.fd, program?.fd ?? 0]);
  }
  /** Closing the returned handle ends the link. */
  async link(cgroup: Cgroup, program: Handle, options: { flags?: number; relative?: Handle } = {}): Promise<Handle> {
    return handle(
      await this.#loader.request('link', [cgroup.fd, program.fd, options.flags ?? 0, options.relative?.fd ?? 0]),
    );
  }
  async updateLink(link: Handle, program: Handle): Promise<void> {
    await this.#loader.request('linkupdate', [link.fd, program.fd]);
  }
  async query(cgroup: Cgroup, effective: boolean): Promise<{ programIds: number[]; attachFlags: number }> {
    const reply = await this.#loader.request('query', [cgroup.fd, effective ? 1 : 0]);
    return { programIds: words32(reply.payload), attachFlags: firstNumber(reply) };
  }

  /**
   * The kernel's answers for a process in this cgroup, in the order of `requests` (neighbours with the same node are cheapest: put accesses of one
   * node together). Access must be 0, 1, 2, 4 or 6; 0:0 only as `b 0:0` mknod. Throws if a probe failed for another reason than the controller.
   */
  async probe(cgroup: Cgroup, requests: readonly DeviceRequest[]): Promise<Answer[]> {
    const { payload } = await this.#loader.request('probe', [cgroup.fd], encodeRequests(requests));
    return words32(payload).map((word) => word | 0);
  }

  /** As `probe`, as verdicts. `errnos`: further errnos the programs may set through bpf_set_retval. */
  async verdicts(
    cgroup: Cgroup,
    requests: readonly DeviceRequest[],
    errnos: ReadonlySet<number> = new Set(),
  ): Promise<('allow' | 'deny')[]> {
    const answers = await this.probe(cgroup, requests);
    return answers.map((answer, index) => {
      if (answer !== 0 && !errnos.has(answer) && BROKEN_PROBE.has(answer)) {
        throw new Error(`probe of ${JSON.stringify(requests[index])} failed with errno ${String(answer)}`);
      }
      return answer === 0 ? 'allow' : 'deny';
    });
  }

  /**
   * Verdicts of the programs that apply to an existing cgroup (a container's), asked in an empty child cgroup, which has the same effective list;
   * nothing enters the container.
   */
  async verdictsBelow(path: string, requests: readonly DeviceRequest[]): Promise<('allow' | 'deny')[]> {
    const cgroup = await this.openCgroup(path);
    const child = await this.createCgroup(`devpolicy-probe-${String(process.pid)}`, cgroup);
    try {
      return await this.verdicts(child, requests);
    } finally {
      await this.removeCgroup(child);
      await this.close(cgroup);
    }
  }

  async stop(): Promise<void> {
    await this.#loader.stop();
  }
}

function encodeRequests(requests: readonly DeviceRequest[]): Uint8Array {
  const bytes = new Uint8Array(requests.length * 12);
  const view = new DataView(bytes.buffer);
  requests.forEach(({ type, access, major, minor }, index) => {
    if (![0, 1, 2, 4, 6].includes(access)) throw new RangeError(`the kernel never asks access ${String(access)}`);
    if (major === 0 && minor === 0 && !(type === 'b' && access === 1))
      throw new RangeError('the kernel never puts 0:0 to the programs, but for mknod b 0:0');
    view.setUint8(index * 12, type === 'b' ? 1 : 2);
    view.setUint8(index * 12 + 1, access);
    view.setUint32(index * 12 + 4, major, true);
    view.setUint32(index * 12 + 8, minor, true);
  });
  return bytes;
}
function words32(payload: Buffer): number[] {
  return Array.from({ length: payload.length / 4 }, (_, index) => payload.readUInt32LE(index * 4));
}
function firstNumber(reply: { words: string[] }): number {
  return Number(reply.words[0]);
}
function handle(reply: { words: string[] }): Handle {
  return { fd: Number(reply.words[0]), id: Number(reply.words[1]) };
}
function cgroupOf(reply: { words: string[]; payload: Buffer }): Cgroup {
  return { fd: Number(reply.words[0]), id: Number(reply.words[1]), path: reply.payload.toString() };
}

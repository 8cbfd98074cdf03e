import { UnsupportedError } from '../errors.js';
import { loadBinding } from './binding.js';
import type { NativeBinding, NativeFailure, NativeQuery } from './native.js';
import { Machine } from './view.js';

/** Every cgroup with a mark that changes when another one takes its path or its own device programs change. */
export type Marks = ReadonlyMap<string, string>;

/** Looks at which cgroups there are and which programs are attached to them, and at nothing else: cheap enough for every second. */
export class MarkReader {
  readonly #binding: NativeBinding;
  readonly #mount: string;

  /** @throws UnsupportedError where there is no cgroup v2 hierarchy, or no native addon */
  constructor(hostRoot?: string) {
    this.#binding = loadBinding();
    const { cgroupMount } = new Machine(hostRoot);
    if (cgroupMount === null) throw new UnsupportedError('no cgroup v2 hierarchy is mounted here');
    this.#mount = cgroupMount;
  }

  /** @throws KernelError if the hierarchy cannot be walked (any more) */
  async read(): Promise<Marks> {
    const { cgroups } = await this.#binding.scan(this.#mount);
    return new Map(cgroups.map(({ path, inode, attached }) => [path, `${String(inode)} ${markOf(attached)}`]));
  }
}

function markOf(attached: NativeQuery | NativeFailure): string {
  return 'errno' in attached ? attached.code : `${String(attached.attachFlags)} ${attached.programIds.join(',')}`;
}

export function sameMarks(a: Marks, b: Marks): boolean {
  return a.size === b.size && [...a].every(([path, mark]) => b.get(path) === mark);
}

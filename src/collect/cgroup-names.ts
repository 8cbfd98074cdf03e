import { posix } from 'node:path';

/**
 * Turns cgroup paths as procfs shows them into paths from the root of the hierarchy that is mounted for inspection. procfs shows every path relative
 * to the cgroup namespace of whoever reads it (cgroup_namespaces(7)): a host seen from a container has paths such as "/../../system.slice".
 */
export class CgroupNames {
  readonly #mountRoot: string;
  #own: string | null = null;

  /** @param mountRoot field "root" of the mount in mountinfo, as this process reads it: "/", a cgroup below, or "/.." and so on above */
  constructor(mountRoot: string) {
    this.#mountRoot = mountRoot;
  }

  /** True if paths only make sense once it is known where this process's own namespace begins. */
  get needsOwn(): boolean {
    return this.#mountRoot.startsWith('/..');
  }

  /** @param path where this process's cgroup namespace begins, from the root of the hierarchy */
  setOwn(path: string): void {
    this.#own = path;
  }

  /** null for a cgroup outside of what is mounted, or that cannot be placed. */
  resolve(seen: string): string | null {
    if (this.#own !== null) return posix.resolve('/', this.#own, `.${seen}`);
    if (this.#mountRoot === '/') return seen.startsWith('/..') ? null : seen;
    if (seen === this.#mountRoot) return '/';
    return seen.startsWith(`${this.#mountRoot}/`) ? seen.slice(this.#mountRoot.length) : null;
  }
}

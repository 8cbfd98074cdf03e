import type { AccessName } from '../../src/policy/types.js';

/** One entry of the exception list; null is `*`. */
interface Exception {
  type: string;
  major: number | null;
  minor: number | null;
  letters: Set<string>;
}

/**
 * cgroup v1's devices controller as the kernel documents and implements it (security/device_cgroup.c, Documentation/admin-guide/cgroup-v1/
 * devices.rst): a behaviour and exceptions. Written apart from the code under test, without diagrams.
 */
export class DevicesController {
  #allow = true;
  #exceptions: Exception[] = [];

  write(file: 'devices.allow' | 'devices.deny', line: string): void {
    const allow = file === 'devices.allow';
    const [type = '', numbers = '*:*', letters = 'rwm'] = line.split(' ');
    if (type === 'a') {
      this.#allow = allow;
      this.#exceptions = [];
      return;
    }
    const [major = '', minor = ''] = numbers.split(':');
    const number = (text: string): number | null => (text === '*' ? null : Number(text));
    const entry = { type, major: number(major), minor: number(minor), letters: new Set(letters) };
    const same = this.#exceptions.find(
      (each) => each.type === type && each.major === entry.major && each.minor === entry.minor,
    );
    if (allow === this.#allow) {
      for (const letter of entry.letters) same?.letters.delete(letter);
    } else if (same === undefined) {
      this.#exceptions.push(entry);
    } else {
      for (const letter of entry.letters) same.letters.add(letter);
    }
  }

  /** match_exception() and match_exception_partial(). */
  allows(type: string, major: number, minor: number, access: AccessName): boolean {
    const asked = access === '-' ? [] : Array.from(access);
    const matching = this.#exceptions.filter(
      (each) =>
        each.type === type &&
        (each.major === null || each.major === major) &&
        (each.minor === null || each.minor === minor) &&
        each.letters.size > 0,
    );
    if (this.#allow) return !matching.some(({ letters }) => asked.some((letter) => letters.has(letter)));
    return matching.some(({ letters }) => asked.every((letter) => letters.has(letter)));
  }
}

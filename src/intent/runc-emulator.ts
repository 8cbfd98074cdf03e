import { accessMask } from './compiled.js';
import { ociRuleText, type OciRule } from './oci-rule.js';

/**
 * runc's device cgroup emulator (libcontainer/cgroups/devices since 1.0.0; opencontainers/cgroups devices): it replays a list the way
 * cgroup v1 would, starting from "deny all, no exceptions". What is left is a mode and exceptions with literal keys.
 */
export interface EmulatedState {
  /** True: everything is allowed but the exceptions (denylist). False: only the exceptions are (allowlist). */
  readonly defaultAllow: boolean;
  /** Exceptions by (type, major, minor); a wildcard is a key of its own. Sorted as runc sorts them: major, minor, type, wildcards first. */
  readonly exceptions: readonly EmulatedException[];
}
export interface EmulatedException {
  readonly type: 'b' | 'c';
  readonly major: number | null;
  readonly minor: number | null;
  /** Mask of access bits. */
  readonly access: number;
}
export interface EmulatorError {
  /** Position in the list, from 0. */
  readonly index: number;
  readonly rule: OciRule;
  readonly message: string;
}
/** A rule the replay made pointless: a deny that removed nothing, or one whose effect a later rule took back. */
export interface IneffectiveRule {
  readonly index: number;
  readonly rule: OciRule;
}

export function emulate(
  rules: readonly OciRule[],
): { state: EmulatedState; ineffective: IneffectiveRule[] } | { error: EmulatorError } {
  const replay = new Replay();
  for (const [index, rule] of rules.entries()) {
    const message = replay.apply(rule);
    if (message !== null) return { error: { index, rule, message } };
  }
  return { state: replay.state(), ineffective: replay.ineffective(rules) };
}

class Replay {
  private defaultAllow = false;
  private exceptions = new Map<string, EmulatedException>();
  private readonly silent: number[] = [];
  private position = 0;

  /** Null, or why runc refuses the list (the container does not start). */
  apply(rule: OciRule): string | null {
    const index = this.position++;
    if (rule.type === 'a') {
      // Numbers and access of a type "a" rule are ignored: it only chooses the mode.
      this.defaultAllow = rule.allow;
      this.exceptions = new Map();
      return null;
    }
    if (rule.type !== 'b' && rule.type !== 'c') return `device type "${rule.type}" cannot be in a cgroup`;
    const access = accessMask(rule.access);
    if (access === null) return `unknown access letters in "${rule.access}"`;
    const exception: EmulatedException = { type: rule.type, major: rule.major, minor: rule.minor, access };
    if (rule.allow !== this.defaultAllow) {
      this.add(exception);
      return null;
    }
    return this.remove(exception, index);
  }

  state(): EmulatedState {
    return { defaultAllow: this.defaultAllow, exceptions: [...this.exceptions.values()].sort(compareExceptions) };
  }

  /** Deny rules that changed nothing when they were replayed, or whose exception is not in force at the end. */
  ineffective(rules: readonly OciRule[]): IneffectiveRule[] {
    const found = this.silent.filter((index) => rules[index]?.allow === false && rules[index].origin === 'list');
    if (this.defaultAllow) {
      const lastReset = rules.findLastIndex(({ type }) => type === 'a');
      for (const [index, rule] of rules.entries()) {
        if (index < lastReset || rule.allow || rule.type === 'a' || rule.origin !== 'list') continue;
        const left = this.exceptions.get(key(rule.type, rule.major, rule.minor))?.access ?? 0;
        const wanted = accessMask(rule.access) ?? 0;
        if ((left & wanted) !== wanted) found.push(index);
      }
    }
    return [...new Set(found)]
      .sort((left, right) => left - right)
      .flatMap((index) => (rules[index] === undefined ? [] : [{ index, rule: rules[index] }]));
  }

  private add(exception: EmulatedException): void {
    const name = key(exception.type, exception.major, exception.minor);
    const before = this.exceptions.get(name)?.access ?? 0;
    this.exceptions.set(name, { ...exception, access: exception.access | before });
  }

  private remove(exception: EmulatedException, index: number): string | null {
    const { type, major, minor, access } = exception;
    const own = key(type, major, minor);
    for (const wider of [key(type, null, minor), key(type, major, null), key(type, null, null)]) {
      const hit = wider === own ? undefined : this.exceptions.get(wider);
      // cgroup v1 would silently ignore such a rule; runc refuses it instead.
      if (hit !== undefined && (hit.access & access) !== 0)
        return `cannot punch hole in existing wildcard rule ${exceptionText(hit)}`;
    }
    const before = this.exceptions.get(own);
    if (before === undefined || (before.access & access) === 0) this.silent.push(index);
    if (before === undefined) return null;
    const left = before.access & ~access;
    if (left === 0) this.exceptions.delete(own);
    else this.exceptions.set(own, { ...before, access: left });
    return null;
  }
}

/** "rule 3 (deny c 10:* m): cannot punch hole ...". */
export function emulatorErrorText({ index, rule, message }: EmulatorError): string {
  return `rule ${String(index + 1)} (${ociRuleText(rule)}): ${message}`;
}

function key(type: string, major: number | null, minor: number | null): string {
  return `${type} ${major === null ? '*' : String(major)}:${minor === null ? '*' : String(minor)}`;
}

function exceptionText({ type, major, minor, access }: EmulatedException): string {
  return `${key(type, major, minor)} ${(access & 2) === 0 ? '' : 'r'}${(access & 4) === 0 ? '' : 'w'}${(access & 1) === 0 ? '' : 'm'}`;
}

/** Order of runc's sorted list: major, minor, then the type's character; a wildcard is -1. */
function compareExceptions(left: EmulatedException, right: EmulatedException): number {
  return (
    (left.major ?? -1) - (right.major ?? -1) ||
    (left.minor ?? -1) - (right.minor ?? -1) ||
    (left.type < right.type ? -1 : left.type > right.type ? 1 : 0)
  );
}

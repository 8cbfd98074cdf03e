import type { RawDeviceRule } from '../snapshot/types.js';

/** A rule of an OCI or runc list after the defaults the specification and the runtimes give to absent fields. */
export interface OciRule {
  readonly allow: boolean;
  /** "a" all, "b", "c", or another letter as written ("p", "u", ...). */
  readonly type: string;
  /** null: absent or negative, any number. May be beyond what a device can have. */
  readonly major: number | null;
  readonly minor: number | null;
  /** Letters as written; "" when absent. */
  readonly access: string;
  /** Where it comes from: the list that was read, or the runtime's own. */
  readonly origin: 'list' | 'built-in';
}

/** Absent `type` is "a" and an absent `allow` is deny, as both runc (Go's zero values) and crun read them. */
export function ociRule(raw: RawDeviceRule): OciRule {
  return {
    allow: raw.allow === true,
    type: raw.type === null || raw.type === '' ? 'a' : raw.type,
    major: number(raw.major),
    minor: number(raw.minor),
    access: raw.access ?? '',
    origin: 'list',
  };
}

/** One built-in allow rule from its short form, "c 1:3 rwm" or "c 136:* rwm". */
export function builtIn(text: string): OciRule {
  const match = /^([bc]) (\*|[0-9]+):(\*|[0-9]+) ([rwm]+)$/.exec(text);
  if (match === null) throw new RangeError(`not a built-in rule: ${text}`);
  const [, type = '', major = '', minor = '', access = ''] = match;
  return {
    allow: true,
    type,
    major: major === '*' ? null : Number(major),
    minor: minor === '*' ? null : Number(minor),
    access,
    origin: 'built-in',
  };
}

/** `allow c 1:3 rwm`, for messages and evidence. */
export function ociRuleText(rule: OciRule): string {
  const numbers = `${rule.major === null ? '*' : String(rule.major)}:${rule.minor === null ? '*' : String(rule.minor)}`;
  return `${rule.allow ? 'allow' : 'deny'} ${rule.type} ${numbers} ${rule.access === '' ? '(no access)' : rule.access}`;
}

/** True for a rule that, type apart, says "everything": no numbers and all three letters. */
export function isWholeRange(rule: OciRule): boolean {
  return rule.major === null && rule.minor === null && ['r', 'w', 'm'].every((letter) => rule.access.includes(letter));
}

function number(value: number | null): number | null {
  return value === null || !Number.isFinite(value) || value < 0 ? null : value;
}

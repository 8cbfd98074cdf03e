import { accessesTouching, accessesWithin, maskText } from './access.js';
import type { DeviceSet } from './device-set.js';
import { entriesOf, unionOf, type Entry, type Refusal } from './entries.js';
import { describePolicy } from './policy-text.js';
import { parseRule } from './rule-text.js';

/** Forms in which other tools take device rules. */
export type RuleForm = 'docker' | 'systemd' | 'lxc' | 'oci' | 'v1';
/** Every form, in the order of the help text. */
export const RULE_FORMS: readonly RuleForm[] = ['docker', 'systemd', 'lxc', 'oci', 'v1'];

/** A policy in such a form. */
export interface WrittenRules {
  lines: string[];
  /** What a reader must know to use the lines; one sentence each. */
  notes: string[];
}

/**
 * Writes the policy that allows exactly this set, or says why the form cannot: forms have no ranges or masks, their letters always mean every
 * subset of themselves with the check without access bits (F_OK), and each has gaps of its own. An enforced policy allows 0:0, which the kernel asks no
 * program about: give `levelAtZero(allowed)` to have no line for it.
 */
export function rulesAs(allowed: DeviceSet, form: RuleForm): WrittenRules | Refusal {
  return WRITERS[form](allowed);
}

const WRITERS: Record<RuleForm, (allowed: DeviceSet) => WrittenRules | Refusal> = {
  docker: asDocker,
  systemd: asSystemd,
  lxc: asLxc,
  oci: asOci,
  v1: asV1,
};

/** What a Docker container may always use: Docker's own list and the built-in one of runc or crun, c 10:200 aside. */
const DOCKER_ALWAYS: readonly string[] = [
  'c *:* m',
  'b *:* m',
  'c 1:3 rwm',
  'c 1:5 rwm',
  'c 1:7-9 rwm',
  'c 5:0-2 rwm',
  'c 136:* rwm',
];
/** Added by every runtime but runc 1.2.0 to 1.2.3 (opencontainers/runc #3468, #4555) and crun 1.5 to 1.19.1. */
const TUN = 'c 10:200 rwm';
/** What runc and crun add to whatever list an OCI configuration has (runc, specconv.AllowedDevices; crun, default devices). */
const OCI_ALWAYS: readonly string[] = [
  ...DOCKER_ALWAYS.filter((rule) => rule !== 'c 5:0-2 rwm'),
  'c 5:0 rwm',
  'c 5:2 rwm',
  TUN,
];

/** `docker run --device-cgroup-rule` only adds to what every container has. */
function asDocker(allowed: DeviceSet): WrittenRules | Refusal {
  if (allowed.complement().isEmpty()) return { lines: [`--device-cgroup-rule='a *:* rwm'`], notes: [] };
  for (const rule of [...DOCKER_ALWAYS, TUN]) {
    if (!ruleSet(allowed, rule).implies(allowed)) {
      return {
        refused: `Docker's options only add to its default list, and that allows "${rule}"; the policy does not`,
      };
    }
  }
  const entries = entriesOf(allowed);
  if ('refused' in entries) return entries;
  const always = allowed.space.unionAll(DOCKER_ALWAYS.map((rule) => ruleSet(allowed, rule)));
  const added = entries.filter((entry) => !unionOf(allowed, [entry], accessesWithin).implies(always));
  if (!always.union(unionOf(allowed, added, accessesWithin)).equals(allowed)) {
    return { refused: "the policy is not Docker's default list with rules added" };
  }
  return {
    lines: added.map((entry) => `--device-cgroup-rule='${entryText(entry)}'`),
    notes: ["These options add to Docker's default list, which the policy includes."],
  };
}

/** Lines of a unit's [Service], [Scope] or [Slice] section. */
function asSystemd(allowed: DeviceSet): WrittenRules | Refusal {
  if (allowed.complement().isEmpty()) {
    return { lines: ['DevicePolicy=auto', 'DeviceAllow='], notes: ['auto with an empty list does not restrict.'] };
  }
  const entries = entriesOf(allowed);
  if ('refused' in entries) return entries;
  const everyMajor = entries.find(({ major, minor }) => major === null && minor !== null);
  if (everyMajor !== undefined) {
    return { refused: `DeviceAllow= has no form for one minor of every major: "${entryText(everyMajor)}"` };
  }
  const lines = entries.map((entry) => `DeviceAllow=${systemdNode(entry)} ${maskText(entry.mask)}`);
  return {
    lines: ['DevicePolicy=strict', 'DeviceAllow=', ...lines],
    notes: ['Needs systemd 240 or newer, which reads the numbers from the text; older ones look the nodes up.'],
  };
}

function systemdNode({ type, major, minor }: Entry): string {
  const word = type === 'c' ? 'char' : 'block';
  if (major === null) return `${word}-*`;
  return minor === null ? `${word}-${String(major)}` : `/dev/${word}/${String(major)}:${String(minor)}`;
}

/** Lines of an LXC container's configuration. */
function asLxc(allowed: DeviceSet): WrittenRules | Refusal {
  const note = 'For LXC 4.0.7 or newer with only cgroup v2; older ones order or ignore rules differently.';
  const line = (key: 'allow' | 'deny', value: string): string => `lxc.cgroup2.devices.${key} = ${value}`;
  if (allowed.complement().isEmpty()) return { lines: [line('allow', 'a')], notes: [note] };
  if (allowed.isEmpty())
    return { refused: 'LXC attaches no program for a list that is only "deny = a", so nothing would be denied' };
  if (describePolicy(allowed).default === 'allow') {
    const denied = entriesOf(allowed.complement());
    if (!('refused' in denied)) {
      return { lines: [line('allow', 'a'), ...denied.map((entry) => line('deny', entryText(entry)))], notes: [note] };
    }
  }
  const entries = entriesOf(allowed);
  if ('refused' in entries) return entries;
  return { lines: [line('deny', 'a'), ...entries.map((entry) => line('allow', entryText(entry)))], notes: [note] };
}

/** `linux.resources.devices` of an OCI runtime configuration. Runtimes must supply default devices (runtime-spec, config-linux.md), so none can be kept out. */
function asOci(allowed: DeviceSet): WrittenRules | Refusal {
  if (allowed.complement().isEmpty()) return { lines: ociLines([{ allow: true, access: 'rwm' }]), notes: [] };
  const added = OCI_ALWAYS.find((rule) => !ruleSet(allowed, rule).implies(allowed));
  if (added !== undefined)
    return { refused: `runc and crun allow "${added}" whatever an OCI list says; the policy does not` };
  const entries = entriesOf(allowed);
  if ('refused' in entries) return entries;
  const rules = entries.map(({ type, major, minor, mask }) => ({
    allow: true,
    type,
    ...(major === null ? {} : { major }),
    ...(minor === null ? {} : { minor }),
    access: maskText(mask),
  }));
  return { lines: ociLines([{ allow: false, access: 'rwm' }, ...rules]), notes: [] };
}

function ociLines(rules: readonly object[]): string[] {
  const texts = rules.map((rule) => JSON.stringify(rule));
  return ['[', ...texts.map((text, index) => `  ${text}${index === texts.length - 1 ? '' : ','}`), ']'];
}

/** Lines for the files of cgroup v1's devices controller (security/device_cgroup.c). */
function asV1(allowed: DeviceSet): WrittenRules | Refusal {
  if (allowed.complement().isEmpty()) return { lines: ['a *:* rwm'], notes: ['Write it to devices.allow.'] };
  if (describePolicy(allowed).default === 'allow') {
    // A v1 exception denies every access that shares a letter with it, and never the check without access bits.
    const denied = entriesOf(allowed.complement(), accessesTouching);
    if (!('refused' in denied)) {
      return { lines: denied.map(entryText), notes: ['Write "a" to devices.allow, then each line to devices.deny.'] };
    }
  }
  const entries = entriesOf(allowed);
  if ('refused' in entries) return entries;
  return { lines: entries.map(entryText), notes: ['Write "a" to devices.deny, then each line to devices.allow.'] };
}

function entryText({ type, major, minor, mask }: Entry): string {
  return `${type} ${major === null ? '*' : String(major)}:${minor === null ? '*' : String(minor)} ${maskText(mask)}`;
}

function ruleSet(like: DeviceSet, rule: string): DeviceSet {
  return like.space.forRule(parseRule(rule));
}

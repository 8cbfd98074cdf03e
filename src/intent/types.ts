import type { DeviceSet } from '../policy/device-set.js';
import type { CompiledPolicy, CompiledRule } from './compiled.js';

/** Requests that could go either way, and what is not known. Regions of one policy are disjoint. */
export interface UndecidedRegion {
  readonly region: DeviceSet;
  /** "runc:version", "node:/dev/sg0", "proc-devices" ...: what would decide it. */
  readonly reason: string;
}

/** A partition of the request space: every request is in exactly one of the parts. */
export interface PolicyPartition {
  readonly allowed: DeviceSet;
  readonly denied: DeviceSet;
  readonly undecided: readonly UndecidedRegion[];
}

/**
 * Where a policy departs from what its list says to a reader, or from what was asked:
 * `deny-hole`: a deny of some letters does not stop an open that asks for more (`deny c 1:3 w` lets O_RDWR through).
 * `deny-check`: a deny of some letters also stops the check without access bits.
 * `overlap-mask`: the generation tests access by overlap: an allow of "r" lets O_RDWR through and refuses F_OK.
 * `deny-ineffective`: a deny rule that changes nothing in the policy.
 * `built-in-displaced`: an entry of linux.devices took runc's allow rule for that node away.
 * `rule-unmatchable`: a number no device can have. `rule-ignored`: read, and dropped by the runtime.
 * `version-assumed`: the version is not known; current dialects were joined. `version-installed`: the installed version was taken for the
 * container's, nothing contradicting it. `wrong-cgroup-version`: keys of cgroup v1 on a v2 host.
 * `attach-may-be-skipped`: this runtime ignores a failing load here (rootless). `node-assumed`: a standard node (/dev/null ...) nobody looked at is
 * taken to exist with its fixed number.
 */
export type IntentWarningCode =
  | 'deny-hole'
  | 'deny-check'
  | 'overlap-mask'
  | 'deny-ineffective'
  | 'built-in-displaced'
  | 'rule-unmatchable'
  | 'rule-ignored'
  | 'version-assumed'
  | 'version-installed'
  | 'wrong-cgroup-version'
  | 'attach-may-be-skipped'
  | 'node-assumed';

/** Something a reader of the intended list should know; no verdict depends on it. */
export interface IntentWarning {
  readonly code: IntentWarningCode;
  /** The rule, key or path it is about, as text; untrusted where it comes from a file. */
  readonly about: string;
  /** Requests concerned, where they can be named. */
  readonly region: DeviceSet | null;
}

/** What a runtime meant a container to have: the policy it would itself have attached for the list it recorded. */
export interface IntendedPolicy extends PolicyPartition {
  /** Kind and path of the record it was read from. */
  readonly source: { readonly kind: string; readonly path: string };
  /** "runc", "crun", "youki", "lxc", "systemd", "incus", "nspawn". */
  readonly runtime: string;
  /** Which generations or dialects it was computed for, "1.0.0 and later". */
  readonly generation: string;
  readonly warnings: readonly IntentWarning[];
  /** Does that generation attach a program at all? With `none` everything is allowed. */
  readonly attaches: 'program' | 'none' | 'undecided';
  /** Why nothing is attached (or may not be): "crun:empty-list", "lxc:empty-list", "systemd:auto" ...; null for a plain program. */
  readonly attachesReason: string | null;
  /** Does the list, as people read it, refuse anything? An intent that restricts and no program is fail-open. */
  readonly restricts: boolean;
  /** The runtime would have refused this list: a running container was not made from it. */
  readonly couldNotStart: string | null;
  /** The rule lists behind it, to answer single requests without diagrams (decideIntended in decide.ts). */
  readonly dialects: readonly IntentList[];
  /** Present: every list must allow (a unit and the slices above it). Absent: one of them is the true one. */
  readonly dialectsMean?: 'all of';
}

/** One list of rules behind an intended policy, or one reading of it, by name ("runc 1.0.0 and later", a unit). */
export interface IntentList {
  readonly name: string;
  /** Null: nothing is attached, everything is allowed. */
  readonly compiled: CompiledPolicy | null;
  /** Rules of which it is not known whether they are in the list. */
  readonly open?: readonly CompiledRule[];
  /** Set where the list does not say all it allows, and a program that was attached for it does. */
  readonly settled?: DeviceSet;
}

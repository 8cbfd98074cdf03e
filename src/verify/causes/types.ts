import type { LossReason } from '../../intent/device-allow-generation.js';
import type { UnitDeviceSettings } from '../../intent/systemd-settings.js';

/** Why a policy is another one than was meant. Named only where a model gives exactly what is observed; else `kind` is "unknown" with the evidence beside it. */
export type Cause = ListCause | NamedCause;

/** Why systemd holds another list than the runtime. */
export interface ListCause {
  kind: 'runtime-list' | 'unknown';
  /** The runtime of the container and its version, where known. */
  runtime: string;
  version: string | null;
  /** Versions of the runtime that write exactly this list ("1.1.4"), the likeliest first. */
  generators: string[];
  /** Does the container's version belong to them? null: the version is not known. */
  versionAgrees: boolean | null;
  /** What was left out, why, and the first version that does not leave it out (null: none can say it to systemd). */
  parts: { reason: LossReason; rules: string[]; fixedIn: string | null }[];
  /** Lines systemd holds, and rules the runtime recorded. */
  held: number;
  recorded: number;
  policy: UnitDeviceSettings['policy'];
  /** Facts about the host the explanation rests on. */
  evidence: string[];
}

/**
 * `hook`: a hook put rules in front of the runtime's own program. `leaked-programs`: the runtime attached one more at each update. `pin-gone`: the pin that
 * a unit's BPFProgram= names does not exist. `replaced`: a program that came after the start stands in the place of the runtime's. `unit-list`: the device
 * settings of a unit above. `moved-node`: a path in DeviceAllow= had another number when systemd applied it. `unit-changed`: the unit's files say something
 * else than what systemd has attached.
 */
export type NamedCauseKind =
  'hook' | 'leaked-programs' | 'pin-gone' | 'replaced' | 'unit-list' | 'moved-node' | 'unit-changed';

/** A cause that is no list of a runtime's. */
export interface NamedCause {
  kind: NamedCauseKind;
  /** Who did it: a runtime, "systemd", "nvidia-hook" ... */
  runtime: string;
  version: string | null;
  /** What it is about: devices, program ids, pins, lines of a unit. */
  about: string[];
  /** First version of `runtime` that does not do it; null: none, or not known. */
  fixedIn: string | null;
  evidence: string[];
}

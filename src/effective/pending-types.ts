import type { CompiledUnit } from '../intent/systemd-compile.js';
import type { PolicyPartition } from '../intent/types.js';
import type { DeviceSet } from '../policy/device-set.js';
import type { EffectiveEntry } from './compose.js';
import type { PendingEvent } from './pending-event.js';

/** `files`: unit files and drop-ins, what a daemon-reload reads. `shown`: what systemd holds now. */
export type PendingBasis = 'files' | 'shown';

/** A program attached at a level, as far as replacing systemd's own needs it. */
export interface PendingProgram {
  readonly id: number;
  /** "sd_devices", "" ... */
  readonly name: string;
  readonly entry: EffectiveEntry;
  /** What it allows alone; null when that is not decided for every request. */
  readonly allowed: DeviceSet | null;
  /** BPF_F_PREORDER: runs before the programs of the levels below. */
  readonly preorder: boolean;
}

/** One cgroup on the way from the container's own up to the root. */
export interface PendingLevel {
  readonly cgroup: string;
  /** Flags of the attached programs: BPF_F_ALLOW_OVERRIDE 1, BPF_F_ALLOW_MULTI 2, 0 exclusive. Meaningless without programs. */
  readonly flags: number;
  /** In list order; null when the level could not be queried. */
  readonly programs: readonly PendingProgram[] | null;
}

/** What happens at one level. */
export interface LevelChange {
  readonly cgroup: string;
  readonly unit: string;
  readonly compiled: CompiledUnit;
  /** Programs that go, in the reading that is most likely; more readings make a region undecided. */
  readonly replaced: readonly number[];
  /** True: systemd adds a program of its own. */
  readonly adds: boolean;
  /**
   * Set where the snapshot does not tell what some lines resolve to, and an attached program shows it: the new program is taken to decide as this
   * one (see unitPartition). Then `compiled.program` alone does not say what is added.
   */
  readonly asBefore: number | null;
  /** The kernel would refuse systemd's attach (a program without MULTI beside or above): everything stays. */
  readonly refused: boolean;
  /** Paths of BPFProgram= whose pin is gone: systemd attaches nothing for them. */
  readonly missingPins: readonly string[];
  /** Paths of BPFProgram= of which nothing is known (files captured by hand): taken to be there still. */
  readonly assumedPins: readonly string[];
}

export interface PendingPolicy extends PolicyPartition {
  readonly basis: PendingBasis;
  readonly event: PendingEvent;
  /** Run lists of the programs there will be, one per reading (more than one where it is not certain which program systemd replaces). */
  readonly lists: readonly (readonly EffectiveEntry[])[];
  readonly changes: readonly LevelChange[];
  /** Units on the path whose settings could not be had; their programs are taken to stay as they are. */
  readonly unread: readonly string[];
  /** NeedDaemonReload=yes: package managers and automation will reload. Null: not asked. */
  readonly needDaemonReload: boolean | null;
}

/**
 * Why there is no prediction: no systemd unit on the container's path; its files, or what systemd holds, could not be had; which programs systemd replaces could be too much; the programs changed while they were read; systemd uses the v1 devices controller here; a user's own systemd has the unit and attached nothing; the container has no cgroup (it is stopped).
 */
export type NoPending =
  | 'no-unit'
  | 'inner-manager'
  | 'no-files'
  | 'not-shown'
  | 'too-many-readings'
  | 'programs-changed'
  | 'cgroup-v1-controller'
  | 'no-cgroup';

export type Pending =
  { readonly kind: 'policy'; readonly policy: PendingPolicy } | { readonly kind: 'none'; readonly reason: NoPending };

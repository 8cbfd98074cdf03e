import type { IntendedPolicy, PolicyPartition } from '../intent/types.js';
import type { DeviceRequest, DeviceRule } from '../policy/types.js';
import type { Impact } from '../policy/impact.js';
import type { DeviceSet } from '../policy/device-set.js';
import type { Cause } from './causes/types.js';
import type { CustodyStep } from './custody-evidence.js';
import type { Applying } from './examine/enforced.js';
import type { IgnoredFinding, IgnoreUse } from './ignore.js';
import type { ProgramView } from './programs.js';
import type { Subject } from './subjects.js';
import type { Trigger } from './trigger.js';

/** What the kernel answers to a request, or that this cannot be known. */
export type Verdict = 'allow' | 'deny' | 'undecided';

/** `open`: the concrete run came to no verdict itself (a limit, unknown inputs); it neither bears the other out nor contradicts it. */
export type Replay = 'confirmed' | 'contradicted' | 'open';

/** The four policies of a subject. */
export type PolicyChoice = 'enforced' | 'intended' | 'afterReload' | 'afterApply';

/** One of the four policies of a subject, or why there is none. */
export type Examined<P extends PolicyPartition = PolicyPartition> =
  | {
      status: 'known';
      policy: P;
      /** Answers one request without decision diagrams; undecided where it may depend on who asks. */
      decide: (request: DeviceRequest) => Verdict;
      /** What a concrete run says about a verdict of the diagrams. */
      replay: (request: DeviceRequest, verdict: Verdict) => Replay;
    }
  /** There is none, and that is no lack: no source of intent exists, no systemd unit owns the cgroup. */
  | { status: 'none'; reason: string }
  /** It exists and could not be read or understood: the comparison is incomplete. */
  | { status: 'unread'; reason: string };

/** What systemd would leave after one of its events. */
export interface PendingPolicy extends PolicyPartition {
  /** What sets it off on this version of systemd. */
  event: PendingEvent;
  /** The unit, and where its settings were read. */
  unit: string;
  sources: string[];
  /** NeedDaemonReload=yes; null: systemd was not asked. */
  needDaemonReload: boolean | null;
  /** Units on the path whose settings could not be had: what they have attached is taken to stay. */
  unread: string[];
  /** Pins of BPFProgram= that the unit's settings name and that are gone: their programs are not attached again. */
  missingPins: string[];
  /** What the prediction takes for granted since nobody looked: pins of BPFProgram= in files captured by hand. */
  assumed: string[];
}

/** `measured`: false where it was read from systemd's source and not run on that release. */
export interface PendingEvent {
  kind: 'daemon-reload' | 'unit-start-after-reload' | 'unit-start' | 'set-property' | 'reload-or-later';
  text: string;
  measured: boolean;
}

/** Everything known about one subject: the input of comparison and checks. */
export interface SubjectAnalysis {
  subject: Subject;
  /** Programs that apply, in the order the kernel runs them. */
  programs: ProgramView[];
  enforced: Examined;
  intended: Examined<IntendedPolicy>;
  afterReload: Examined<PendingPolicy>;
  afterApply: Examined<PendingPolicy>;
  /** The run array behind `enforced`; null where it is not known. */
  decidedBy: Applying | null;
}

/** missing: intended, denied. excess: enforced, not intended. pendingLoss, pendingGain: what the next event of systemd takes or gives. */
export type DifferenceKind = 'missing' | 'excess' | 'pendingLoss' | 'pendingGain';

/** A region in which two policies differ, with one request that shows it, replayed through the concrete interpreter. */
export interface PolicyDifference {
  kind: DifferenceKind;
  /** The policy the enforced one was compared with. */
  against: 'intended' | 'afterReload' | 'afterApply';
  region: DeviceSet;
  /** null: no request of the region could be confirmed by a concrete run. */
  witness: Witness | null;
}

/** Two policies cannot be told apart or compared here, and why. */
export interface UndecidedComparison {
  against: 'enforced' | 'intended' | 'afterReload' | 'afterApply';
  reason: string;
  region: DeviceSet;
}

/** One concrete request out of a difference, with the verdicts that differ. */
export interface Witness {
  request: DeviceRequest;
  /** Verdict of the enforced policy, and of the one it was compared with. */
  enforced: Verdict;
  other: Verdict;
}

/** Order: error, warning, note; `unknown` stands apart, it is what makes a run incomplete. */
export type Severity = 'error' | 'warning' | 'note' | 'unknown';

/** One result of one check on one subject. It holds facts; the words are the reports'. */
export interface Finding {
  code: string;
  severity: Severity;
  /** Key of the subject. */
  subject: string;
  evidence: Evidence;
}

/** The facts behind a finding. What does not apply to its code is absent. */
export interface Evidence {
  /** The requests concerned; letters name the very accesses that differ, `-` the check without access bits. */
  rules: DeviceRule[];
  /** A bounded summary of what no list of ranges describes; absent where `rules` say everything. */
  remainder?: string[];
  /** What a person notices when these requests are denied. */
  impacts?: Impact[];
  witness: Witness | null;
  /** Ids of the programs concerned. */
  programs?: number[];
  /** The programs that deny, with what they allow. */
  denying?: DenyingProgram[];
  /** The policy that is open or unreadable. */
  policy?: 'enforced' | 'intended' | 'afterReload' | 'afterApply';
  /** Cgroup where it happens, if not the subject's own. */
  cgroup?: string;
  /** Events that would do it, for pending findings. */
  events?: PendingEvent[];
  unit?: string;
  /** systemd asks for the very daemon-reload that would do it (NeedDaemonReload=yes of the unit). */
  needDaemonReload?: boolean;
  /** Machine-readable reasons: "depends:uid", "crun:empty-list", "EPERM". */
  reasons?: string[];
  /** Why it is so, where a model gives exactly what is observed; else what is known of it. */
  cause?: Cause;
  /** Between which stations on the way to the kernel the requests were lost or added; absent where no two of them are known. */
  custody?: CustodyStep[];
  /** When map contents were read. */
  asOf?: string;
  /** Files and settings the finding rests on. */
  sources?: string[];
}

/** A program that denies what was intended. */
export interface DenyingProgram extends Trigger {
  id: number;
  /** Who wrote it, as far as it can be told. */
  author: string;
  /** Seconds between the load of the first program of the container's own level and this one; null unknown. */
  secondsAfterFirst: number | null;
  /** Attached before the runtime's own program, so there since the start; null: not known. */
  sinceStart: boolean | null;
  allows: DeviceRule[];
}

/** Worst first. A subject has the status of its worst finding. */
export type SubjectStatus =
  'broken' | 'fail-open' | 'land-mine' | 'will-widen' | 'unknown' | 'warning' | 'ok' | 'not-compared' | 'not-running';

/** The findings about one subject, worst first. */
export interface SubjectReport {
  subject: Subject;
  /** By `findings` alone. */
  status: SubjectStatus;
  findings: Finding[];
  /** Findings that an ignore file hides; they count for nothing, and are counted. */
  ignored: IgnoredFinding[];
}

/** The least severity that makes `verify` fail. */
export type FailOn = 'error' | 'warning' | 'note';

/** The result of `verify`. Every output format shows this and nothing else. */
export interface VerifyReport {
  subjects: SubjectReport[];
  failOn: FailOn;
  /** Problems of the host that no single subject shows, with severity `unknown` if they make the run incomplete. */
  problems: { subject: string; message: string; code: string | null }[];
  /** Entries of the ignore file, and what became of them; empty without one. */
  ignores: IgnoreUse[];
  /** Programs looked at, and how many different ones. */
  programs: { total: number; distinct: number };
  /** 0 healthy, 1 a finding at or above failOn, 3 incomplete; the reporters never decide it. */
  exitStatus: 0 | 1 | 3;
}

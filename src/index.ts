/**
 * devpolicy as a library: the cgroup v2 device policy of containers and services, from the BPF bytecode in the kernel.
 *
 * Everything but `collectSnapshot` is a pure function of its arguments and works without root, without the native addon and on any operating system.
 * Numbers are device numbers of Linux: major 0 to 4095, minor 0 to 1048575. Access bits are those of struct bpf_cgroup_dev_ctx (include/uapi/linux/bpf.h):
 * mknod 1, read 2, write 4.
 *
 * Errors: `InputError` (what was given is wrong; `message` is one line, `hint` perhaps another), `KernelError` (a system call failed; `errno`, `code`,
 * `syscall`), `UnsupportedError` (this host or build cannot), `InternalError` (two parts of devpolicy disagree: a bug, never to be ignored).
 *
 * @example
 * import { readFileSync } from 'node:fs';
 * import { createRun, policyLines, snapshotOfProgram } from 'devpolicy';
 *
 * const run = createRun(snapshotOfProgram(readFileSync('prog.xlated'), 'prog.xlated'));
 * const { enforced } = run.analyse(run.subjects()[0]);
 * if (enforced.status === 'known') console.log(policyLines(enforced.policy).join('\n'));
 *
 * @module
 */

// A host as a value: collected here, read from files, or captured by hand.
export {
  collectSnapshot,
  readConfigFile,
  readProgramFile,
  readSnapshotFile,
  readStateFile,
  snapshotFromDirectory,
  snapshotOfProgram,
  type CollectOptions,
  type ProgramFileOptions,
} from './collect/index.js';
export type { Detail } from './collect/containers/draft.js';
export { parseSnapshot } from './snapshot/parse.js';
export { redactSnapshot } from './snapshot/redact.js';
export { serialiseSnapshot } from './snapshot/serialise.js';
export type * from './snapshot/types.js';

// The analysis of a host: who is there, what is enforced, was intended and is to come, and how that differs.
export {
  createRun,
  Run,
  type DecideOptions,
  type DecodedProgram,
  type FlowResult,
  type PolicyChoice,
} from './pipeline.js';
export type { Subject } from './verify/subjects.js';
export type { ProgramView } from './verify/programs.js';
export type { Comparison } from './verify/compare.js';
export type { Defusal, DefuseResult } from './verify/defuse.js';
export type { Applying, RunningProgram } from './verify/examine/enforced.js';
export type { Turning, TurningField } from './verify/turning.js';
export type { InstalledRuntime } from './verify/installed.js';
export type { Level } from './effective/compose-levels.js';
export type { Decision, DecisionStep } from './verify/decision.js';
export type { PolicyExplanation, PolicyReason } from './verify/explanation.js';
export type { FlowBox, FlowEdge, FlowFunction, FlowVerdict, ProgramFlow } from './verify/flow.js';
export type { DecidingBranch, DecidingInstruction, RequestField } from './verify/deciding.js';
export type * from './verify/causes/types.js';
export type { CustodyStep } from './verify/custody-evidence.js';
export type { HopName } from './intent/custody-chain.js';
export type * from './verify/flow.js';
export type {
  DenyingProgram,
  DifferenceKind,
  Evidence,
  Examined,
  FailOn,
  Finding,
  PendingEvent,
  PendingPolicy,
  PolicyDifference,
  Replay,
  Severity,
  SubjectAnalysis,
  SubjectReport,
  SubjectStatus,
  UndecidedComparison,
  Verdict,
  VerifyReport,
  Witness,
} from './verify/types.js';
export type { VerifyOptions } from './verify/verify.js';
export type {
  IntendedPolicy,
  IntentList,
  IntentWarning,
  IntentWarningCode,
  PolicyPartition,
  UndecidedRegion,
} from './intent/types.js';
export type { LossReason } from './intent/device-allow-generation.js';
export type { ExpectationEntry, Expectations, ExpectedKind, ExpectedLine } from './intent/expect.js';
export { parseIgnores, type IgnoredFinding, type IgnoreEntry, type Ignores, type IgnoreUse } from './verify/ignore.js';
export type { CompiledPolicy, CompiledRule } from './intent/compiled.js';
export type { Impact } from './policy/impact.js';
export type { Author } from './effective/author.js';

// A policy as text, and the same documents that --json prints.
export { policyLines } from './report/policy-text.js';
export { levelAtZero } from './verify/region-rules.js';
export { showJson, type JsonIntent, type JsonPending, type ShowJson } from './report/show-json.js';
export type { JsonPolicy, JsonRegion } from './report/policy-json.js';
export type { JsonProgram, JsonSubject } from './report/subject-json.js';
export type { JsonReason } from './report/explanation.js';
export type { JsonStep } from './report/decision.js';
export { verifyJson, type VerifyJson } from './report/verify-json.js';

// Programs by themselves: bytes to instructions, a listing, one request run concretely, the exact partition of all requests.
export { decode } from './ebpf/decode.js';
export type { BasicBlock, ControlFlowGraph, Subprogram } from './ebpf/control-flow-graph.js';
export { DecodeError, type InstructionField } from './ebpf/decode-error.js';
export { disassemble, type Dialect, type DisassembleOptions, type Line } from './ebpf/disassemble.js';
export {
  interpret,
  type DeviceContext,
  type InterpretOptions,
  type InterpretResult,
} from './ebpf/interpreter/interpret.js';
export type { BranchRecord, CallerInputs, Trace } from './ebpf/interpreter/types.js';
export type {
  AluOp,
  AtomicOp,
  ByteOrder,
  Common,
  Instruction,
  JmpOp,
  MapContents,
  Operand,
  Program,
  ProgramEnvironment,
  RawFields,
  Size,
  Width,
} from './ebpf/types.js';
export { Evaluator, type EvaluationResult, type Outcome } from './symbolic/evaluate.js';
export type { Inputs } from './symbolic/inputs.js';
export type { Partition, UndecidedRegion as UndecidedRef } from './symbolic/partition.js';
export type { BitVector } from './symbolic/bitvector.js';
export { DEFAULT_LIMITS, type EvaluationLimits } from './symbolic/limits.js';
export { composeEffective, type EffectiveEntry } from './effective/compose.js';
export { ProgramLoader, type LoadedProgram } from './effective/compose-programs.js';

// Sets of requests, and rules as text.
export { BddManager } from './bdd/manager.js';
export type { Ref } from './bdd/types.js';
export type { BddBudget } from './bdd/budget.js';
export type { Literal } from './bdd/pick.js';
export { DeviceSet, DeviceSpace, type RequestPattern } from './policy/device-set.js';
export { listRules, type RuleListing } from './policy/to-rules.js';
export { formatRequest, formatRule, parseRule } from './policy/rule-text.js';
export { RULE_FORMS, rulesAs, type RuleForm, type WrittenRules } from './policy/rules-as.js';
export type { Notation } from './policy/access.js';
export type { Refusal } from './policy/entries.js';
export { DeviceNames, type DeviceName, type NameSource, type NameSources } from './policy/names.js';
export { ACCESS_MKNOD, ACCESS_READ, ACCESS_WRITE, MAX_MAJOR, MAX_MINOR } from './policy/types.js';
export type { AccessName, DeviceRequest, DeviceRule, DeviceType, Range } from './policy/types.js';

export { InputError, InternalError, KernelError, UnsupportedError } from './errors.js';

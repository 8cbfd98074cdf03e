import { BddManager } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import type { ByteOrder, MapContents, Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import type { Partition } from '../../src/symbolic/partition.js';
import { join } from '../ebpf/bytes.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { Random } from '../property/random.js';
import { biasedRequests } from '../property/requests.js';

export function programOf(parts: readonly Uint8Array[], order: ByteOrder = 'little'): Program {
  return decode(join(...parts), order);
}

export function environmentWith(changes: Partial<ProgramEnvironment>): ProgramEnvironment {
  return { ...NO_ENVIRONMENT, ...changes };
}

export function mapWith(changes: Partial<MapContents> & { id: number; type: string }): MapContents {
  return {
    keySize: 4,
    valueSize: 4,
    maxEntries: 8,
    flags: 0,
    frozen: false,
    entries: new Map(),
    asOf: null,
    ...changes,
  };
}

/** Value of a diagram variable under a request. */
export function bitOfRequest(request: DeviceRequest): (variable: number) => boolean {
  const { type, access, major, minor } = request;
  return (variable) => {
    if (variable === 0) return type === 'c';
    if (variable < 4) return ((access >> (3 - variable)) & 1) === 1;
    if (variable < 16) return ((major >> (15 - variable)) & 1) === 1;
    return ((minor >> (35 - variable)) & 1) === 1;
  };
}

/** "allow", "deny", or "undecided: REASON". */
export function verdictIn(manager: BddManager, result: Partition, request: DeviceRequest): string {
  const bit = bitOfRequest(request);
  const answers = [
    ...(manager.evaluate(result.allowed, bit) ? ['allow'] : []),
    ...(manager.evaluate(result.denied, bit) ? ['deny'] : []),
    ...result.undecided
      .filter(({ region }) => manager.evaluate(region, bit))
      .map(({ reason }) => `undecided: ${reason}`),
  ];
  return answers.length === 1 ? answers[0]! : `${String(answers.length)} answers`;
}

export interface Answers {
  /** Requests by verdict. */
  readonly counts: ReadonlyMap<string, number>;
  readonly verdict: (request: DeviceRequest) => string;
  readonly disagreements: readonly string[];
}

/** Evaluates a program and compares every answer with the interpreter's, on requests biased to its constants. */
export function compareBoth(program: Program, environment: ProgramEnvironment = NO_ENVIRONMENT, count = 600): Answers {
  const manager = new BddManager();
  const result = new Evaluator(manager).evaluate(program, environment);
  const counts = new Map<string, number>();
  const disagreements: string[] = [];
  for (const request of biasedRequests([program.bytes], count, new Random(3))) {
    const ours = verdictIn(manager, result, request);
    counts.set(ours, (counts.get(ours) ?? 0) + 1);
    const concrete = interpret(program, environment, request);
    const unknown = concrete.outcome === 'undecided' || (concrete.r0 !== 0n && concrete.retval === null);
    const theirs = unknown ? 'undecided' : concrete.r0 === 0n || concrete.retval !== 0 ? 'deny' : 'allow';
    if (ours.split(':')[0] !== theirs)
      disagreements.push(`${JSON.stringify(request)}: evaluator ${ours}, interpreter ${theirs}`);
  }
  return { counts, disagreements, verdict: (request) => verdictIn(manager, result, request) };
}

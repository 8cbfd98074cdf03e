/** Which requests come to which block, refereed by the interpreter's path of single requests. */
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import type { Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import type { Arrivals } from '../../src/symbolic/arrivals.js';
import { EXIT, mov, slot } from '../ebpf/bytes.js';
import { NO_ENVIRONMENT, readCaptures, readRandomPrograms } from '../ebpf/captures.js';
import { bitOfRequest, environmentWith, programOf } from './agreement.js';
import { helper, OP } from './program-bytes.js';

type Way = Record<number, 'allow' | 'deny' | 'undecided'>;

/** For a request: the blocks of the program asked for that it comes to, and what becomes of it there. */
function waysThrough(arrivals: Arrivals): (request: DeviceRequest) => Way {
  const { manager } = arrivals;
  const partitions = arrivals.graph(0).blocks.map(({ id }) => arrivals.partition({ program: 0, block: id }));
  return (request) => {
    const bit = bitOfRequest(request);
    const way: Way = {};
    partitions.forEach(({ allowed, denied, undecided }, block) => {
      if (manager.evaluate(allowed, bit)) way[block] = 'allow';
      if (manager.evaluate(denied, bit)) way[block] = 'deny';
      if (undecided.some(({ region }) => manager.evaluate(region, bit))) way[block] = 'undecided';
    });
    return way;
  };
}

function interpretedWay(program: Program, environment: ProgramEnvironment, request: DeviceRequest, of: Arrivals): Way {
  const result = interpret(program, environment, request, { recordPath: true });
  if (result.outcome !== 'return') throw new Error(result.reason);
  const { blocks, blockOfPosition } = of.graph(0);
  const positions = result.trace.path.map((each) => program.positionOfSlot[each] ?? -1);
  const entered = positions
    .map((position) => blocks[blockOfPosition[position] ?? -1])
    .filter((block, i) => block?.first === positions[i]);
  return Object.fromEntries(entered.map((block) => [block?.id, result.r0 === 0n ? 'deny' : 'allow'])) as Way;
}

describe('arrivals', () => {
  const captures = readCaptures().flatMap(({ name, programs, verdicts }) =>
    programs.map(({ bytes, environment }) => ({
      name,
      bytes,
      environment,
      requests: verdicts.map(({ request }) => request),
    })),
  );
  const random = readRandomPrograms()
    .slice(0, 12)
    .map(({ xlated, verdicts }, i) => ({
      name: `random ${String(i)}`,
      bytes: xlated,
      environment: NO_ENVIRONMENT,
      requests: verdicts.map(({ request }) => request as DeviceRequest),
    }));

  it.each([...captures, ...random].map((each) => [each.name, each] as const))('%s', (_name, each) => {
    const program = decode(each.bytes, 'little');
    const arrivals = new Evaluator(new BddManager()).arrivals(program, each.environment);
    expect(arrivals.abandoned).toEqual([]);
    const asked = each.requests.slice(0, 60);
    expect(asked.length).toBeGreaterThan(20);
    const wayOf = waysThrough(arrivals);
    for (const request of asked)
      expect(wayOf(request)).toEqual(interpretedWay(program, each.environment, request, arrivals));
  });

  it('tells requests that go on from those that stop', () => {
    const program = programOf([
      slot(OP.ldw, { dst: 2, src: 1, off: 4 }), // block 0
      slot(OP.jeq, { dst: 2, imm: 7, off: 2 }),
      mov(0, 0), // block 1
      EXIT,
      mov(0, 1), // block 2
      EXIT,
    ]);
    const arrivals = new Evaluator(new BddManager()).arrivals(program, NO_ENVIRONMENT);
    const stops = arrivals.partition({ program: 0, block: 0 }, { program: 0, block: 2 });
    expect(stops.allowed).toBe(arrivals.partition({ program: 0, block: 1 }).allowed);
    expect(stops.denied).toBe(arrivals.partition({ program: 0, block: 1 }).denied);
  });

  it('a verdict that depends on the caller is undecided before the comparison and decided behind it', () => {
    const program = programOf([helper(5), slot(OP.jeq, { dst: 0, imm: 0, off: 2 }), mov(0, 0), EXIT, mov(0, 1), EXIT]);
    const arrivals = new Evaluator(new BddManager()).arrivals(
      program,
      environmentWith({ helpers: new Map([[5, 'bpf_get_current_uid_gid']]) }),
    );
    const [first, denies, allows] = [0, 1, 2].map((block) => arrivals.partition({ program: 0, block }));
    expect(first).toMatchObject({
      allowed: 1,
      denied: 1,
      undecided: [{ region: 0, reason: 'depends:gid,depends:uid' }],
    });
    expect(denies).toEqual({ allowed: 1, denied: 0, undecided: [] });
    expect(allows).toEqual({ allowed: 0, denied: 1, undecided: [] });
  });
});

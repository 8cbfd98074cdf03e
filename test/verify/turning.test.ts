/** What is said to turn a request's way is tried out: the interpreter runs the request with each of the values that are named. */
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import type { Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { decidingSentence } from '../../src/report/deciding-text.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { decidingInstruction, needsTurning, type DecidingInstruction } from '../../src/verify/deciding.js';
import { turningOf, type TurningField } from '../../src/verify/turning.js';
import { EXIT, join, mov, slot } from '../ebpf/bytes.js';
import { NO_ENVIRONMENT, readCaptures, readRandomPrograms } from '../ebpf/captures.js';
import { environmentWith, mapWith } from '../symbolic/agreement.js';
import { reference } from '../symbolic/program-bytes.js';

interface Run {
  allowed: boolean;
  /** Ways taken at the watched jump, in order. */
  ways: number[];
}

function run(program: Program, environment: ProgramEnvironment, request: DeviceRequest, watched: number | null): Run {
  const result = interpret(program, environment, request, { recordPath: true });
  if (result.outcome !== 'return') throw new Error(result.reason);
  const { path } = result.trace;
  const ways = path.flatMap((each, i) => (each === watched ? [path[i + 1] ?? -1] : []));
  return { allowed: result.r0 !== 0n, ways };
}

function withField(request: DeviceRequest, { name }: TurningField, value: number): DeviceRequest {
  return name === 'type' ? { ...request, type: value === 1 ? 'b' : 'c' } : { ...request, [name]: value };
}

/** @returns how many values were tried */
function tryOut(program: Program, environment: ProgramEnvironment, request: DeviceRequest): number {
  const result = interpret(program, environment, request, { recordPath: true });
  if (result.outcome !== 'return') throw new Error(result.reason);
  const watched = result.trace.lastBranch?.index ?? null;
  const position = watched === null ? null : (program.positionOfSlot[watched] ?? null);
  const turning = turningOf(new Evaluator(new BddManager()).arrivals(program, environment, position), request);
  expect(turning).not.toBeNull();
  const own = run(program, environment, request, watched);
  let tried = 0;
  const each = (field: TurningField, which: 'same' | 'other', check: (run: Run) => void): void => {
    for (const [low, high] of field[which] ?? [])
      for (const value of new Set([low, high])) {
        tried++;
        check(run(program, environment, withField(request, field, value), watched));
      }
  };
  for (const field of turning?.jump ?? []) {
    each(field, 'same', ({ ways }) => {
      expect(ways).toContain(own.ways.at(-1));
    });
    each(field, 'other', ({ ways }) => {
      expect(ways.some((way) => way !== own.ways.at(-1))).toBe(true);
    });
  }
  for (const field of turning?.value ?? []) {
    each(field, 'same', ({ allowed }) => {
      expect(allowed).toBe(own.allowed);
    });
    each(field, 'other', ({ allowed }) => {
      expect(allowed).toBe(!own.allowed);
    });
  }
  return tried;
}

function explained(
  parts: readonly Uint8Array[],
  request: DeviceRequest,
  environment = NO_ENVIRONMENT,
): DecidingInstruction {
  const program = decode(join(...parts), 'little');
  const result = interpret(program, environment, request, { recordPath: true });
  if (result.outcome !== 'return') throw new Error(result.reason);
  const deciding = decidingInstruction(program, result.trace, request);
  if (!needsTurning(program, result.trace, deciding)) return deciding;
  const position = deciding.branch === null ? null : (program.positionOfSlot[deciding.branch.slot] ?? null);
  const turning = turningOf(new Evaluator(new BddManager()).arrivals(program, environment, position), request);
  return { ...deciding, turning };
}

const request: DeviceRequest = { type: 'c', access: 6, major: 5, minor: 3 };
const load = (dst: number, off: number): Uint8Array => slot(0x61, { dst, src: 1, off });

describe('what turned the way', () => {
  const captures = readCaptures().flatMap(({ name, programs, verdicts }) =>
    programs.map(({ bytes, environment }) => ({
      name,
      bytes,
      environment,
      requests: verdicts.map((each) => each.request),
    })),
  );
  it.each(captures.map((each) => [each.name, each] as const))('%s', (_name, { bytes, environment, requests }) => {
    const program = decode(bytes, 'little');
    const tried = requests.slice(0, 8).map((each) => tryOut(program, environment, each));
    const decides = program.instructions.some(({ op }) => op === 'branch');
    expect(Math.max(...tried) > 0).toBe(decides);
  });

  it('random programs', () => {
    let tried = 0;
    for (const { xlated, verdicts } of readRandomPrograms().slice(0, 8))
      for (const { request: asked } of verdicts.slice(0, 3))
        tried += tryOut(decode(xlated, 'little'), NO_ENVIRONMENT, asked);
    expect(tried).toBeGreaterThan(20);
  });

  it('is told for a bit mask', () => {
    // if (1 << minor) & 0x28 goto allow
    const bits = [
      load(2, 8),
      slot(0x25, { dst: 2, imm: 63, off: 4 }),
      mov(3, 1),
      slot(0x6f, { dst: 3, src: 2 }),
      slot(0x57, { dst: 3, imm: 0x28 }),
      slot(0x55, { dst: 3, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    ];
    expect(decidingSentence(explained(bits, request))).toBe('minor is 3, one of 3, 5');
    expect(decidingSentence(explained(bits, { ...request, minor: 4 }))).toBe('minor is 4, not 3 or 5');
  });

  it('is told for a result that no jump computes', () => {
    const odd = [load(0, 4), slot(0x57, { dst: 0, imm: 1 }), EXIT];
    expect(decidingSentence(explained(odd, request))).toBe('major is 5, and other values go both ways');
    expect(decidingSentence(explained([mov(0, 1), EXIT], request))).toBe('whatever the request');
  });

  it('names the jump and what was computed behind it', () => {
    // if major == 5: r0 = minor & 1, else 0
    const both = [
      load(2, 4),
      mov(0, 0),
      slot(0x55, { dst: 2, imm: 5, off: 2 }),
      load(0, 8),
      slot(0x57, { dst: 0, imm: 1 }),
      EXIT,
    ];
    expect(decidingSentence(explained(both, request))).toBe(
      'major is 5, and minor is 3, and other values go both ways',
    );
  });

  it("takes a map's value for no field of the request", () => {
    // r1 no longer points at the context: offset 4 is the second word of a map's value, which happens to be the major number.
    const table = [
      reference(1, 2, 7),
      load(2, 4),
      slot(0x15, { dst: 2, imm: 5, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    ];
    const values = new Map([['00000000', Uint8Array.from([0, 0, 0, 0, 5, 0, 0, 0])]]);
    const map = mapWith({ id: 7, type: 'array', valueSize: 8, maxEntries: 1, entries: values });
    const { branch, turning } = explained(table, request, environmentWith({ maps: new Map([[7, map]]) }));
    expect(branch).toMatchObject({ field: null, left: 5 });
    expect(turning).toEqual({ jump: [], value: [] });
  });

  it('says which program ended the run after a tail call', () => {
    const other = decode(join(mov(0, 1), EXIT), 'little');
    const slots = new Map([['00000000', Uint8Array.from([9, 0, 0, 0])]]);
    const environment = environmentWith({
      maps: new Map([[7, mapWith({ id: 7, type: 'prog_array', entries: slots })]]),
      programs: new Map([[9, { program: other, environment: NO_ENVIRONMENT }]]),
    });
    const call = [reference(2, 1, 7), mov(3, 0), slot(0x85, { imm: 12 }), mov(0, 0), EXIT];
    expect(explained(call, request, environment)).toMatchObject({
      exit: 1,
      tailProgram: 9,
      branch: null,
      turning: null,
    });
  });

  it('does not mistake registers of a function for those of its caller', () => {
    // The function puts minor into its own r6; the caller's r6 is 3 still.
    const call = [
      mov(6, 3),
      slot(0x85, { src: 1, off: 5 }),
      slot(0x15, { dst: 6, imm: 3, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
      load(6, 8),
      mov(0, 0),
      EXIT,
    ];
    expect(explained(call, request).branch).toMatchObject({ field: null, left: 3 });
  });
});

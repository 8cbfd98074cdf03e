import type { Program, ProgramEnvironment } from '../types.js';
import { REGISTER_COUNT, FRAME_POINTER } from '../opcodes.js';
import { Memory, knownByte, unknownByte } from './memory.js';
import type { MapState } from './map-state.js';
import { known, unknownScalar, type Scalar } from './scalar.js';
import type { BranchRecord, DeviceContext, InterpretOptions } from './types.js';
import { pointer, type MapPointer, type Value } from './value.js';

/** A program and what it runs with; a tail call changes it. */
export interface Unit {
  readonly programId: number | null;
  readonly program: Program;
  readonly environment: ProgramEnvironment;
}

/** A callback that a helper calls again and again (bpf_loop, bpf_for_each_map_elem). */
export interface Repetition {
  readonly callback: number;
  readonly context: Value;
  /** Rounds in all, and the one that runs now. */
  readonly count: number;
  readonly round: number;
  /** For bpf_for_each_map_elem. */
  readonly map: MapPointer | null;
}

/** One active function. The first is the main function. */
export interface Frame {
  readonly unit: Unit;
  /** Name of the memory that r10 points at the end of. */
  readonly stack: string;
  /** Position in the caller's instructions to go on at, and r6 to r9 and r10 as the caller had them. */
  readonly returnPosition: number;
  readonly saved: readonly Value[];
  /** Tail calls made before the call. */
  readonly tailCalls: number;
  readonly repetition: Repetition | null;
}

export const CONTEXT_MEMORY = 'context';
const UNINITIALISED: Value = unknownScalar(['uninitialised']);

/** Everything that changes while a program runs. A branch on something unknown copies it and follows both ways. */
export class Machine {
  readonly options: InterpretOptions;
  registers: Value[];
  frames: Frame[];
  memories: Map<string, Memory>;
  maps: Map<number, MapState>;
  /** Any map may have changed: nothing is known of those either that the run has not looked into yet. */
  mapsForgotten = false;
  /** Index into the current program's instructions. */
  position = 0;
  retval: Scalar;
  usedRetval = false;
  tailCalls = 0;
  /** Fewest and most that some kernel counts of them: not those of functions that have returned; also those that found no program. */
  fewestTailCalls = 0;
  mostTailCalls = 0;
  lastBranch: BranchRecord | null = null;
  steps = 0;
  path: number[] = [];
  dependsOn: Set<string>;
  /** Stacks made so far, for their names. */
  stacks = 0;

  constructor(unit: Unit, request: DeviceContext, options: InterpretOptions) {
    this.options = options;
    this.registers = Array.from({ length: REGISTER_COUNT }, () => UNINITIALISED);
    this.frames = [];
    this.maps = new Map();
    this.dependsOn = new Set();
    this.retval = options.retvalIn === null ? unknownScalar(['depends:retval']) : known(BigInt(options.retvalIn ?? 0));
    this.memories = new Map([[CONTEXT_MEMORY, contextMemory(request, unit)]]);
    this.registers[1] = pointer(CONTEXT_MEMORY, 0);
    this.pushFrame({ unit, returnPosition: -1, saved: [], repetition: null, tailCalls: 0 });
  }

  /** A copy that shares nothing that either of the two changes. */
  clone(): Machine {
    const copy = Object.assign(Object.create(Machine.prototype) as Machine, this);
    copy.registers = [...this.registers];
    copy.frames = [...this.frames];
    copy.memories = new Map([...this.memories].map(([name, memory]) => [name, memory.clone()]));
    copy.maps = new Map([...this.maps].map(([id, state]) => [id, { ...state, changes: new Map(state.changes) }]));
    copy.path = [...this.path];
    copy.dependsOn = new Set(this.dependsOn);
    return copy;
  }

  get frame(): Frame {
    const frame = this.frames.at(-1);
    if (frame === undefined) throw new RangeError('no active function');
    return frame;
  }

  get unit(): Unit {
    return this.frame.unit;
  }

  register(number: number): Value {
    return this.registers[number] ?? UNINITIALISED;
  }

  isWritten(number: number): boolean {
    return this.register(number) !== UNINITIALISED;
  }

  setRegister(number: number, value: Value): void {
    this.registers[number] = value;
  }

  /** Enters a function with a stack of its own; the caller sets arguments and position. */
  pushFrame(frame: Omit<Frame, 'stack'>): void {
    const stack = `stack:${String(this.stacks++)}`;
    this.memories.set(stack, new Memory(() => unknownByte(['uninitialised'])));
    this.frames.push({ ...frame, stack });
    this.registers[FRAME_POINTER] = pointer(stack, 0);
  }

  /** Leaves the current function and gives the caller its registers back. */
  popFrame(): Frame {
    const frame = this.frame;
    this.frames.pop();
    this.memories.delete(frame.stack);
    this.memories.delete(argumentsBelow(frame));
    // Arguments are passed anew with each call.
    const caller = this.frames.at(-1);
    if (caller !== undefined) this.memories.delete(argumentsBelow(caller));
    frame.saved.forEach((value, i) => (this.registers[6 + i] = value));
    this.position = frame.returnPosition;
    return frame;
  }

  /** What the caller of the current function passed beyond five arguments. */
  get passedArguments(): Memory | undefined {
    const caller = this.frames.at(-2);
    return caller === undefined ? undefined : this.memories.get(argumentsBelow(caller));
  }

  /** Where the current function puts arguments after the fifth. */
  argumentsToPass(): Memory {
    const name = argumentsBelow(this.frame);
    const memory = this.memories.get(name) ?? new Memory(() => unknownByte(['uninitialised']));
    this.memories.set(name, memory);
    return memory;
  }

  get passesArguments(): boolean {
    return this.memories.has(argumentsBelow(this.frame));
  }

  /** r6 to r9 and r10, which a function finds unchanged after a call. */
  savedRegisters(): Value[] {
    return this.registers.slice(6, FRAME_POINTER + 1);
  }

  /** A call leaves nothing usable in r1 to r5. */
  clobberArguments(): void {
    for (let i = 1; i <= 5; i++) this.registers[i] = UNINITIALISED;
  }

  /** After a tail call nothing but r1 and r10 has a value. */
  clobberAll(): void {
    this.registers.fill(UNINITIALISED);
  }
}

function argumentsBelow({ stack }: Frame): string {
  return `${stack}:arguments`;
}

function contextMemory(request: DeviceContext, unit: Unit): Memory {
  const view = new DataView(new ArrayBuffer(12));
  const little = unit.program.byteOrder === 'little';
  view.setUint32(0, (request.access << 16) | (request.type === 'b' ? 1 : 2), little);
  view.setUint32(4, request.major, little);
  view.setUint32(8, request.minor, little);
  return new Memory((offset) =>
    offset >= 0 && offset < 12 ? knownByte(view.getUint8(offset)) : unknownByte(['kernel-memory']),
  );
}

import { InternalError } from '../errors.js';
import { BddBudgetError, FALSE, TRUE, type Ref } from '../bdd/manager.js';
import type { Instruction } from '../ebpf/types.js';
import { ZERO64, type BitVector } from './bitvector.js';
import { AddressesError } from './by-address.js';
import { positionOf } from './flow.js';
import type { EvaluationLimits } from './limits.js';
import type { Machine } from './machine.js';
import { placeOf } from './place.js';
import { Schedule } from './schedule.js';
import { copyState, mergeStates, REGISTER_COUNT, type MachineState } from './state.js';
import { transferAlu, transferEndian, transferMovsx } from './transfer/alu.js';
import { takenWhere } from './transfer/branch.js';
import { callForEach, callFunction, callLoop, FOR_EACH, returnFromFunction } from './transfer/call.js';
import { callHelper } from './transfer/helper.js';
import { loadedImmediate, transferAtomic, transferLoad, transferStore } from './transfer/memory.js';
import { hasOutgoing } from './transfer/stack-arguments.js';
import { tailCall } from './transfer/tail-call.js';
import { bitsByTable } from './table-evaluation.js';
import { pointer, scalar, simplifyUnder } from './value.js';
import { ALL_BITS, type BitMask, type Word } from './word.js';

/** However many instructions needed too much, each may cost this. */
const LEAST_NODES = 100_000;
const LEAST_STEPS = 200_000;

/**
 * Runs a program on all requests at once. A state is continued until its way meets another's; there it waits until every state that can
 * still arrive has arrived, so that each place is worked on once and cost follows program length, not the number of paths.
 */
export class Engine {
  readonly machine: Machine;
  readonly #schedule = new Schedule();
  readonly #limits: EvaluationLimits;
  #executed = 0;
  #allowed: number;
  #working = false;
  /** What the next instruction may cost. */
  #nodes: number;
  #steps: number;

  constructor(machine: Machine, limits: EvaluationLimits) {
    this.machine = machine;
    this.#limits = limits;
    this.#allowed = limits.instructions;
    this.#nodes = limits.instructionNodes;
    this.#steps = limits.instructionSteps;
    machine.worker = Object.assign(
      (compute: () => BitVector, operands: () => readonly BitVector[]) => this.#workOut(compute, operands),
      {
        byTable: (word: Word, mask: BitMask, otherwise: () => BitVector) => this.#byTable(word, mask, otherwise),
      },
    );
  }

  /** Instructions executed. */
  get executed(): number {
    return this.#executed;
  }

  /**
   * Evaluates the machine's first program from its entry. Afterwards every request is in `machine.finished`.
   * @throws BddBudgetError when a limit of the whole evaluation is reached; what is finished by then stays valid
   */
  run(): void {
    const registers = new Array<undefined>(REGISTER_COUNT).fill(undefined);
    const start: MachineState = {
      path: this.machine.everything,
      registers,
      program: 0,
      tailCalls: 0,
      fewestTailCalls: 0,
      mostTailCalls: 0,
      frames: [],
      memory: new Map(),
      retval: null,
      mapWrites: new Map(),
      changedMaps: new Map(),
      clobbered: FALSE,
    };
    start.registers[1] = pointer(this.machine.regions.get('context'), ZERO64);
    this.goTo(start, 0);
    for (let next = this.#schedule.pop(); next !== undefined; next = this.#schedule.pop()) {
      this.#continue(next.state, next.position);
    }
  }

  /** Lets a state wait at a position of its program; it takes over the state. */
  goTo(state: MachineState, position: number): void {
    if (state.path === FALSE) return;
    const { flow } = this.machine.programs[state.program]!;
    if (position < 0 || position >= flow.live.length) {
      this.machine.giveUp(state, TRUE, 'unsupported:jump out of the program');
      return;
    }
    const live = flow.live[position]!;
    state.registers = state.registers.map((value, r) => (((live >> r) & 1) === 1 ? value : undefined));
    const place = placeOf(this.machine, state, position);
    const waiting = this.#schedule.at(place);
    if (waiting === undefined) this.#schedule.push({ place, position, state });
    else waiting.state = this.#merge(waiting.state, state);
  }

  #merge(a: MachineState, b: MachineState): MachineState {
    const { machine } = this;
    const merged = this.#attempt(() =>
      mergeStates(
        machine.manager,
        a,
        b,
        (region, slot) => machine.initialSlot(region, slot),
        () => machine.retvalAtEntry(),
      ),
    );
    if (merged !== null) return merged;
    machine.giveUp(b, TRUE, 'budget');
    return a;
  }

  #continue(state: MachineState, from: number): void {
    const { program, flow } = this.machine.programs[state.program]!;
    for (let position = from; ; position++) {
      const instruction = program.instructions[position];
      if (instruction === undefined) {
        this.machine.giveUp(state, TRUE, 'unsupported:end of the program without exit');
        return;
      }
      this.machine.observer?.arrive(state.program, position, state.path);
      if (++this.#executed > this.#allowed) {
        // What runs now may be a loop without end; the states that wait for it get one more turn.
        this.machine.giveUp(state, TRUE, 'budget');
        this.#allowed += program.instructions.length;
        if (this.#allowed > 2 * this.#limits.instructions) throw new BddBudgetError('steps');
        return;
      }
      if (!this.#step(state, instruction, position)) return;
      if (state.path === FALSE) return;
      if (flow.isJoin[position + 1] === true) {
        this.goTo(state, position + 1);
        return;
      }
    }
  }

  /** Executes one instruction; true if the state goes on to the next position. */
  #step(state: MachineState, instruction: Instruction, position: number): boolean {
    const { machine } = this;
    switch (instruction.op) {
      case 'jump':
        this.goTo(state, this.#target(state, instruction.target));
        return false;
      case 'branch':
        return this.#branch(state, instruction);
      case 'exit':
        returnFromFunction(this, state);
        return false;
      case 'call':
        callFunction(this, state, instruction, position);
        return false;
      case 'tail-call':
        tailCall(this, state);
        return true;
      case 'call-helper': {
        const name = this.#helperName(state, instruction.imm);
        if (name !== null && FOR_EACH.has(name) && callForEach(this, state, position, name)) return false;
        if (name !== 'bpf_loop') return this.#straight(state, instruction);
        callLoop(this, state, position);
        return false;
      }
      case 'jump-register':
        this.#jumpRegister(state, instruction.reg);
        return false;
      case 'call-kfunc': {
        // Where the dump does not say which function it is, it may be bpf_throw, which does not return.
        const name = this.#helperName(state, instruction.imm);
        const passed = hasOutgoing(machine, state);
        if (name !== null && name !== 'bpf_throw' && !passed) return this.#straight(state, instruction);
        machine.giveUp(state, TRUE, `kfunc:${name ?? 'unresolved'}`);
        return false;
      }
      default:
        return this.#straight(state, instruction);
    }
  }

  #straight(state: MachineState, instruction: Instruction): boolean {
    const done = this.#attempt(() => {
      const next = copyState(state);
      this.#transfer(next, instruction);
      return next;
    });
    if (done !== null) Object.assign(state, done);
    else this.#overBudget(state, instruction);
    return true;
  }

  #transfer(state: MachineState, instruction: Instruction): void {
    const { machine } = this;
    switch (instruction.op) {
      case 'alu':
        transferAlu(machine, state, instruction);
        return;
      case 'movsx':
        transferMovsx(machine, state, instruction);
        return;
      case 'endian':
        transferEndian(machine, state, instruction);
        return;
      case 'load':
        transferLoad(machine, state, instruction);
        return;
      case 'store':
        transferStore(machine, state, instruction);
        return;
      case 'atomic':
        transferAtomic(machine, state, instruction);
        return;
      case 'load-imm64':
      case 'load-map':
      case 'load-map-value':
      case 'load-function':
        state.registers[instruction.dst] = loadedImmediate(machine, instruction);
        return;
      case 'call-helper':
      case 'call-kfunc':
        callHelper(machine, state, this.#helperName(state, instruction.imm));
        return;
      case 'address-conversion': {
        // The pointer table of a per-cpu map already led to this CPU's values; what other per-cpu memory holds depends on the CPU.
        const source = state.registers[instruction.src];
        const isValues = source?.pointers.some(({ region }) => region.kind === 'values') ?? false;
        state.registers[instruction.dst] = isValues ? source : pointer(machine.regions.get('cpu'), ZERO64);
        return;
      }
      case 'unsupported':
        if (instruction.result === null) return;
        state.registers[instruction.result] = scalar(machine.fresh(`unsupported:${instruction.mnemonic}`));
        return;
      case 'nospec':
      default:
    }
  }

  /** The instruction's result needs too large a diagram: it is unknown, and only what depends on it will be undecided. */
  #overBudget(state: MachineState, instruction: Instruction): void {
    const { machine } = this;
    const isPlain = instruction.op === 'alu' || instruction.op === 'movsx' || instruction.op === 'load';
    if (isPlain) state.registers[instruction.dst] = scalar(machine.fresh('budget'));
    else machine.giveUp(state, TRUE, 'budget');
  }

  #branch(state: MachineState, instruction: Instruction & { op: 'branch' }): boolean {
    const m = this.machine.manager;
    const split = this.#attempt(() => {
      const taken = m.and(state.path, takenWhere(this.machine, state, instruction));
      return { taken, rest: m.difference(state.path, taken) };
    });
    if (split === null) {
      const unknown = this.machine.freshBit(this.#reasonFor(this.#comparedBits(state, instruction)));
      return this.#splitAt(state, instruction, m.and(state.path, unknown), m.difference(state.path, unknown));
    }
    return this.#splitAt(state, instruction, split.taken, split.rest);
  }

  #splitAt(state: MachineState, instruction: Instruction & { op: 'branch' }, taken: Ref, rest: Ref): boolean {
    this.machine.observer?.branch(taken, rest);
    if (taken !== FALSE) {
      const jumping = rest === FALSE ? state : copyState(state);
      jumping.path = taken;
      this.goTo(jumping, this.#target(state, instruction.target));
    }
    if (rest === FALSE) return false;
    state.path = rest;
    return true;
  }

  #jumpRegister(state: MachineState, register: number): void {
    const m = this.machine.manager;
    const value = state.registers[register];
    for (const { guard, region } of value === undefined ? [] : simplifyUnder(m, state.path, value).pointers) {
      if (region.kind !== 'code') continue;
      const jumping = copyState(state);
      jumping.path = m.and(state.path, guard);
      state.path = m.difference(state.path, guard);
      this.goTo(jumping, this.#target(state, region.id));
    }
    this.machine.giveUp(state, TRUE, 'jump-target');
  }

  #target(state: MachineState, slot: number): number {
    return positionOf(this.machine.programs[state.program]!.program, slot);
  }

  #helperName(state: MachineState, imm: number): string | null {
    const name = imm === 0 ? undefined : this.machine.programs[state.program]!.environment.helpers.get(imm);
    // Compilers add suffixes to the names of static and cloned functions (".isra.0", ".llvm.123").
    return name === undefined || name === '' ? null : name.split('.')[0]!;
  }

  /** Works out a deferred number; too large a diagram is given back and the number is unknown. */
  #workOut(compute: () => BitVector, operands: () => readonly BitVector[]): BitVector {
    const { manager } = this.machine;
    // Nodes are given back on failure, so nothing that outlives the computation may be made inside it.
    if (this.#working) throw new InternalError('a deferred number was worked out inside another');
    this.#working = true;
    const mark = manager.size;
    try {
      const bits = this.#attempt(compute);
      if (bits !== null) return bits;
      manager.release(mark);
    } finally {
      this.#working = false;
    }
    return this.machine.fresh(this.#reasonFor(operands()));
  }

  #byTable(word: Word, mask: BitMask, otherwise: () => BitVector): BitVector {
    const { manager, tables } = this.machine;
    return tables.either([word], otherwise, (inputs) =>
      this.#workOut(
        () => bitsByTable(manager, word, mask, inputs),
        () => [],
      ),
    );
  }

  /** Why a result that is too large is unknown: for its size, and for what its operands depend on besides the request. */
  #reasonFor(operands: readonly BitVector[]): string {
    return ['budget', ...this.machine.inputs.reasonsIn(operands.flat())].join();
  }

  #comparedBits(state: MachineState, { dst, src }: Instruction & { op: 'branch' }): BitVector[] {
    const registers = 'reg' in src ? [dst, src.reg] : [dst];
    return registers.flatMap((register) => {
      const value = state.registers[register];
      return value === undefined ? [] : [value.word.need(ALL_BITS)];
    });
  }

  /** Runs one instruction's work under the instruction limits; null if they stopped it. */
  #attempt<T>(work: () => T): T | null {
    const m = this.machine.manager;
    const [instructionNodes, instructionSteps] = [this.#nodes, this.#steps];
    const [size, steps] = [m.size, m.steps];
    try {
      return m.withBudget({ nodes: instructionNodes, steps: instructionSteps }, work);
    } catch (error) {
      if (!(error instanceof BddBudgetError)) throw error;
      const isOwn = error instanceof AddressesError;
      // The limits of the whole evaluation were the tighter ones.
      if (!isOwn && m.size - size < instructionNodes && m.steps - steps < instructionSteps) throw error;
      // Where one result is too large those made from it are too: they get less and less, so that all of the program is reached.
      this.#nodes = Math.max(instructionNodes / 2, Math.min(instructionNodes, LEAST_NODES));
      this.#steps = Math.max(instructionSteps / 2, Math.min(instructionSteps, LEAST_STEPS));
      return null;
    }
  }
}

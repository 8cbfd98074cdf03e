import { FALSE, TRUE, type BddManager, type Ref } from '../bdd/manager.js';
import type { MapContents, Program, ProgramEnvironment } from '../ebpf/types.js';
import {
  ACCESS_BITS,
  accessVariable,
  MAJOR_BITS,
  majorVariable,
  MINOR_BITS,
  minorVariable,
  TYPE_VARIABLE,
} from '../policy/variables.js';
import { select, zeroExtend, type BitVector } from './bitvector.js';
import { NOTHING_FIXED, whereFixed, type Fixed } from './fixed-field.js';
import { analyseFlow, type Flow } from './flow.js';
import type { Inputs } from './inputs.js';
import { hasSetRetval } from './kernel-release.js';
import { layOut, type MapImage } from './map-image.js';
import { unknownSlot, UNINITIALISED, type Slot } from './memory.js';
import { byteSwap } from './shift.js';
import type { MachineState } from './state.js';
import { TableChoice } from './table-evaluation.js';
import { Regions, type Region } from './value.js';
import type { Worker } from './word.js';

/** Name under which `Inputs` keeps the run's return value as the program found it. */
export const RETVAL_INPUT = 'retval';

/** A program that takes part in the evaluation: the one asked for, or one reached by a tail call. */
export interface RunningProgram {
  readonly program: Program;
  readonly environment: ProgramEnvironment;
  readonly flow: Flow;
}

/** Is told how an evaluation moves through its programs (index in `Machine.programs`, position in the instructions). */
export interface Observer {
  /** These requests, with the inputs for which they do, are about to execute an instruction. */
  arrive(program: number, position: number, path: Ref): void;
  /** Those that arrived last part at a conditional jump. */
  branch(taken: Ref, rest: Ref): void;
  /** These go no further than where they arrived last, and with what result they would is not known. */
  abandon(path: Ref, reason: string): void;
}

/** What one evaluation knows and collects; the machine's memory of everything but the states themselves. */
export class Machine {
  readonly manager: BddManager;
  readonly inputs: Inputs;
  readonly regions: Regions = new Regions();
  readonly programs: RunningProgram[] = [];
  /** The requests that are evaluated. */
  readonly everything: Ref;
  /** Bytes 0 to 11 of the context as bits, byte k at 8k; byte order of the program. */
  readonly context: BitVector;

  /** Where the program has ended: r0 not zero, and the retval it leaves behind (32 bits; null while no path has changed it). */
  finished: Ref = FALSE;
  returned: Ref = FALSE;
  retval: BitVector | null = null;

  /** Works out deferred numbers; the engine sets the limits. */
  worker: Worker = (compute) => compute();

  observer: Observer | null = null;

  /** Where numbers with large diagrams are worked out by truth table. */
  readonly tables: TableChoice;

  readonly #name: string;
  readonly #images = new Map<number, MapImage | null>();
  readonly #newElements = new Map<number, number>();
  readonly #running = new Map<Program, number>();
  #freshInputs = 0;

  /**
   * @param name distinguishes this evaluation's own inputs (random numbers, unmodelled results) from those of others
   * @param fixed only requests with these values are evaluated
   */
  constructor(
    manager: BddManager,
    inputs: Inputs,
    program: Program,
    environment: ProgramEnvironment,
    name: string,
    fixed: Fixed = NOTHING_FIXED,
  ) {
    this.manager = manager;
    this.inputs = inputs;
    this.#name = name;
    this.tables = new TableChoice(manager);
    this.add(program, environment);
    this.everything = whereFixed(manager, fixed);
    this.context = contextBytes(manager, program.byteOrder === 'little', fixed);
  }

  get littleEndian(): boolean {
    return this.programs[0]!.program.byteOrder === 'little';
  }

  /** Index of a program among those running, entered if it is new. */
  add(program: Program, environment: ProgramEnvironment): number {
    let index = this.#running.get(program);
    if (index === undefined) {
      index = this.programs.length;
      this.#running.set(program, index);
      this.programs.push({ program, environment, flow: analyseFlow(program) });
    }
    return index;
  }

  /** A value of which nothing is known but that it has `width` bits (64 at most). Never the same twice. */
  fresh(reason: string, width = 64): BitVector {
    return this.inputs.word(`${this.#name}:${String(this.#freshInputs++)}`, reason, width);
  }

  freshBit(reason: string): Ref {
    return this.fresh(reason, 1)[0]!;
  }

  /** The retval at entry: 32 bits. */
  retvalAtEntry(): BitVector {
    return this.inputs.word(RETVAL_INPUT, 'depends:retval').slice(0, 32);
  }

  /** Whether an unidentified helper might be bpf_set_retval: since Linux 5.18, or on a kernel that is not known. */
  get mayHaveSetRetval(): boolean {
    return hasSetRetval(this.programs[0]!.environment.kernelRelease);
  }

  map(id: number): MapContents | null {
    for (const { environment } of this.programs) {
      const contents = environment.maps.get(id);
      if (contents !== undefined) return contents;
    }
    return null;
  }

  /** Layout of a map's values, or null where it has none or is not known. */
  image(id: number): MapImage | null {
    let image = this.#images.get(id);
    if (image === undefined) {
      const contents = this.map(id);
      image = contents === null ? null : layOut(contents, this.littleEndian);
      this.#images.set(id, image);
    }
    return image;
  }

  /** Offset, in a map's values, of room for one that the program puts there. */
  newElement(mapId: number): number {
    const image = this.image(mapId);
    const number = this.#newElements.get(mapId) ?? image?.keys?.length ?? 0;
    this.#newElements.set(mapId, number + 1);
    return number * (image?.stride ?? 0);
  }

  /** What a slot holds before the program writes to it. */
  initialSlot(region: Region, slot: number): Slot {
    if (region.kind !== 'values') return unknownSlot(UNINITIALISED);
    return this.image(region.id)?.slot(slot) ?? unknownSlot(`depends:map:${String(region.id)}`);
  }

  /** Records that the program ends with `r0` where `path` holds. */
  finish(path: Ref, nonZero: Ref, retval: BitVector | null): void {
    const m = this.manager;
    this.returned = m.or(this.returned, m.and(path, nonZero));
    if (retval !== null || this.retval !== null) {
      const before = this.retval ?? this.retvalAtEntry();
      this.retval = select(m, path, retval ?? this.retvalAtEntry(), before);
    }
    this.finished = m.or(this.finished, path);
  }

  /** Ends the run where `condition` holds with an unknown result: something comes next that is not modelled. */
  giveUp(state: MachineState, condition: Ref, reason: string): void {
    const region = this.manager.and(state.path, condition);
    if (region === FALSE) return;
    state.path = this.manager.difference(state.path, region);
    this.abandon(region, reason, state.retval);
  }

  abandon(region: Ref, reason: string, retval: BitVector | null): void {
    const unknownRetval = this.mayHaveSetRetval ? this.fresh(reason, 32).slice(0, 32) : retval;
    this.finish(region, this.freshBit(reason), unknownRetval);
    this.observer?.abandon(region, reason);
  }

  /** Ends the run for all requests with an unknown result; what was finished before is forgotten. */
  abandonAll(reason: string): void {
    [this.finished, this.returned, this.retval] = [FALSE, FALSE, null];
    this.abandon(this.everything, reason, null);
  }
}

/** struct bpf_cgroup_dev_ctx: access_type (access << 16 | type), major, minor; type 1 is block, 2 is character (include/uapi/linux/bpf.h). */
function contextBytes(m: BddManager, littleEndian: boolean, fixed: Fixed): BitVector {
  const bits = (count: number, variable: (bit: number) => number): BitVector =>
    Array.from({ length: count }, (_, bit) => {
      const value = fixed.get(variable(bit));
      return value === undefined ? m.variable(variable(bit)) : value ? TRUE : FALSE;
    });
  const character = m.variable(TYPE_VARIABLE);
  const accessType = [
    ...zeroExtend([character ^ 1, character], 16),
    ...zeroExtend(bits(ACCESS_BITS, accessVariable), 16),
  ];
  const words = [
    accessType,
    zeroExtend(bits(MAJOR_BITS, majorVariable), 32),
    zeroExtend(bits(MINOR_BITS, minorVariable), 32),
  ];
  return words.flatMap((word) => (littleEndian ? word : byteSwap(word, 32)));
}

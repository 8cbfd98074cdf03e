import type { ControlFlowGraph } from '../ebpf/control-flow-graph.js';
import type { Program } from '../ebpf/types.js';
import type { PolicyPartition } from '../intent/types.js';
import type { DeviceSet } from '../policy/device-set.js';
import type { ProgramView } from './programs.js';

/** What becomes of the requests that come to a part of a program. `both`: of some this, of some that. `never`: the kernel asks about none of them. */
export type FlowVerdict = 'allow' | 'deny' | 'both' | 'undecided' | 'never';

/** One or more blocks, with the requests that come to the first of them by the verdict they end in. */
export interface FlowBox {
  readonly id: number;
  /** Index into `ProgramFlow.functions`. */
  readonly fn: number;
  /** Blocks of the function's program, ascending. */
  readonly blocks: readonly number[];
  readonly verdict: FlowVerdict;
  readonly comes: PolicyPartition;
  /** Of a box of several blocks: those that go on to none after it. */
  readonly stops: PolicyPartition | null;
}

/** `main`: where the kernel enters. `callback`: handed to a helper. `program`: another program, reached by a tail call. */
export interface FlowFunction {
  readonly kind: 'main' | 'subprogram' | 'callback' | 'program';
  readonly program: Program;
  readonly graph: ControlFlowGraph;
  /** Slot of its first instruction, as bpftool numbers. */
  readonly entry: number;
  readonly callNames: ReadonlyMap<number, string>;
  /** Boxes stand for several blocks. */
  readonly condensed: boolean;
}

/** The control flow of one program and what it decides where. */
export interface ProgramFlow {
  readonly view: ProgramView;
  readonly functions: readonly FlowFunction[];
  readonly boxes: readonly FlowBox[];
  readonly edges: readonly FlowEdge[];
  /** Requests whose way could not be followed to its end, and why. */
  readonly abandoned: readonly { region: DeviceSet; reason: string }[];
}

/** `problem`: no picture can be made, and why. */
export type FlowResult = ProgramFlow | { readonly view: ProgramView; readonly problem: string };

/**
 * A way from one box to another. `on`: to what follows; `taken`: a conditional jump that is made; `otherwise`: one that is not; `call`: a function is
 * called, `callback`: handed to a helper that may call it; `tail-call`: another program may take over.
 */
export interface FlowEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: 'on' | 'taken' | 'otherwise' | 'call' | 'callback' | 'tail-call';
}

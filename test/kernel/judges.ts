/** The two of ours that the kernel referees, behind one face: the concrete interpreter and the symbolic evaluator. */
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import type { Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';

export interface Judge {
  name: string;
  /** "allow", "deny" or "undecided: REASON". */
  prepare(program: Program, environment: ProgramEnvironment): (request: DeviceRequest) => string;
}

export const interpreter: Judge = {
  name: 'interpreter',
  prepare: (program, environment) => (request) => {
    const result = interpret(program, environment, request);
    if (result.outcome === 'undecided') return `undecided: ${result.reason}`;
    return result.r0 === 1n ? 'allow' : 'deny';
  },
};

/** The two of ours that the kernel referees, behind one face: the concrete interpreter and the symbolic evaluator. */
import { BddManager } from '../../src/bdd/manager.js';
import { interpret } from '../../src/ebpf/interpreter/interpret.js';
import type { Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import type { EvaluationLimits } from '../../src/symbolic/limits.js';

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

/** With its own limits, or with smaller ones, where many programs have to be gone through in little time. */
export const evaluator: (limits?: Partial<EvaluationLimits>) => Judge = (limits = {}) => ({
  name: 'evaluator',
  prepare: (program, environment) => {
    const manager = new BddManager();
    const space = new DeviceSpace(manager);
    const result = new Evaluator(manager, limits).evaluate(program, environment);
    const allowed = space.fromRef(result.allowed);
    const denied = space.fromRef(result.denied);
    const undecided = result.undecided.map(({ region, reason }) => ({ region: space.fromRef(region), reason }));
    return (request) => {
      const answers = [
        ...(allowed.contains(request) ? ['allow'] : []),
        ...(denied.contains(request) ? ['deny'] : []),
        ...undecided.filter(({ region }) => region.contains(request)).map(({ reason }) => `undecided: ${reason}`),
      ];
      // The parts exclude each other and cover the space: anything but one answer is a disagreement with every referee.
      return answers.length === 1 ? (answers[0] ?? '') : `${String(answers.length)} answers: ${answers.join(', ')}`;
    };
  },
});

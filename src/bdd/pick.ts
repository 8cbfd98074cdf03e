import type { Ref } from './types.js';
import type { BddManager } from './manager.js';

const FALSE: Ref = 1;

/** A variable and the value wanted for it. */
export type Literal = readonly [variable: number, value: boolean];

export function pickAssignment(
  manager: BddManager,
  f: Ref,
  preferences: readonly Literal[],
): Map<number, boolean> | null {
  if (f === FALSE) return null;
  const assignment = new Map<number, boolean>();
  let rest = f;
  for (const [variable, wanted] of preferences) {
    if (assignment.has(variable)) continue;
    const preferred = manager.cofactor(rest, variable, wanted);
    const value = preferred === FALSE ? !wanted : wanted;
    rest = preferred === FALSE ? manager.cofactor(rest, variable, value) : preferred;
    assignment.set(variable, value);
  }
  while (rest > FALSE) {
    const low = manager.low(rest);
    const value = low === FALSE;
    assignment.set(manager.level(rest), value);
    rest = value ? manager.high(rest) : low;
  }
  return assignment;
}

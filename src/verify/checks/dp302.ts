import { leakCause } from '../causes/leak.js';
import type { Evidence } from '../types.js';
import type { ProgramView } from '../programs.js';
import type { Check, CheckInput } from './check.js';
import { evidenceOf } from './pending-events.js';

/** A runtime and systemd leave one program each; a third tool one more. */
const MOST_EXPECTED = 3;

/** The same program several times on one cgroup, or more of them than anybody needs. */
export const DP302: Check = { code: 'DP302', severity: 'warning', run };

function run(input: CheckInput): Evidence[] {
  const byCgroup = grouped(input.analysis.programs, (each) => each.attachedAt);
  return [...byCgroup].flatMap(([cgroup, there]): Evidence[] => {
    const repeated = there.length > MOST_EXPECTED ? there : sameBytes(there);
    if (repeated.length === 0) return [];
    return [
      {
        rules: [],
        witness: null,
        programs: repeated.map(({ id }) => id),
        ...(cgroup === null ? {} : { cgroup }),
        ...evidenceOf(leakCause(input, repeated)),
      },
    ];
  });
}

function sameBytes(programs: readonly ProgramView[]): ProgramView[] {
  const byBytes = grouped(programs, (each) => each.record?.xlated ?? '');
  return [...byBytes].filter(([bytes, same]) => bytes !== '' && same.length > 1).flatMap(([, same]) => same);
}

function grouped<K>(programs: readonly ProgramView[], key: (program: ProgramView) => K): Map<K, ProgramView[]> {
  const groups = new Map<K, ProgramView[]>();
  for (const program of programs) {
    const group = groups.get(key(program));
    if (group === undefined) groups.set(key(program), [program]);
    else group.push(program);
  }
  return groups;
}

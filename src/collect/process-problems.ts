import type { ContainerRecord, ProblemRecord } from '../snapshot/types.js';
import type { Proc } from './proc.js';

/**
 * Files of processes that could not be read: a problem of the container whose first process it is, else of the host, where each kind of file is named once.
 */
export function processProblems(proc: Proc, containers: readonly ContainerRecord[]): ProblemRecord[] {
  const owners = new Map(containers.flatMap(({ pid, key }) => (pid === null ? [] : [[String(pid), key] as const])));
  const problems: ProblemRecord[] = [];
  const others = new Map<string, { file: string; code: string | null; count: number }>();
  for (const [path, { failed, code }] of proc.failures) {
    const slash = path.indexOf('/');
    const [pid, file] = [path.slice(0, slash), path.slice(slash + 1).replace(/^task\/\d+/, 'task')];
    const owner = owners.get(pid);
    if (owner !== undefined)
      problems.push({ subject: owner, message: `its process could not be read: ${failed}`, code });
    else {
      const known = others.get(`${file} ${code ?? ''}`) ?? { file, code, count: 0 };
      others.set(`${file} ${code ?? ''}`, { ...known, count: known.count + 1 });
    }
  }
  for (const { file, code, count } of others.values()) {
    const whose = count === 1 ? 'of a process' : `of ${String(count)} processes`;
    problems.push({ subject: 'host', message: `/proc/PID/${file} ${whose} could not be read`, code });
  }
  if (proc.hidesProcesses) {
    const message = 'procfs shows no processes of others (hidepid=): running containers look stopped';
    problems.push({ subject: 'host', message, code: null });
  }
  return problems;
}

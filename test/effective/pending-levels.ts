import { BddManager } from '../../src/bdd/manager.js';
import { decode } from '../../src/ebpf/decode.js';
import type { ProgramEnvironment } from '../../src/ebpf/types.js';
import type { PendingLevel, PendingProgram } from '../../src/effective/pending-types.js';
import { DeviceSpace } from '../../src/policy/device-set.js';
import type { ProgramRecord, Snapshot } from '../../src/snapshot/types.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';

export interface Run {
  readonly space: DeviceSpace;
  readonly evaluator: Evaluator;
}

export function run(): Run {
  const manager = new BddManager();
  return { space: new DeviceSpace(manager), evaluator: new Evaluator(manager) };
}

const BARE: ProgramEnvironment = {
  maps: new Map(),
  helpers: new Map(),
  programs: new Map(),
  kernelRelease: null,
  freplaced: 'no',
};

/** The levels of a cgroup, leaf first, each with its programs evaluated: as small as tests of what systemd does need it. */
export function levelsOf({ space, evaluator }: Run, snapshot: Snapshot, cgroup: string): PendingLevel[] {
  const paths =
    cgroup === '/'
      ? ['/']
      : [...cgroup.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/') || '/')].reverse();
  const byId = new Map(snapshot.programs.map((program) => [program.id, program]));
  const evaluated = (record: ProgramRecord): PendingProgram => {
    const bytes = Uint8Array.from(Buffer.from(record.xlated ?? '', 'base64'));
    const result = evaluator.evaluate(decode(bytes, snapshot.host.byteOrder), BARE);
    return {
      id: record.id,
      name: record.name,
      outcome: result.outcome,
      allowed: result.undecided.length > 0 ? null : space.fromRef(result.allowed),
      preorder: false,
    };
  };
  return paths.map((path) => {
    const record = snapshot.cgroups.find((each) => each.path === path);
    if (record === undefined || 'failed' in record.attached)
      return { cgroup: path, flags: 0, programs: record === undefined ? [] : null };
    const programs = record.attached.programIds.flatMap((id) => {
      const program = byId.get(id);
      return program === undefined ? [] : [evaluated(program)];
    });
    return { cgroup: path, flags: record.attached.attachFlags, programs };
  });
}

import { dirname, join } from 'node:path';
import { InputError } from '../errors.js';
import { plainObject, property } from '../snapshot/decode.js';
import type { ContainerRecord, Snapshot, SourceRecord } from '../snapshot/types.js';
import { engineOf, kubernetesOf } from './containers/identity.js';
import { emptySnapshot } from './empty.js';
import { LIMITS, fileFailure, isMissing, readRegularFile } from './files.js';
import { parseCrunStatus } from './formats/crun-status.js';
import { parseJson } from './formats/json.js';
import { parseOciConfig } from './formats/oci-config.js';
import { parseRuncState } from './formats/runc-state.js';
import { machineByteOrder } from './program-file.js';

/**
 * The state file of a runtime as a snapshot with one container of which only the intent is known: runc's state.json, or crun's status with the config.json
 * that lies beside it.
 * @throws InputError if it cannot be read or is no such file
 */
export function readStateFile(path: string): Snapshot {
  return fromFile(path, (text) => {
    const document = plainObject(parseJson(text), '');
    if (property(document, 'config') !== undefined) {
      const state = parseRuncState(text, path);
      return { id: state.id, runtime: 'runc', sources: [state] };
    }
    if (property(document, 'cgroup-path') !== undefined) {
      const status = parseCrunStatus(text, path);
      return {
        id: dirname(path).split('/').at(-1) ?? null,
        runtime: 'crun',
        sources: [...configBeside(path, status.bundle), status],
      };
    }
    throw new InputError('neither a state.json of runc nor a status file of crun');
  });
}

/**
 * An OCI config.json as a snapshot with one container of which only the intent is known.
 * @throws InputError if it cannot be read or is no such file
 */
export function readConfigFile(path: string): Snapshot {
  return fromFile(path, (text) => ({ id: null, runtime: null, sources: [parseOciConfig(text, path)] }));
}

interface Described {
  id: string | null;
  runtime: string | null;
  sources: SourceRecord[];
}

function fromFile(path: string, parser: (text: string) => Described): Snapshot {
  let described: Described;
  try {
    described = parser(readRegularFile(path, LIMITS.json).toString('utf8'));
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${path}: ${error.message}`, error.hint);
    throw new InputError(`${path}: ${isMissing(error) ? 'no such file' : fileFailure(error).failed}`);
  }
  const container = containerOf(path, described);
  return { ...emptySnapshot(machineByteOrder()), subject: container.key, containers: [container] };
}

function containerOf(path: string, { id, runtime, sources }: Described): ContainerRecord {
  const config = sources.find((source) => source.kind === 'oci-config') ?? null;
  const known = engineOf(config);
  const engine = known.engine ?? runtime ?? 'oci';
  const name = known.name ?? id ?? path;
  return {
    key: `${engine}:${name}`,
    engine,
    runtime,
    runtimeVersion: null,
    id: id ?? path,
    names: [name],
    namespace: null,
    kubernetes: kubernetesOf(config?.annotations ?? {}),
    state: 'unknown',
    pid: null,
    cgroup: null,
    otherThreadCgroups: [],
    nestedIn: null,
    unit: null,
    userNamespace: config?.userNamespace ?? null,
    startedAt: null,
    sources,
    nodes: [],
    confinement: null,
  };
}

/** crun keeps a copy of the configuration it read beside its status; a file that was copied away may only have its bundle left. */
function configBeside(path: string, bundle: string | null): SourceRecord[] {
  const candidates = [join(dirname(path), 'config.json'), ...(bundle === null ? [] : [join(bundle, 'config.json')])];
  for (const candidate of candidates) {
    try {
      return [parseOciConfig(readRegularFile(candidate, LIMITS.json).toString('utf8'), candidate)];
    } catch (error) {
      if (error instanceof InputError)
        return [{ kind: 'unreadable', expected: 'oci-config', path: candidate, failed: error.message, code: null }];
      if (isMissing(error)) continue;
      return [{ kind: 'unreadable', expected: 'oci-config', path: candidate, ...fileFailure(error) }];
    }
  }
  return [];
}

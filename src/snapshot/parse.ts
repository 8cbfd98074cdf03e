import { InputError } from '../errors.js';
import type { Decoder } from './decode.js';
import { array, fallback, integer, literal, nullable, object, plainObject, property, string } from './decode.js';
import {
  cgroupRecord,
  containerRecord,
  hostRecord,
  mapRecord,
  nestedHostRecord,
  nodeRecord,
  problemRecord,
  programRecord,
  unitRecord,
} from './records.js';
import type { Snapshot } from './types.js';
import { SNAPSHOT_SCHEMA, SNAPSHOT_VERSION } from './types.js';

/** Text longer than this is not even parsed: 512 MiB, about fifty thousand containers. */
export const MAX_SNAPSHOT_LENGTH: number = 512 << 20;

const schemaVersion: Decoder<[number, number]> = (value, path) => {
  const [major, minor] = array(integer(0, 1000), 2)(value, path);
  if (major === undefined || minor === undefined) throw new InputError(`${path}: expected [major, minor]`);
  return [major, minor];
};

const snapshot = object<Snapshot>({
  schema: literal(SNAPSHOT_SCHEMA),
  schemaVersion,
  tool: object({ name: literal('devpolicy'), version: string() }),
  collectedAt: nullable(string()),
  bootTimeNs: nullable(integer(0)),
  scope: literal('host', 'targets'),
  subject: nullable(string()),
  host: hostRecord,
  cgroups: array(cgroupRecord),
  programs: array(programRecord),
  maps: array(mapRecord),
  containers: array(containerRecord),
  units: array(unitRecord),
  nodes: array(nodeRecord),
  nestedHosts: fallback(array(nestedHostRecord), () => []),
  vanished: fallback(integer(0), () => 0),
  problems: array(problemRecord),
});

/**
 * Reads a snapshot that was saved as JSON.
 *
 * Every field is checked; nothing that types.ts does not name is kept. Any minor version of the same major one is read: fields it does
 * not have yet are null or empty, fields of a later one are left out.
 * @param text the whole file
 * @param name what to call it in messages
 * @throws InputError with the place of the first mistake, or if the file is of a newer major version
 */
export function parseSnapshot(text: string, name = 'snapshot'): Snapshot {
  if (text.length > MAX_SNAPSHOT_LENGTH)
    throw new InputError(`${name}: larger than ${String(MAX_SNAPSHOT_LENGTH >> 20)} MiB`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new InputError(`${name}: not valid JSON`);
  }
  return decodeSnapshot(document, name);
}

/** As `parseSnapshot`, for a document that is parsed already. */
export function decodeSnapshot(document: unknown, name = 'snapshot'): Snapshot {
  try {
    checkVersion(document);
    const result = snapshot(document, '');
    rejectDuplicates(result);
    return result;
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${name}: ${error.message}`, error.hint);
    throw error;
  }
}

/** Before anything else, so that a newer file is called newer and not malformed. */
function checkVersion(document: unknown): void {
  const top = plainObject(document, '');
  if (property(top, 'schema') !== SNAPSHOT_SCHEMA)
    throw new InputError(`not a snapshot (no "schema": "${SNAPSHOT_SCHEMA}")`);
  const [major] = schemaVersion(property(top, 'schemaVersion'), 'schemaVersion');
  const [supported] = SNAPSHOT_VERSION;
  if (major > supported) {
    const message = `snapshot format ${String(major)} is newer than this devpolicy reads (${String(supported)})`;
    throw new InputError(message, 'update devpolicy');
  }
}

/** Lookups by id, key and path must have one answer. */
function rejectDuplicates(value: Snapshot): void {
  const once = (list: string, keys: (string | number)[]): void => {
    const seen = new Set<string | number>();
    for (const [index, key] of keys.entries()) {
      if (seen.has(key)) throw new InputError(`${list}[${String(index)}]: occurs twice`);
      seen.add(key);
    }
  };
  once(
    'cgroups',
    value.cgroups.map((cgroup) => cgroup.path),
  );
  once(
    'programs',
    value.programs.map((program) => program.id),
  );
  once(
    'maps',
    value.maps.map((map) => map.id),
  );
  once(
    'containers',
    value.containers.map((container) => container.key),
  );
}

import { InputError } from '../../errors.js';
import type { Decoder } from '../../snapshot/decode.js';
import { array, boolean, integer, nullable, plainObject, property, record, string } from '../../snapshot/decode.js';
import { parseJson } from '../formats/json.js';
import type { CapturedFolder } from './folder.js';

/** case.json: what a captured folder says of itself. All of it is optional. */
export interface CapturedCase {
  emitter: string | null;
  /** The cgroup as the captured host named it. */
  cgroup: string | null;
  /** The same as a path in the file system of the machine that captured it; longer at the front if the host was a lab in a cgroup of its own. */
  cgroupOnHost: string | null;
  time: string | null;
  containerId: string | null;
  engine: string | null;
  /** "crun 1.8.1". */
  ociRuntime: string | null;
  /** A runc that is not the packaged one: "1.1.4 built from the release tag ...". */
  runc: string | null;
  command: string[];
  /** Package name to version. */
  versions: Record<string, string>;
  devCharLinks: boolean | null;
  kernel: string | null;
  machine: string | null;
  byteOrder: 'little' | 'big' | null;
  statePath: string | null;
  bundlePath: string | null;
  programs: { n: number; id: number | null; attachedAt: string | null; flags: string }[] | null;
}

const text = nullable(string(65_536));
const texts = nullable(array(string(65_536), 10_000));

/** Reads case.json. A field of a wrong kind is noted as a problem and counts as missing; the others are kept. */
export function readCase(folder: CapturedFolder): CapturedCase {
  const document = folder.parse('case.json', (content) => plainObject(parseJson(content), '')) ?? {};
  const field = <T>(key: string, decoder: Decoder<T>): T | null => {
    try {
      return nullable(decoder)(property(document, key), key);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      folder.note('case.json', error.message);
      return null;
    }
  };
  return {
    emitter: field('emitter', text),
    cgroup: absolute(field('cgroup', text)),
    cgroupOnHost: absolute(field('cgroup_on_host', text)),
    time: field('time', text),
    containerId: field('container_id', text),
    engine: field('engine', text),
    ociRuntime: field('oci_runtime', text),
    runc: field('runc', text),
    command: field('command', words) ?? [],
    versions: field('versions', record(string(4096))) ?? {},
    devCharLinks: field('dev_char_links', boolean),
    kernel: field('kernel', text),
    machine: field('machine', text),
    byteOrder: byteOrderOf(field('byte_order', text)),
    statePath: field('state_paths', texts)?.[0] ?? null,
    bundlePath: field('bundle', texts)?.[0] ?? null,
    programs: field('programs', array(program, 100_000)),
  };
}

/** A command as a list of words or as one line. */
const words: Decoder<string[]> = (value, path) =>
  typeof value === 'string' ? value.split(/\s+/) : array(string(65_536), 10_000)(value, path);

const program: Decoder<NonNullable<CapturedCase['programs']>[number]> = (value, path) => {
  const source = plainObject(value, path);
  return {
    n: integer(0)(property(source, 'n'), `${path}.n`),
    id: nullable(integer(0))(property(source, 'id'), `${path}.id`),
    attachedAt: absolute(text(property(source, 'attached_at'), `${path}.attached_at`)),
    flags: text(property(source, 'flags'), `${path}.flags`) ?? '',
  };
};

/** Without a slash at the end; null if it does not begin with one. */
export function absolute(path: string | null): string | null {
  if (path?.startsWith('/') !== true) return null;
  return path.length > 1 ? path.replace(/\/+$/, '') || '/' : path;
}

function byteOrderOf(word: string | null): 'little' | 'big' | null {
  return word === 'little' || word === 'big' ? word : null;
}

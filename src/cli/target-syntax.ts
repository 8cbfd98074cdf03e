import { InputError } from '../errors.js';

/** A target as it was typed, before anything is looked up. */
export type TargetSyntax =
  /** A container's name, id or unique prefix of one; `engine` where one was given ("docker:web"). */
  | { kind: 'name'; name: string; engine: string | null }
  | { kind: 'pod'; namespace: string; pod: string; container: string }
  | { kind: 'unit'; name: string }
  | { kind: 'pid'; pid: number }
  | { kind: 'cgroup'; path: string }
  | { kind: 'state' | 'config' | 'program'; file: string }
  /** `file.json#target`, or a path; an empty target means the only subject in it. */
  | { kind: 'snapshot'; file: string; target: TargetSyntax | null; text: string };

/** No name of anything begins like this. */
const RELATIVE_PATH = /^\.{1,2}\//;
const UNIT_SUFFIX = /\.(service|scope|slice|socket|mount|swap)$/;

/**
 * @param isFile whether a path from the root (`/srv/case`) is a saved host; where it is none it is the name of a cgroup that has no other
 * @throws InputError when the text can be no target.
 */
export function parseTarget(text: string, isFile: (path: string) => boolean = () => true): TargetSyntax {
  if (text === '') throw new InputError('the target is empty', TARGET_HINT);
  if (text.length > 8192) throw new InputError('the target is longer than 8192 characters');
  const colon = text.indexOf(':');
  const prefix = colon < 0 ? '' : text.slice(0, colon);
  const rest = text.slice(colon + 1);
  switch (prefix) {
    case 'pid':
      return { kind: 'pid', pid: parsePid(rest) };
    case 'cgroup':
      return { kind: 'cgroup', path: parseCgroupPath(rest) };
    case 'state':
    case 'config':
    case 'program':
      if (rest === '') throw new InputError(`${prefix}: needs a file name`, `for example ${prefix}:./file`);
      return { kind: prefix, file: rest };
    default:
      return parseSnapshotTarget(text, isFile) ?? parseNamed(text, prefix, rest);
  }
}

/** `file.json#target`, and `file.json` or a path (`./case`, `/srv/case`) alone. A file name may hold '#' itself, so ".json#" is looked for first, then the first '#'. */
function parseSnapshotTarget(text: string, isFile: (path: string) => boolean): TargetSyntax | null {
  if (text.endsWith('.json')) return { kind: 'snapshot', file: text, target: null, text: '' };
  const json = text.indexOf('.json#');
  const hash = json >= 0 ? json + '.json'.length : text.indexOf('#');
  if (hash <= 0) {
    const isPath = text.startsWith('/') ? isFile(text) : RELATIVE_PATH.test(text);
    return isPath ? { kind: 'snapshot', file: text, target: null, text: '' } : null;
  }
  const target = text.slice(hash + 1);
  return {
    kind: 'snapshot',
    file: text.slice(0, hash),
    target: target === '' ? null : parseTarget(target, () => false),
    text: target,
  };
}

/** Whether a target brings its own host along. */
export function isFileTarget({ kind }: TargetSyntax): boolean {
  return kind === 'state' || kind === 'config' || kind === 'program' || kind === 'snapshot';
}

function parseNamed(text: string, prefix: string, rest: string): TargetSyntax {
  if (prefix !== '') {
    if (rest === '') throw new InputError(`no container name after "${prefix}:"`, TARGET_HINT);
    return { kind: 'name', name: rest, engine: prefix };
  }
  const parts = text.split('/');
  if (parts.length === 3 && parts.every((part) => part !== '')) {
    const [namespace = '', pod = '', container = ''] = parts;
    return { kind: 'pod', namespace, pod, container };
  }
  if (UNIT_SUFFIX.test(text)) return { kind: 'unit', name: text };
  return { kind: 'name', name: text, engine: null };
}

function parsePid(text: string): number {
  if (!/^[1-9][0-9]{0,9}$/.test(text)) throw new InputError(`"${text}" is no process id`, 'for example pid:1234');
  return Number(text);
}

function parseCgroupPath(text: string): string {
  if (!text.startsWith('/'))
    throw new InputError(
      `"${text}" is no cgroup path`,
      'paths are relative to the cgroup v2 root: cgroup:/system.slice/x.service',
    );
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new InputError('a cgroup path has no ".."');
  return `/${parts.join('/')}`;
}

export const TARGET_HINT: string =
  'targets: a container name or id, docker:NAME, ns/pod/container, x.service, x.scope, pid:N, cgroup:/path,\n' +
  'state:FILE, config:FILE, program:FILE, snapshot.json#NAME; `devpolicy list` shows what there is';

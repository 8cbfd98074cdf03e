import { InputError } from '../../errors.js';
import type { NodeRecord } from '../../snapshot/types.js';

/** Device nodes and links as `ls -l` printed them. */
export interface DevListing {
  nodes: NodeRecord[];
  links: { path: string; target: string }[];
}

/** "crw-rw-rw- 1 root root 1, 3 <date> NAME": the name begins behind the time, whatever its format. */
const NODE = /^([bc])[rwxsStT-]{9}\S*\s+\d+\s+\S+\s+\S+\s+(\d+),\s*(\d+)\s+(.+)$/;
const LINK = /^l[rwxsStT-]{9}\S*\s+\d+\s+\S+\s+\S+\s+\d+\s+(.+) -> (.+)$/;

/**
 * Reads `ls -l /dev/...` with whole paths, or `ls -lR /dev` with bare names under headings. Links to nodes of the listing become nodes, as stat(2)
 * sees them.
 * @throws InputError for text in which no line is one of `ls -l`
 */
export function parseDevListing(content: string): DevListing {
  const nodes: NodeRecord[] = [];
  const links: DevListing['links'] = [];
  let directory = '/dev';
  for (const line of content.split('\n')) {
    const heading = /^(\/.*):$/.exec(line);
    if (heading !== null) {
      directory = heading[1] ?? directory;
      continue;
    }
    const node = NODE.exec(line);
    if (node !== null) {
      const [, type, major, minor, rest = ''] = node;
      nodes.push({
        path: nameIn(rest, directory),
        type: type === 'b' ? 'b' : 'c',
        major: Number(major),
        minor: Number(minor),
      });
      continue;
    }
    const link = LINK.exec(line);
    if (link !== null) links.push({ path: nameIn(link[1] ?? '', directory), target: link[2] ?? '' });
  }
  if (nodes.length + links.length === 0 && content.trim() !== '' && !/^(?:\/.*:|total \d+|ls: .*)$/m.test(content))
    throw new InputError('no line of `ls -l`');
  return { nodes: [...nodes, ...linkedNodes(nodes, links)], links };
}

/** Whole paths of the regular files that `ls -lR` printed under its headings. */
export function listedFiles(content: string): string[] {
  const files: string[] = [];
  let directory = '/';
  for (const line of content.split('\n')) {
    const heading = /^(\/.*):$/.exec(line);
    const file = /^-[rwxsStT-]{9}\S*\s+\d+\s+\S+\s+\S+\s+\d+\s+(.+)$/.exec(line);
    if (heading !== null) directory = heading[1] ?? directory;
    else if (file !== null) files.push(nameIn(file[1] ?? '', directory));
  }
  return files;
}

/** What is left is date, time and name: "Nov 22 03:00 /dev/null", "2026-11-22 03:00 null". A whole path begins at its first slash. */
function nameIn(rest: string, directory: string): string {
  const whole = /(?:^|\s)(\/.*)$/.exec(rest);
  if (whole !== null) return whole[1] ?? '';
  const dated = /^(?:\d{4}-\d\d-\d\d\s+\S+(?:\s+[+-]\d{4})?|[A-Za-z]{3}\s+\d+\s+\S+)\s+(.+)$/.exec(rest);
  return `${directory}/${dated?.[1] ?? rest.split(/\s+/).at(-1) ?? ''}`;
}

function linkedNodes(nodes: NodeRecord[], links: DevListing['links']): NodeRecord[] {
  const byPath = new Map(nodes.map((node) => [node.path, node]));
  return links.flatMap(({ path, target }) => {
    const node = byPath.get(normalise(target.startsWith('/') ? target : `${path}/../${target}`));
    return node === undefined || byPath.has(path) ? [] : [{ ...node, path }];
  });
}

function normalise(path: string): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}

/**
 * Names in Incus's devices directory, "unix.fuse.dev-fuse": the last part is the path in the container with "/" written "-" and "-" written "--".
 */
export function incusDevicePath(name: string): string | null {
  const encoded = /^(?:unix|infiniband\.unix)\.[^.]+\.(.+)$/.exec(name)?.[1];
  if (encoded === undefined) return null;
  return `/${encoded.replace(/--|-/g, (dash) => (dash === '--' ? '-' : '/'))}`;
}

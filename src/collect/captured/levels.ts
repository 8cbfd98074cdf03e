import { InputError } from '../../errors.js';
import { plainObject, property } from '../../snapshot/decode.js';
import type { AttachedQuery, CgroupRecord, ReadFailure } from '../../snapshot/types.js';
import type { ShownPrograms } from '../formats/bpftool.js';
import { attachFlagsOf, shownPrograms } from '../formats/bpftool.js';
import { parseJson } from '../formats/json.js';
import type { CapturedCase } from './case.js';
import { absolute } from './case.js';
import type { CapturedFolder } from './folder.js';

/** A program file of the folder with what it says of its attachment. */
export interface CapturedAttachment {
  n: number;
  id: number;
  /** As the folder has it. */
  attachedAt: string | null;
  flags: string;
}

const NOT_CAPTURED: ReadFailure = { failed: 'not captured', code: null };

/** What bpftool showed: per directory of the file system, and the effective list of the leaf. */
interface Shown {
  attached: Map<string, ShownPrograms | ReadFailure>;
  effective: ShownPrograms | ReadFailure;
}

/**
 * The cgroups of a captured folder, root first, in the names of the captured host: a lab's own cgroup at the front of the machine's paths is taken
 * off. (Unless something is attached above it: then the machine's names stay, so that no level is lost, and `prefix` says what units' paths lack.)
 */
export function readLevels(
  folder: CapturedFolder,
  facts: CapturedCase,
  attachments: CapturedAttachment[],
): { leaf: string | null; prefix: string; cgroups: CgroupRecord[] } {
  const shown = readShown(folder);
  const found = [...(shown?.attached.keys() ?? [])].sort((a, b) => a.length - b.length);
  const leafOnMachine = facts.cgroupOnHost ?? found.at(-1) ?? deepest(attachments);
  const named = facts.cgroup ?? (leafOnMachine === null ? null : withoutMount(leafOnMachine));
  if (named === null) return { leaf: null, prefix: '', cgroups: aloneProgram(attachments) };

  const root =
    leafOnMachine?.endsWith(named === '/' ? '' : named) === true
      ? leafOnMachine.slice(0, leafOnMachine.length - named.length)
      : '';
  const translate = translator(root, named);
  const above = [...(shown?.attached ?? [])].some(([path, list]) => translate(path) === null && !isEmpty(list));
  const prefix = above ? withoutMount(root || '/').replace(/\/$/, '') : '';
  const place = (path: string): string | null => (prefix === '' ? translate(path) : withoutMount(path));

  const attached = attachedByLevel(shown, attachments, place);
  const leaf = prefix + (named === '/' && prefix !== '' ? '' : named);
  const cgroups = ancestry(leaf).map((path): CgroupRecord => ({
    path,
    id: null,
    attached: attached.get(path) ?? NOT_CAPTURED,
    effective: NOT_CAPTURED,
  }));
  fillEffective(cgroups, shown?.effective ?? NOT_CAPTURED);
  return { leaf, prefix, cgroups };
}

function deepest(attachments: CapturedAttachment[]): string | null {
  const paths = attachments.flatMap(({ attachedAt }) => absolute(attachedAt) ?? []);
  return paths.sort((a, b) => a.length - b.length).at(-1) ?? null;
}

/** One program of which nothing says where it was attached is looked at by itself, as if at the root. Of several, the order would be a guess. */
function aloneProgram(attachments: CapturedAttachment[]): CgroupRecord[] {
  const [program] = attachments;
  if (program === undefined) return [];
  const alone = attachments.length === 1;
  return [
    {
      path: '/',
      id: null,
      attached: alone ? query([program.id], attachFlagsOf('multi')) : NOT_CAPTURED,
      effective: alone ? { programIds: [program.id] } : NOT_CAPTURED,
    },
  ];
}

function readShown(folder: CapturedFolder): Shown | null {
  const json = folder.parse('cgroup-show.json', (content) => {
    const document = plainObject(parseJson(content), '');
    const attached = Object.entries(plainObject(property(document, 'attached') ?? {}, 'attached'));
    return {
      attached: new Map(
        attached.map(([path, list]) => [path, shownPrograms(list, `attached[${JSON.stringify(path)}]`)]),
      ),
      effective:
        property(document, 'effective') === undefined
          ? NOT_CAPTURED
          : shownPrograms(property(document, 'effective'), 'effective'),
    };
  });
  return json ?? folder.parse('cgroup-show.txt', parseShowText);
}

/** "# bpftool cgroup show PATH [effective]", then a table: ID, AttachType, AttachFlags (not for effective), Name. */
function parseShowText(content: string): Shown {
  const attached: Shown['attached'] = new Map();
  let effective: Shown['effective'] = NOT_CAPTURED;
  let list: ShownPrograms | null = null;
  for (const line of content.split('\n')) {
    const command = /^# bpftool cgroup show (\/\S*)( effective)?\s*$/.exec(line);
    if (command !== null) {
      list = { programIds: [], attachFlags: 0 };
      if (command[2] === undefined) attached.set(command[1] ?? '/', list);
      else effective = list;
      continue;
    }
    const row = /^(\d+)\s+(?:cgroup_)?device\b\s*(\S*)/.exec(line);
    if (row === null || list === null) continue;
    list.programIds.push(Number(row[1]));
    list.attachFlags ||= attachFlagsOf(row[2] ?? '');
  }
  if (attached.size === 0) throw new InputError('no output of "bpftool cgroup show" with the command above it');
  return { attached, effective };
}

/** Without the mount point of cgroup v2: /sys/fs/cgroup/unified on hybrid hosts, /sys/fs/cgroup elsewhere. */
function withoutMount(path: string): string {
  return /^\/sys\/fs\/cgroup(?:\/unified)?(\/.*|$)/.exec(path)?.[1] || (path.startsWith('/sys/fs/cgroup') ? '/' : path);
}

/**
 * From the machine's names to the captured host's. `root` is where the captured host's "/" lies ("/sys/fs/cgroup/unified/lab"); paths may begin with all of
 * it or, where the mount point was left out, with its last parts ("/lab/system.slice"). null: above that root.
 */
function translator(root: string, leaf: string): (path: string) => string | null {
  const parts = root.split('/').filter((part) => part !== '');
  const prefixes = parts
    .map((_, index) => `/${parts.slice(index).join('/')}`)
    .filter((prefix) => !/^\/(sys|fs|cgroup|unified)$/.test(prefix));
  return (path) => {
    for (const prefix of prefixes) {
      if (path === prefix) return '/';
      if (path.startsWith(`${prefix}/`)) return path.slice(prefix.length);
    }
    if (prefixes.length === 0) return withoutMount(path);
    return path !== '/' && (leaf === path || leaf.startsWith(`${path}/`)) ? path : null;
  };
}

function isEmpty(list: ShownPrograms | ReadFailure): boolean {
  return !('failed' in list) && list.programIds.length === 0;
}

/** What is attached where, by bpftool's word, else by the program files' own. */
function attachedByLevel(
  shown: Shown | null,
  attachments: CapturedAttachment[],
  place: (path: string) => string | null,
): Map<string, AttachedQuery | ReadFailure> {
  const levels = new Map<string, AttachedQuery | ReadFailure>();
  for (const [machinePath, list] of shown?.attached ?? []) {
    const path = place(machinePath);
    if (path !== null) levels.set(path, 'failed' in list ? list : query(list.programIds, list.attachFlags));
  }
  for (const attachment of [...attachments].sort((a, b) => a.n - b.n)) {
    const path = attachment.attachedAt === null ? null : place(absolute(attachment.attachedAt) ?? '');
    if (path === null || (shown !== null && levels.has(path) && !contradicts(levels.get(path), attachment))) continue;
    const level = levels.get(path);
    if (level === undefined) levels.set(path, query([attachment.id], attachFlagsOf(attachment.flags)));
    else if (!('failed' in level) && shown === null) level.programIds.push(attachment.id);
    else
      levels.set(path, {
        failed: `cgroup-show and program ${String(attachment.id)} disagree on what is attached here`,
        code: null,
      });
  }
  return levels;
}

/** bpftool's list of the level lacks a program that says it is attached there. */
function contradicts(level: AttachedQuery | ReadFailure | undefined, attachment: CapturedAttachment): boolean {
  return level !== undefined && !('failed' in level) && !level.programIds.includes(attachment.id);
}

function query(programIds: number[], attachFlags: number): AttachedQuery {
  return { programIds: [...programIds], attachFlags, programAttachFlags: null, revision: null };
}

/** The cgroup and all above it, root first. */
export function ancestry(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return ['/', ...names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)];
}

/**
 * The effective list was captured for the leaf only. That of a level above is the same list without the programs attached further down, if every
 * program of that level and above is in it once (then no level hides another, see the kernel's compute_effective_progs).
 */
function fillEffective(cgroups: CgroupRecord[], shown: ShownPrograms | ReadFailure): void {
  const leaf = cgroups.at(-1);
  if (leaf === undefined) return;
  leaf.effective = 'failed' in shown ? shown : (lacking(leaf, shown.programIds) ?? { programIds: shown.programIds });
  if ('failed' in shown || new Set(shown.programIds).size !== shown.programIds.length) return;
  const attachedSoFar: number[] = [];
  for (const level of cgroups.slice(0, -1)) {
    if ('failed' in level.attached) return;
    attachedSoFar.push(...level.attached.programIds);
    const here = shown.programIds.filter((id) => attachedSoFar.includes(id));
    if (here.length === attachedSoFar.length) level.effective = { programIds: here };
  }
}

/** What is attached to the leaf itself always applies to it: an effective list without it was not captured together with the other. */
function lacking({ attached }: CgroupRecord, effective: number[]): ReadFailure | null {
  if ('failed' in attached) return null;
  const id = attached.programIds.find((each) => !effective.includes(each));
  if (id === undefined) return null;
  return { failed: `cgroup-show: program ${String(id)} is attached here and not in the effective list`, code: null };
}

import { existsSync, statSync } from 'node:fs';
import { InputError } from '../errors.js';
import { escapeText } from '../report/escape.js';
import type { Snapshot } from '../snapshot/types.js';
import type { Subject } from '../verify/subjects.js';
import type { CommandContext } from './context.js';
import { findSubject, onlySubject } from './targets.js';
import { isFileTarget, parseTarget, TARGET_HINT, type TargetSyntax } from './target-syntax.js';

/** The longest program the kernel takes is 8 MB; as JSON text it is several times that. */
const MOST_PROGRAM_BYTES = 64 * 1024 * 1024;

/** A target with the host it belongs to. */
export interface Opened {
  snapshot: Snapshot;
  subject: Subject;
  /** True for this host as it is now: its file system may be asked too. */
  live: boolean;
}

/** A target as typed, with what it says. */
interface Typed {
  text: string;
  target: TargetSyntax;
}

export interface OpenOptions {
  /** Ask systemd what it holds now (slower), for policies after a property change. Default true. */
  systemctl?: boolean;
}

/**
 * Finds what a target means: opens the file it names, else the snapshot of --snapshot, else this host.
 * @param text null where the target was left out: then the host must have only one subject
 * @throws InputError when it is missing, ambiguous or unreadable
 */
export async function openTarget(
  context: CommandContext,
  text: string | null,
  options: OpenOptions = {},
): Promise<Opened> {
  const { globals } = context;
  if (text === null) {
    if (globals.snapshot === undefined) throw new InputError('which target?', TARGET_HINT);
    return only(await openSnapshotFile(globals.snapshot));
  }
  const typed = await typedTarget(context, text);
  const file = await openFile(context, typed.target);
  if (file !== null) return file;
  const snapshot = await openHost(context, [typed], options);
  return { snapshot, subject: findIn(snapshot, typed), live: globals.snapshot === undefined };
}

/** Several targets of one host, which is read once. Without any: null, all of it. */
export async function openTargets(
  context: CommandContext,
  texts: readonly string[],
  options: OpenOptions = {},
): Promise<{ snapshot: Snapshot; subjects: Subject[] | null }> {
  const [first] = texts;
  if (first === undefined) return { snapshot: await openHost(context, [], options), subjects: null };
  if (texts.length === 1) {
    const opened = await openTarget(context, first, options);
    return { snapshot: opened.snapshot, subjects: [opened.subject] };
  }
  const targets = await Promise.all(texts.map((text) => typedTarget(context, text)));
  const fileTarget = targets.find(({ target }) => isFileTarget(target));
  if (fileTarget !== undefined) throw new InputError(`"${fileTarget.text}" can only be verified alone`);
  const snapshot = await openHost(context, targets, options);
  return { snapshot, subjects: targets.map((typed) => findIn(snapshot, typed)) };
}

/** The host of --snapshot, or this one. `targets` is what it is wanted for: less need be read. */
export async function openHost(
  context: CommandContext,
  targets: readonly Typed[],
  options: OpenOptions = {},
): Promise<Snapshot> {
  const { globals } = context;
  const onProgress = (step: string): void => {
    tell(context, `reading ${step}`);
  };
  if (globals.snapshot !== undefined) {
    onProgress(globals.snapshot);
    const saved = await openSnapshotFile(globals.snapshot);
    tell(context, 'analysing');
    return saved;
  }
  const { collectHost } = await import('./live.js');
  const snapshot = await collectHost(globals, { targets, systemctl: options.systemctl ?? true, onProgress });
  tell(context, 'analysing');
  return snapshot;
}

function tell({ io, globals }: CommandContext, text: string): void {
  if (globals.quiet !== true) io.progress(escapeText(text));
}

/** For `onSubject` of a verification: a hundred times in all. */
export function subjectProgress(context: CommandContext): (done: number, all: number) => void {
  return (done, all) => {
    if (done % Math.ceil(all / 100) === 0) tell(context, `analysing ${String(done + 1)} of ${String(all)}`);
  };
}

/** What a word of the command line says. In the host of --snapshot a path from the root can only be a cgroup's. */
export function readTarget({ globals }: CommandContext, text: string): TargetSyntax {
  return parseTarget(text, (path) => globals.snapshot === undefined && existsSync(path));
}

/** A process of this host stands for its cgroup; a saved host only knows the first processes of containers. */
async function typedTarget(context: CommandContext, text: string): Promise<Typed> {
  const { globals } = context;
  const target = readTarget(context, text);
  if (target.kind !== 'pid' || globals.snapshot !== undefined) return { text, target };
  const { pidToCgroup } = await import('./live.js');
  return { text, target: pidToCgroup(globals, target.pid) };
}

/** A whole saved host, where a word names one: a .json file or folder without "#target" that is about no single subject. */
export async function openWhole(context: CommandContext, text: string): Promise<Snapshot | null> {
  const target = readTarget(context, text);
  if (target.kind !== 'snapshot' || target.target !== null) return null;
  const snapshot = await openSnapshotFile(target.file);
  return snapshot.subject === null ? snapshot : null;
}

/** A saved snapshot, or a folder of captured files. @throws InputError if it is none */
export async function openSnapshotFile(path: string): Promise<Snapshot> {
  const { readSnapshotFile, snapshotFromDirectory } = await import('../collect/index.js');
  return isDirectory(path) ? snapshotFromDirectory(path) : readSnapshotFile(path);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Targets that bring their own host along; null for the others. */
async function openFile(context: CommandContext, target: TargetSyntax): Promise<Opened | null> {
  const collect = await import('../collect/index.js');
  switch (target.kind) {
    case 'state':
      return only(collect.readStateFile(target.file));
    case 'config':
      return only(collect.readConfigFile(target.file));
    case 'program':
      return openProgramBytes(context, collect.readInput(target.file, MOST_PROGRAM_BYTES), target.file);
    case 'snapshot': {
      const snapshot = await openSnapshotFile(target.file);
      if (target.target === null) return only(snapshot);
      if (isFileTarget(target.target)) throw new InputError('a target in a snapshot cannot be a file');
      return { snapshot, subject: findIn(snapshot, { text: target.text, target: target.target }), live: false };
    }
    default:
      return null;
  }
}

/**
 * A device program from a file or standard input, as a host with one cgroup.
 * @throws InputError when it is none, or decodes only in the other byte order
 */
export async function openProgramBytes({ globals }: CommandContext, bytes: Uint8Array, name: string): Promise<Opened> {
  const { snapshotOfProgram } = await import('../collect/index.js');
  const { checkDecodable } = await import('./decodable.js');
  const snapshot = snapshotOfProgram(bytes, name, { byteOrder: globals.byteOrder });
  checkDecodable(snapshot, name);
  return only(snapshot);
}

function only(snapshot: Snapshot): Opened {
  return { snapshot, subject: onlySubject(snapshot), live: false };
}

function findIn(snapshot: Snapshot, { text, target }: Typed): Subject {
  switch (target.kind) {
    case 'name':
    case 'pod':
    case 'unit':
    case 'pid':
    case 'cgroup':
      return findSubject(snapshot, target, text);
    default:
      throw new InputError(`"${text}" is a file, not a target of a host`);
  }
}

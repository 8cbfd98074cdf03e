import { setTimeout as sleep } from 'node:timers/promises';
import { MarkReader, sameMarks, type Marks } from '../../collect/index.js';
import { InputError } from '../../errors.js';
import { createRun, type Run } from '../../pipeline.js';
import { changeJson, changeText } from '../../report/watch.js';
import type { Snapshot } from '../../snapshot/types.js';
import { changesBetween, type HostState } from '../../verify/changes.js';
import { isIncomplete } from '../../verify/severity.js';
import type { CommandContext } from '../context.js';
import { EXIT_INCOMPLETE, EXIT_OK, type ExitStatus } from '../exit.js';
import { collectHost } from '../live.js';
import { REREAD_AFTER_MS, readUntilSame } from '../reread.js';

export interface WatchOptions {
  /** Cgroups that are no containers' too. */
  all?: boolean;
  /** Seconds, as typed. */
  interval: string;
}

/** What no mark shows (configurations, unit files, contents of maps) is looked at this many intervals after the last time. */
const INTERVALS_BETWEEN_FULL_LOOKS = 15;
/** A pause is at least this many times as long as the work before it: a tenth of one processor at most, however big the host. */
const PAUSE_PER_WORK = 10;
/** Diagrams are only ever added: after so many looks they are begun anew. */
const LOOKS_PER_RUN = 200;
/** How often a host whose programs keep changing is asked before it is taken as it is. */
const MOST_SETTLING_READS = 20;

/** One line per change until it is told to stop or nobody reads any more. Exit 3 if at the end something could not be read. */
export async function runWatch(context: CommandContext, options: WatchOptions): Promise<ExitStatus> {
  const { io, globals } = context;
  if (globals.snapshot !== undefined)
    throw new InputError(
      'watch looks at a live host, not at a snapshot',
      'two snapshots: devpolicy diff A.json B.json',
    );
  const interval = parseInterval(options.interval);
  const stop = io.interrupted();
  const watcher = new Watcher(context, options.all === true);
  await watcher.start();
  if (globals.quiet !== true) tellStart(context, watcher.state, interval);
  let lastLook = performance.now();
  let worked = 0;
  while (!(await isOver(context, stop, Math.max(interval * 1000, worked * PAUSE_PER_WORK)))) {
    const began = performance.now();
    const due = began - lastLook >= Math.max(interval * 1000, worked) * INTERVALS_BETWEEN_FULL_LOOKS;
    const looked = await watcher.next(due);
    worked = performance.now() - began;
    if (looked) lastLook = performance.now();
  }
  return isIncomplete(watcher.state.report) ? EXIT_INCOMPLETE : EXIT_OK;
}

/** Waits for the next look. True: the user ends it, or the reader has gone. */
async function isOver({ io }: CommandContext, stop: AbortSignal, milliseconds: number): Promise<boolean> {
  if (!stop.aborted) await sleep(milliseconds, undefined, { signal: stop }).catch(() => undefined);
  return stop.aborted || io.outClosed;
}

function parseInterval(text: string): number {
  const seconds = /^\d{1,5}(?:\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
  if (!(seconds >= 0.1 && seconds <= 86400))
    throw new InputError(`"${text}" is no interval`, 'seconds between 0.1 and 86400, for example --interval 5');
  return seconds;
}

/** The state that was told last, and how to get to the next one. */
class Watcher {
  readonly #context: CommandContext;
  readonly #all: boolean;
  readonly #reader: MarkReader;
  #marks: Marks = new Map();
  #run: Run | null = null;
  #looks = 0;
  #state: HostState | null = null;

  constructor(context: CommandContext, all: boolean) {
    this.#context = context;
    this.#all = all;
    this.#reader = new MarkReader(context.globals.hostRoot);
  }

  get state(): HostState {
    if (this.#state === null) throw new Error('not started');
    return this.#state;
  }

  async start(): Promise<void> {
    this.#marks = await this.#settled();
    this.#state = await this.#look();
  }

  /**
   * Tells what has changed. Without a new mark nothing is read but marks, unless a full look is due.
   * @returns whether it looked
   */
  async next(due: boolean): Promise<boolean> {
    if (!due && sameMarks(this.#marks, await this.#reader.read())) return false;
    this.#marks = await this.#settled();
    const after = await this.#look();
    const { io, globals, style } = this.#context;
    for (const change of changesBetween(this.state, after)) {
      await io.drained();
      if (globals.json === true) io.out(changeJson(change, after.snapshot));
      else io.out(changeText(change, after.snapshot, style, io.outIsTerminal ? io.columns : null));
    }
    this.#state = after;
    return true;
  }

  /** Marks that stayed for a moment: a container is put together in several steps, and systemd replaces programs in two. */
  async #settled(): Promise<Marks> {
    let marks = await this.#reader.read();
    for (let reads = 0; reads < MOST_SETTLING_READS; reads++) {
      await sleep(REREAD_AFTER_MS);
      const again = await this.#reader.read();
      const same = sameMarks(marks, again);
      marks = again;
      if (same) break;
    }
    return marks;
  }

  /** Findings that are new are read again before they are told. */
  async #look(): Promise<HostState> {
    this.#renew();
    const known = new Set(this.#state === null ? [] : findingsOf(this.#state));
    return readUntilSame(
      async () => this.#analyse(await collectHost(this.#context.globals, { targets: [], systemctl: true })),
      (state) =>
        findingsOf(state)
          .filter((finding) => !known.has(finding))
          .join('\n'),
    );
  }

  /** Programs that were evaluated for an earlier look are not evaluated again, and policies of both looks can be compared. */
  #analyse(snapshot: Snapshot): HostState {
    const run = this.#run === null ? createRun(snapshot) : this.#run.beside(snapshot);
    this.#run ??= run;
    this.#looks++;
    return hostState(run, this.#all);
  }

  #renew(): void {
    if (this.#looks < LOOKS_PER_RUN || this.#state === null) return;
    this.#looks = 0;
    this.#run = createRun(this.#state.snapshot);
    this.#state = hostState(this.#run, this.#all);
  }
}

/** A host as it was at one look; `all`: cgroups that are no containers too. */
export function hostState(run: Run, all: boolean): HostState {
  const subjects = run.subjects().filter(({ key }) => all || !key.startsWith('cgroup:'));
  return {
    snapshot: run.snapshot,
    analyses: new Map(subjects.map((subject) => [subject.key, run.analyse(subject)])),
    report: run.verify(subjects, { all: true }),
  };
}

/** Notes are told, but need not be read twice. */
function findingsOf({ report }: HostState): string[] {
  return report.subjects.flatMap(({ subject, findings }) =>
    findings
      .filter(({ severity }) => severity !== 'note')
      .map(({ code, evidence }) => JSON.stringify([subject.key, code, evidence.rules])),
  );
}

function tellStart({ io }: CommandContext, { analyses, report, snapshot }: HostState, interval: number): void {
  const standing = report.subjects.reduce(
    (sum, { findings }) => sum + findings.filter(({ severity }) => severity !== 'note').length,
    report.problems.length,
  );
  const lines = [
    `watching ${String(analyses.size)} subjects, every ${String(interval)} s; end it with Ctrl-C`,
    ...(standing === 0 ? [] : [`${String(standing)} findings stand already; see: devpolicy verify --all`]),
    ...(snapshot.host.clockSynchronised === false
      ? ['the clock is not synchronised: lines have the time since boot']
      : []),
  ];
  io.err(lines.map((line) => `devpolicy: ${line}\n`).join(''));
}

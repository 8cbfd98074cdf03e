/**
 * The show of `npm run try`: devpolicy on real containers, then the land mine going off. Live, in private namespaces of this machine; or from two
 * snapshots recorded on a machine where that was possible.
 */
import path from 'node:path';
import { listProgram } from '../../test/kernel/assemble.js';
import { projectRoot } from '../../test/kernel/loader-process.js';
import { Referee } from '../../test/kernel/referee.js';
import { Namespace, run } from '../../test/lab/namespace.js';
import { DOCKER_DEFAULT_RULES, type ContainerOptions, startContainer } from '../../test/lab/runc.js';

/** The three containers everybody knows: an ordinary one, one with devices of its own, one that may do everything. */
export const CONTAINERS: readonly ContainerOptions[] = [
  { name: 'web', rules: DOCKER_DEFAULT_RULES },
  {
    name: 'gpu',
    rules: [
      ...DOCKER_DEFAULT_RULES,
      { allow: true, type: 'c', major: 195, minor: 0, access: 'rw' },
      { allow: true, type: 'c', major: 195, minor: 255, access: 'rw' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' },
    ],
    nodes: [
      { path: '/dev/nvidia0', type: 'c', major: 195, minor: 0, fileMode: 0o666 },
      { path: '/dev/nvidiactl', type: 'c', major: 195, minor: 255, fileMode: 0o666 },
      { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666 },
    ],
  },
  { name: 'admin', rules: [{ allow: true, access: 'rwm' }] },
];

/** What systemd was told in the story: terminals and making nodes, nothing else. */
export const NARROWER_PROGRAM: Uint8Array = listProgram([
  { type: 'c', access: 1 },
  { type: 'b', access: 1 },
  { type: 'c', major: 136, access: 7 },
]);

interface Scene {
  args: string[];
  /** The exit status that the documentation promises here. */
  status: number;
  says?: string;
}
const BEFORE: Scene[] = [
  { args: ['list'], status: 0 },
  { args: ['show', 'web'], status: 0 },
  { args: ['show', 'gpu'], status: 0 },
  { args: ['verify', '--all'], status: 0, says: 'nothing to report; under cron a healthy host prints nothing' },
  { args: ['can', 'web', '/dev/null', 'rw'], status: 0 },
  { args: ['can', 'web', 'b:8:0', 'r'], status: 1, says: 'exit status 1: deny' },
  { args: ['can', 'gpu', '/dev/nvidia0', 'rw'], status: 0 },
  { args: ['can', 'admin', 'b:8:0', 'rw'], status: 0, says: 'privileged: everything' },
];
const AFTER: Scene[] = [
  { args: ['verify', '--all'], status: 1, says: 'exit status 1: this is what a cron job would have mailed' },
  { args: ['can', 'web', '/dev/null', 'rw'], status: 1 },
  { args: ['can', 'web', 'c:136:0', 'rw'], status: 0, says: 'terminals still work' },
  { args: ['show', 'web'], status: 0 },
];

type Runner = (args: readonly string[]) => Promise<number>;
const cli = path.join(projectRoot, 'dist/cli/main.js');

/** Plays scenes; returns how many did not end as promised. */
async function play(scenes: readonly Scene[], runner: Runner): Promise<number> {
  let surprises = 0;
  for (const { args, status, says } of scenes) {
    console.log(`\n$ devpolicy ${args.join(' ')}`);
    const got = await runner(args);
    if (says !== undefined && got === status) console.log(`# ${says}`);
    if (got !== status) {
      surprises++;
      console.log(`# NOT AS EXPECTED: exit status ${String(got)} instead of ${String(status)}`);
    }
  }
  return surprises;
}

function announceMine(): void {
  console.log(`
Now the land mine goes off. A second program with a shorter list (terminals and making nodes) is attached to the cgroup of 'web', as systemd does
after a daemon-reload when it was told less than runc. A request needs a yes from every program, so what only runc's allows is gone.`);
}

function ending(surprises: number): number {
  console.log(
    surprises === 0
      ? '\nAll as promised. Nothing was left behind.'
      : `\n${String(surprises)} commands did not end as promised.`,
  );
  return surprises === 0 ? 0 : 1;
}

/** Exit status: 0 when every command ended as promised. Removes all it made, on SIGINT, SIGTERM and SIGHUP too. */
export async function showLive(): Promise<number> {
  let lab: Namespace | undefined;
  let referee: Referee | undefined;
  const cleanUp = async (): Promise<void> => {
    await referee?.stop();
    await lab?.stop();
  };
  // What a signal ends fails in its own way meanwhile; the exit status is the signal's.
  const left: Promise<never>[] = [];
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.once(signal, () => {
      console.log(`\n${signal}: cleaning up`);
      const leave = (): never => process.exit(128 + number);
      left.push(cleanUp().then(leave, leave));
    });
  }
  try {
    try {
      referee = await Referee.start({ libbpf: false });
    } catch (error) {
      console.log(
        `RECORDED: this machine cannot run the real thing (${(error as Error).message}); what follows comes from a snapshot recorded on one that could.`,
      );
      return await showRecorded();
    }
    console.log(
      '\nStarting three runc containers in private namespaces with cgroup v2: web (default), gpu (extra devices), admin (privileged)',
    );
    lab = await Namespace.start();
    const { exec, cgroup } = { exec: lab.exec.bind(lab), cgroup: lab.cgroupPath('/web') };
    for (const options of CONTAINERS) await startContainer(lab, options);
    const runner: Runner = async (args) => {
      const { status } = await exec([process.execPath, cli, ...args], { show: true });
      await Promise.all(left);
      return status;
    };
    let surprises = await play(BEFORE, runner);
    announceMine();
    await referee.attach(
      await referee.openCgroup(cgroup),
      await referee.load(NARROWER_PROGRAM, { name: 'sd_devices' }),
    );
    surprises += await play(AFTER, runner);
    return ending(surprises);
  } finally {
    await Promise.all(left);
    await cleanUp();
  }
}

/** Where the recorded snapshots are: made by `npm run record -- try`, judged by test/e2e/try-recorded.test.ts. */
export const RECORDED: string = path.join(projectRoot, 'test/fixtures/recorded/try');

export async function showRecorded(): Promise<number> {
  const from =
    (name: string): Runner =>
    async (args) =>
      (await run([process.execPath, cli, '--snapshot', path.join(RECORDED, name), ...args], { show: true })).status;
  let surprises = await play(BEFORE, from('before.json'));
  announceMine();
  surprises += await play(AFTER, from('after.json'));
  return ending(surprises);
}

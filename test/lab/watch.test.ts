/** `devpolicy watch` beside real containers: what happens to them is told, in order, and it ends cleanly. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listProgram } from '../kernel/assemble.js';
import { projectRoot } from '../kernel/loader-process.js';
import { Referee } from '../kernel/referee.js';
import { Namespace } from './namespace.js';
import { DOCKER_DEFAULT_RULES, startContainer, stopContainer } from './runc.js';

const COMMAND = [process.execPath, path.join(projectRoot, 'dist/cli/main.js'), 'watch', '--interval', '0.2'];
const OUTPUT = '/run/watch';

/** What it says when it begins. */
const START = /^devpolicy: watching [^\n]*\n(?:devpolicy: the clock[^\n]*\n)?/;

/** As systemd's in the story: terminals and making nodes, nothing else. */
const NARROWER = listProgram([
  { type: 'c', access: 1 },
  { type: 'b', access: 1 },
  { type: 'c', major: 136, access: 7 },
]);

interface Line {
  change: string;
  subject: { name: string } | null;
  finding?: { code: string };
  program?: { id: number; author: { name: string } };
}

let lab: Namespace;
let referee: Referee;
beforeAll(async () => {
  referee = await Referee.start({ libbpf: false });
  lab = await Namespace.start();
  mkdirSync(lab.path(OUTPUT), { recursive: true });
});
afterAll(async () => {
  await lab.stop();
  await referee.stop();
});

/** Starts watching inside, and returns once the first look was taken. */
async function watch(
  name: string,
  ...options: string[]
): Promise<{ lines: () => string[]; end: () => Promise<string> }> {
  const file = (end: string): string => path.join(OUTPUT, `${name}.${end}`);
  const script = '"$@" >"$0.out" 2>"$0.err" & echo $! >"$0.pid"; wait $!; echo $? >"$0.status"';
  const done = lab.exec(['sh', '-c', script, path.join(OUTPUT, name), ...COMMAND, ...options]);
  const text = (end: string): string =>
    existsSync(lab.path(file(end))) ? readFileSync(lab.path(file(end)), 'utf8') : '';
  await until(() => text('err').includes('watching'));
  return {
    lines: () => text('out').split('\n').slice(0, -1),
    end: async () => {
      await lab.execOk(['kill', '-TERM', text('pid').trim()]);
      await done;
      return `${text('status').trim()} ${text('err').replace(START, '')}`;
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 600 && !condition(); attempt++) await sleep(100);
  expect(condition()).toBe(true);
}

function say({ change, subject, finding }: Line): string {
  return [change, subject?.name ?? 'host', ...(finding === undefined ? [] : [finding.code])].join(' ');
}

test('a container comes, is stepped on, recovers, and goes', async () => {
  const watching = await watch('json', '--json');
  const lines = (): Line[] => watching.lines().map((line) => JSON.parse(line) as Line);
  const told = async (count: number): Promise<string[]> => {
    await until(() => lines().length >= count);
    return lines().map(say);
  };
  const container = await startContainer(lab, { name: 'web', rules: DOCKER_DEFAULT_RULES });
  expect(await told(1)).toEqual(['appeared web']);

  const cgroup = await referee.openCgroup(lab.cgroupPath('/web'));
  const narrower = await referee.load(NARROWER, { name: 'sd_devices' });
  await referee.attach(cgroup, narrower);
  expect((await told(4)).slice(1)).toEqual([
    'program-attached web',
    'policy-changed web',
    'finding-appeared web DP102',
  ]);
  expect(lines()[1]?.program).toMatchObject({ author: { name: 'systemd' } });

  await referee.detach(cgroup, narrower);
  expect((await told(7)).slice(4)).toEqual(['program-detached web', 'policy-changed web', 'finding-cleared web DP102']);

  await stopContainer(lab, container);
  await until(() => lines().some(({ change }) => change === 'vanished'));
  expect(lines().map(say).at(-1)).toBe('vanished web');
  expect(await watching.end()).toBe('0 ');
});

test('the same in words; cgroups that are no containers only with --all', async () => {
  const all = await watch('all', '--all');
  const containers = await watch('containers');
  const cgroup = await referee.createCgroup('job', await referee.openCgroup(lab.cgroupPath('/')));
  await referee.attach(cgroup, await referee.load(NARROWER));
  await until(() => all.lines().length > 0);
  expect(all.lines()[0]).toMatch(/^\S+ {2}\/job {2}appeared {2}\d+ \(\S+, loaded \S+ s ago\)$/);
  await referee.removeCgroup(cgroup);
  await until(() => all.lines().length > 1);
  expect(all.lines()[1]).toMatch(/^\S+ {2}\/job {2}vanished$/);
  expect(containers.lines()).toEqual([]);
  expect(await all.end()).toBe('0 ');
  expect(await containers.end()).toBe('0 ');
});

test('a reader that goes away ends it without a word', async () => {
  const script = '{ "$@" --all; echo $? >"$0.status"; } 2>"$0.err" | head -n 1';
  const reading = lab.exec(['sh', '-c', script, path.join(OUTPUT, 'pipe'), ...COMMAND]);
  await until(
    () => existsSync(lab.path(`${OUTPUT}/pipe.err`)) && readFileSync(lab.path(`${OUTPUT}/pipe.err`)).length > 0,
  );
  for (let round = 0; round < 60 && !existsSync(lab.path(`${OUTPUT}/pipe.status`)); round++) {
    const cgroup = await referee.createCgroup('job', await referee.openCgroup(lab.cgroupPath('/')));
    await referee.attach(cgroup, await referee.load(NARROWER));
    await sleep(1500);
    await referee.removeCgroup(cgroup);
    await sleep(1500);
  }
  const { stdout } = await reading;
  expect(stdout.split('\n')).toHaveLength(2);
  expect(readFileSync(lab.path(`${OUTPUT}/pipe.status`), 'utf8')).toBe('0\n');
  expect(readFileSync(lab.path(`${OUTPUT}/pipe.err`), 'utf8').replace(START, '')).toBe('');
});

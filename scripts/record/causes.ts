/**
 * States whose cause verify must name, each made for real on a Debian suite's own software and recorded at every step: CASE-0-before, CASE-1-after-EVENT.
 * Which suite lays which: bullseye runc's leak and crun without a list, bookworm hooks, strangers, slices and numbers that move, trixie crun's two
 * levels, sid crun's pin.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { assemble, listProgram, type Row } from '../../test/kernel/assemble.js';
import { FLAGS, Referee } from '../../test/kernel/referee.js';
import type { Suite } from '../../test/lab/debian-root.js';
import { setOff } from '../../test/lab/mines.js';
import { record } from '../../test/lab/record.js';
import { dockerContainer, podmanContainer, serviceUnit } from '../../test/lab/subjects.js';
import { SystemdLab } from '../../test/lab/systemd.js';
import { CAUSES, folder } from './place.js';

type Subject = Awaited<ReturnType<typeof dockerContainer>>;

interface Stage {
  readonly lab: SystemdLab;
  readonly referee: Referee;
  save(subject: Subject, name: string, command: readonly string[]): Promise<void>;
}

export async function recordCauses(suite: Suite): Promise<void> {
  const referee = await Referee.start({ libbpf: false });
  await recordIn(suite, true, CASES[suite], referee);
  await recordIn(suite, false, WITHOUT_LINKS[suite], referee);
  await referee.stop();
}

async function recordIn(
  suite: Suite,
  deviceLinks: boolean,
  cases: readonly ((stage: Stage) => Promise<void>)[],
  referee: Referee,
): Promise<void> {
  if (cases.length === 0) return;
  const lab = await SystemdLab.start({ suite, deviceLinks });
  const save: Stage['save'] = async (subject, name, command) => {
    const directory = folder(subject.facts['emitter'], name, CAUSES);
    const facts = { ...subject.facts, case: name, command, dev_char_links: deviceLinks };
    await record({ ...subject, referee, directory, facts });
    console.log(directory);
  };
  try {
    for (const each of cases) await each({ lab, referee, save });
  } finally {
    await lab.stop();
  }
}

const CASES: Readonly<Record<Suite, readonly ((stage: Stage) => Promise<void>)[]>> = {
  bullseye: [leakedPrograms, overlappingRule, listSinceStart, crunWithoutList],
  bookworm: [hookedGpu, strangersProgram, narrowSlice, movedNode, detachable, userService, reloadInTime],
  trixie: [armedByReload, twoLevels],
  sid: [goneProgramPin],
};

/** Hosts without /dev/char, as containers are. */
const WITHOUT_LINKS: typeof CASES = { bullseye: [], bookworm: [gpuWithoutLinks], trixie: [], sid: [] };

/** runc 1.1.5 leaves out nodes that are neither in /dev/char nor in /sys/dev/char, where NVIDIA's driver puts nothing. */
async function gpuWithoutLinks({ lab, save }: Stage): Promise<void> {
  await lab.startDocker();
  const options = ['--device', '/dev/nvidia0', '--device', '/dev/nvidiactl:/dev/nvidiactl:rw'];
  const id = await lab.dockerRun('gpu', options);
  await save(await dockerContainer(lab, id), 'no-links-0-before', ['docker', 'run', ...options]);
  await setOff(lab);
  await save(await dockerContainer(lab, id), 'no-links-1-after-daemon-reload', ['systemctl', 'daemon-reload']);
}

/** runc 1.0.0-rc93 lets O_RDWR through for a rule "r"; systemd's program of the same list, beside it from the start, does not. */
async function overlappingRule({ lab, save }: Stage): Promise<void> {
  const options = ['--device', '/dev/sda:/dev/sda:r'];
  const id = await lab.dockerRun('overlap', options);
  await save(await dockerContainer(lab, id), 'overlap', ['docker', 'run', ...options]);
}

/** Before 1.0.0 runc attached its program beside systemd's, whose list is the shorter one from the start. */
async function listSinceStart({ lab, save }: Stage): Promise<void> {
  const options = ['--device-cgroup-rule', 'c *:5 rwm'];
  const id = await lab.dockerRun('start', options);
  await save(await dockerContainer(lab, id), 'since-start', ['docker', 'run', ...options]);
}

/** systemd 257 puts nothing back at the reload itself. */
async function armedByReload({ lab, save }: Stage): Promise<void> {
  await lab.startDocker();
  const options = ['--device-cgroup-rule', 'c *:5 rwm'];
  const id = await lab.dockerRun('armed', options);
  await save(await dockerContainer(lab, id), 'armed-0-before', ['docker', 'run', ...options]);
  await lab.execOk(['systemctl', 'daemon-reload']);
  await save(await dockerContainer(lab, id), 'armed-1-after-daemon-reload', ['systemctl', 'daemon-reload']);
}

/** runc 1.0.0-rc93 attaches one program more at each update and never takes one away. */
async function leakedPrograms({ lab, save }: Stage): Promise<void> {
  await lab.startDocker();
  const id = await lab.dockerRun('leak');
  await save(await dockerContainer(lab, id), 'leak-0-before', ['docker', 'run', '--name', 'leak']);
  const update = ['docker', 'update', '--cpu-shares', '512', 'leak'];
  for (let times = 0; times < 2; times++) await lab.execOk(update);
  await save(await dockerContainer(lab, id), 'leak-1-after-docker-update', update);
}

/** podman of bullseye gives crun 0.17 an empty list, and crun then attaches nothing. */
async function crunWithoutList({ lab, save }: Stage): Promise<void> {
  await lab.preparePodman();
  const id = await lab.podmanRun('nolist', 'crun');
  await save(await podmanContainer(lab, id, 'crun'), 'no-list', ['podman', 'run', '--name', 'nolist']);
}

/** What libnvidia-container's hook puts in front of a program for one device node, in the text of 1.15 and later. */
function gpuRule(minor: number): Row[] {
  return [
    [0x69, 0x12, 0, 0],
    [0x61, 0x13, 0, 0],
    [0x74, 0x03, 0, 16],
    [0x61, 0x14, 4, 0],
    [0x61, 0x15, 8, 0],
    [0x55, 0x02, 7, 2],
    [0xbc, 0x32, 0, 0],
    [0x54, 0x02, 0, 6],
    [0x5e, 0x32, 4, 0],
    [0x55, 0x04, 3, 195],
    [0x55, 0x05, 2, minor],
    [0xb4, 0, 0, 1],
    [0x95, 0, 0, 0],
  ];
}

/** The hook of NVIDIA's container toolkit in legacy mode, played with its own instructions: two GPUs' nodes in front of runc's program. */
async function hookedGpu({ lab, referee, save }: Stage): Promise<void> {
  await lab.startDocker();
  const id = await lab.dockerRun('hooked');
  const own = await programOf(lab, referee, id);
  const front = Buffer.concat([assemble(...gpuRule(255)), assemble(...gpuRule(0))]);
  const widened = await referee.load(Buffer.concat([front, own.bytes]));
  await referee.detach(own.cgroup, own.program);
  await referee.attach(own.cgroup, widened);
  await save(await dockerContainer(lab, id), 'hook-0-before', ['nvidia-container-cli', 'configure']);
  await setOff(lab);
  await save(await dockerContainer(lab, id), 'hook-1-after-daemon-reload', ['systemctl', 'daemon-reload']);
}

/** Somebody detaches the runtime's program long after the start and attaches one that allows less. */
async function strangersProgram({ lab, referee, save }: Stage): Promise<void> {
  const id = await lab.dockerRun('strange');
  const own = await programOf(lab, referee, id);
  const { cgroup } = await dockerContainer(lab, id);
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  await referee.detach(own.cgroup, own.program);
  await referee.attach(own.cgroup, await referee.load(listProgram([{ type: 'c', major: 1, access: 7 }])));
  await save(await dockerContainer(lab, id), 'stranger', ['bpftool', 'cgroup', 'attach', cgroup]);
}

/** A slice with a list of its own: every container below it gets no more than that. */
async function narrowSlice({ lab, save }: Stage): Promise<void> {
  writeFileSync(
    lab.namespace.path('/run/systemd/system/narrow.slice'),
    '[Slice]\nDevicePolicy=closed\nDeviceAllow=/dev/fuse rw\n',
  );
  await lab.execOk(['systemctl', 'daemon-reload']);
  await lab.execOk(['systemctl', 'start', 'narrow.slice']);
  const options = ['--cgroup-parent', 'narrow.slice', '--device', '/dev/nvidia0'];
  const id = await lab.dockerRun('sliced', options);
  await save(await dockerContainer(lab, id, 'narrow.slice'), 'slice', ['docker', 'run', ...options]);
}

/** A serial adapter that comes back under another number: systemd looked the path up when it last applied the unit. */
async function movedNode({ lab, save }: Stage): Promise<void> {
  const unit = 'serial.service';
  writeFileSync(
    lab.namespace.path(`/run/systemd/system/${unit}`),
    '[Service]\nExecStart=/bin/sleep 1000000\nDevicePolicy=closed\nDeviceAllow=/dev/ttyUSB0 rw\n',
  );
  await lab.execOk(['systemctl', 'daemon-reload']);
  await lab.execOk(['systemctl', 'start', unit]);
  await lab.execOk(['sh', '-c', 'rm /dev/ttyUSB0 && mknod /dev/ttyUSB0 c 188 1']);
  await save(await serviceUnit(lab, unit), 'moved-node-0-before', ['mknod', '/dev/ttyUSB0', 'c', '188', '1']);
  await setOff(lab);
  await save(await serviceUnit(lab, unit), 'moved-node-1-after-daemon-reload', ['systemctl', 'daemon-reload']);
}

/** A program attached so that any user may detach it, as libvirt attaches its own. */
async function detachable({ lab, referee, save }: Stage): Promise<void> {
  const unit = 'guest.service';
  await lab.execOk(['systemd-run', `--unit=${unit}`, '/bin/sleep', '1000000']);
  const cgroup = await referee.openCgroup(lab.namespace.cgroupPath(`/system.slice/${unit}`));
  const program = await referee.load(listProgram([{ type: 'c', major: 1, access: 7 }]));
  await referee.attach(cgroup, program, { flags: FLAGS.NONE });
  await save(await serviceUnit(lab, unit), 'detachable', ['systemd-run', `--unit=${unit}`]);
}

/** A user's own systemd may load no device program: it takes the settings, shows them, and enforces nothing. */
async function userService({ lab, save }: Stage): Promise<void> {
  const manager = 'user-manager.service';
  const as = [
    '--uid=nobody',
    '-p',
    'Delegate=yes',
    '-p',
    'RuntimeDirectory=manager',
    '-E',
    'XDG_RUNTIME_DIR=/run/manager',
  ];
  await lab.execOk(['systemd-run', `--unit=${manager}`, ...as, '/lib/systemd/systemd', '--user']);
  const user = ['setpriv', '--reuid=nobody', '--clear-groups', 'env', 'XDG_RUNTIME_DIR=/run/manager'];
  const wait = 'until [ -S /run/manager/systemd/private ]; do sleep 0.2; done; sleep 1';
  await lab.execOk(['sh', '-c', wait], { timeout: 30_000 });
  const command = [
    ...user,
    'systemd-run',
    '--user',
    '--unit=mine',
    '-p',
    'DevicePolicy=closed',
    '/bin/sleep',
    '1000000',
  ];
  await lab.execOk(command);
  const pid = (await lab.execOk([...user, 'systemctl', '--user', 'show', '-P', 'MainPID', 'mine.service'])).trim();
  await save(
    await serviceUnit(lab, 'mine.service', { cgroup: await lab.cgroupOf(Number(pid)), user }),
    'user-service',
    command,
  );
}

/** crun 1.18 to 1.22: systemd's list on the scope, crun's program on the cgroup below; systemd has no form for `c *:5`. */
async function twoLevels({ lab, save }: Stage): Promise<void> {
  await lab.preparePodman();
  const options = ['--device-cgroup-rule', 'c *:5 rwm', '--device', '/dev/fuse'];
  const id = await lab.podmanRun('levels', 'crun', options);
  await save(await podmanContainer(lab, id, 'crun'), 'two-levels', ['podman', 'run', ...options]);
}

/** crun 1.23 and later pins its program and names the pin to systemd, which finds nothing to attach again once the pin is gone. */
async function goneProgramPin({ lab, save }: Stage): Promise<void> {
  await lab.preparePodman();
  const options = ['--device', '/dev/fuse'];
  const id = await lab.podmanRun('pinned', 'crun', options);
  await save(await podmanContainer(lab, id, 'crun'), 'pin', ['podman', 'run', ...options]);
  const remove = ['sh', '-c', 'rm /sys/fs/bpf/crun/*'];
  await lab.execOk(remove);
  await save(await podmanContainer(lab, id, 'crun'), 'pin-gone-0-before', remove);
  await setOff(lab);
  await save(await podmanContainer(lab, id, 'crun'), 'pin-gone-1-after-daemon-reload', ['systemctl', 'daemon-reload']);
}

/** Whole snapshots, which know the boot clock and systemd's own timestamps: what came 15 s after the start came with a reload. */
async function reloadInTime({ lab }: Stage): Promise<void> {
  await lab.dockerRun('timed', ['--device-cgroup-rule', 'c *:5 rwm']);
  const directory = path.join(CAUSES, 'reload');
  mkdirSync(directory, { recursive: true });
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  for (const moment of ['before', 'after'] as const) {
    if (moment === 'after') await lab.execOk(['systemctl', 'daemon-reload']);
    const { stdout } = await lab.devpolicy(['snapshot']);
    writeFileSync(path.join(directory, `${moment}.json`), stdout);
  }
  console.log(directory);
}

interface Own {
  readonly cgroup: Awaited<ReturnType<Referee['openCgroup']>>;
  readonly program: Awaited<ReturnType<Referee['programById']>>;
  readonly bytes: Uint8Array;
}

/** The one program of a new container's scope. */
async function programOf(lab: SystemdLab, referee: Referee, id: string): Promise<Own> {
  const { cgroup: place } = await dockerContainer(lab, id);
  const cgroup = await referee.openCgroup(lab.namespace.cgroupPath(place));
  const [only] = (await referee.query(cgroup, false)).programIds;
  if (only === undefined) throw new Error(`${place}: no program`);
  const program = await referee.programById(only);
  return { cgroup, program, bytes: (await referee.info(program)).xlated };
}

/**
 * Is a unit's compiled list what systemd attaches? Services with random DevicePolicy=, DeviceAllow= and related settings are started on a real systemd,
 * their drop-ins changed and reloaded; the kernel must answer as the settings compile: from the files before the event, from `systemctl show` after it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { compileUnit, systemdHost, unitPartition, type SystemdHost } from '../../src/intent/systemd-compile.js';
import { settingsFromFiles, settingsFromShow } from '../../src/intent/systemd-settings.js';
import { systemdRelease } from '../../src/intent/version.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import { ACCESS_NAMES, type DeviceRequest } from '../../src/policy/types.js';
import type { NodeRecord, UnitRecord } from '../../src/snapshot/types.js';
import { unit as unitFromText } from '../intent/captures.js';
import { Referee } from '../kernel/referee.js';
import { labSuites } from './debian-root.js';
import { LAB_NODES, SystemdLab } from './systemd.js';

const SERVICES = 12;
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const LINES = [
  '/dev/null',
  '/dev/zero',
  '/dev/fuse',
  '/dev/sda',
  '/dev/sda1',
  '/dev/nvidia0',
  '/dev/missing',
  '/dev/net/tun',
  '/dev//tty',
  '/dev/char/1:3',
  '/dev/char/240:7',
  '/dev/block/8:16',
  '/dev/char/99999:1',
  'char-pts',
  'char-*',
  'block-*',
  'char-136',
  'char-mem',
  'char-tty*',
  'char-/dev/*',
  'block-loop',
  'block-[a-m]*',
  'char-nothing',
  'block-259',
  '/run/systemd/inaccessible/chr',
  '"/dev/kmsg"',
];
const RIGHTS = ['', ' r', ' w', ' m', ' rw', ' rwm', ' mr'];

function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

function settingsText(next: () => number): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  const lines = [`DevicePolicy=${pick(['auto', 'auto', 'closed', 'strict', 'strict'])}`];
  for (let count = Math.floor(next() * 7); count > 0; count--)
    lines.push(next() < 0.07 ? 'DeviceAllow=' : `DeviceAllow=${pick(LINES)}${pick(RIGHTS)}`);
  if (next() < 0.1) lines.push('PrivateDevices=yes');
  return `[Service]\n${lines.join('\n')}\n`;
}

const REQUESTS: DeviceRequest[] = (['b', 'c'] as const).flatMap((type) =>
  [0, 1, 2, 4, 5, 7, 8, 10, 136, 195, 203, 240, 253, 259, 1000].flatMap((major) =>
    [0, 1, 2, 3, 5, 7, 11, 16, 200, 229, 255, 1_048_575]
      .filter((minor) => major !== 0 || minor !== 0)
      .flatMap((minor) => ACCESS_NAMES.map(({ access }) => ({ type, major, minor, access }))),
  ),
);

describe.each(labSuites())('%s', (suite) => {
  let lab: SystemdLab;
  let referee: Referee;
  let host: SystemdHost;
  beforeAll(async () => {
    referee = await Referee.start();
    lab = await SystemdLab.start({ suite });
    const nodes: NodeRecord[] = [...LAB_NODES, { path: '/dev/missing', type: null, major: 0, minor: 0 }];
    host = systemdHost(
      systemdRelease(await lab.packageVersion('systemd')),
      nodes,
      readFileSync('/proc/devices', 'utf8'),
    );
  });
  afterAll(async () => {
    await lab.stop();
    await referee.stop();
  });

  async function record(name: string): Promise<UnitRecord> {
    const cat = await lab.execOk(['systemctl', 'cat', name]);
    const shown = await lab.execOk([
      'systemctl',
      'show',
      '-p',
      'DevicePolicy',
      '-p',
      'DeviceAllow',
      '-p',
      'BPFProgram',
      name,
    ]);
    return unitFromText(name, cat, shown);
  }

  /** What the unit compiles to; everything where it has no program. */
  function compiled(space: DeviceSpace, unit: UnitRecord, basis: 'files' | 'shown'): DeviceSet {
    const settings = basis === 'files' ? settingsFromFiles(unit) : settingsFromShow(unit);
    const partition = unitPartition(space, compileUnit(settings!, host));
    expect(partition?.undecided ?? []).toEqual([]);
    return partition?.allowed ?? space.everything;
  }

  async function agrees(name: string, allowed: DeviceSet, about: string): Promise<void> {
    const verdicts = await referee.verdictsBelow(lab.namespace.cgroupPath(`/system.slice/${name}`), REQUESTS);
    const wrong = REQUESTS.filter((request, at) => allowed.contains(request) !== (verdicts[at] === 'allow'));
    expect(wrong.slice(0, 5), about).toEqual([]);
  }

  function write(name: string, file: string, text: string): void {
    const folder = lab.namespace.path(`/run/systemd/system/${name}.d`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }

  test('random settings, before and after a reload', async () => {
    const next = random(SEED);
    const names = Array.from({ length: SERVICES }, (_, index) => `list-${String(index)}.service`);
    const texts = new Map<string, string[]>();
    for (const name of names) {
      const text =
        name === 'list-0.service' ? '[Service]\nDevicePolicy=strict\nDeviceAllow=/dev/null rw\n' : settingsText(next);
      writeFileSync(
        lab.namespace.path(`/run/systemd/system/${name}`),
        `[Service]\nDelegate=yes\nStandardInput=file:/etc/hostname\nStandardOutput=file:/run/out\nStandardError=file:/run/out\nExecStart=/bin/sleep 1000000\n${text}`,
      );
      texts.set(name, [text]);
    }
    await lab.execOk(['systemctl', 'daemon-reload']);
    await lab.execOk(['systemctl', 'start', ...names]);
    for (const name of names) {
      const about = `seed ${String(SEED)} ${name} ${JSON.stringify(texts.get(name))}`;
      const space = new DeviceSpace(new BddManager());
      const unit = await record(name);
      await agrees(name, compiled(space, unit, 'files'), `${about} from its files`);
      await agrees(name, compiled(space, unit, 'shown'), `${about} from systemctl show`);
    }
    for (const name of names) {
      // One unit loses its list altogether: systemd then has no program for it.
      const text = name === 'list-0.service' ? '[Service]\nDevicePolicy=auto\nDeviceAllow=\n' : settingsText(next);
      write(name, '50-more.conf', text);
      texts.get(name)!.push(text);
    }
    const predicted = new Map<string, DeviceSet>();
    const space = new DeviceSpace(new BddManager());
    for (const name of names) {
      const before = await record(name);
      // `systemctl cat` does not show a drop-in before it is loaded: the files themselves tell what a reload will read.
      const files = unitFromText(
        name,
        texts
          .get(name)!
          .map((text, index) => `# /run/${String(index)}\n${text}`)
          .join('\n'),
      );
      predicted.set(name, compiled(space, files, 'files'));
      await agrees(name, compiled(space, before, 'shown'), `${name}: a changed file alone changes nothing`);
    }
    await lab.execOk(['systemctl', 'daemon-reload']);
    await lab.execOk(['systemd-run', '--wait', '--quiet', '/bin/true']);
    for (const name of names)
      await agrees(
        name,
        predicted.get(name)!,
        `seed ${String(SEED)} ${name} ${JSON.stringify(texts.get(name))} after the reload`,
      );
  });

  test('a unit that loses its list keeps its program unless another unit of its slice has one', async () => {
    const service = (slice: string, text: string): string =>
      `[Service]\nSlice=${slice}\nDelegate=yes\nStandardInput=file:/etc/hostname\nStandardOutput=file:/run/out\nStandardError=file:/run/out\nExecStart=/bin/sleep 1000000\n${text}`;
    const list = 'DevicePolicy=strict\nDeviceAllow=/dev/null rw\n';
    const slices = { 'alone.service': 'one.slice', 'one-of-two.service': 'two.slice', 'other.service': 'two.slice' };
    for (const [name, slice] of Object.entries(slices))
      writeFileSync(lab.namespace.path(`/run/systemd/system/${name}`), service(slice, list));
    await lab.execOk(['systemctl', 'daemon-reload']);
    await lab.execOk(['systemctl', 'start', ...Object.keys(slices)]);
    const cgroup = (name: keyof typeof slices): string => lab.namespace.cgroupPath(`/${slices[name]}/${name}`);
    const disk: DeviceRequest[] = [{ type: 'b', major: 8, minor: 0, access: 2 }];
    for (const name of ['alone.service', 'one-of-two.service'] as const) {
      write(name, '50-open.conf', '[Service]\nDevicePolicy=auto\nDeviceAllow=\n');
      expect(await referee.verdictsBelow(cgroup(name), disk)).toEqual(['deny']);
    }
    await lab.execOk(['systemctl', 'daemon-reload']);
    for (const name of ['alone.service', 'one-of-two.service'])
      await lab.execOk(['systemctl', 'set-property', '--runtime', name, 'CPUWeight=50']);
    expect(await referee.verdictsBelow(cgroup('one-of-two.service'), disk)).toEqual(['allow']);
    expect(await referee.verdictsBelow(cgroup('alone.service'), disk)).toEqual([
      host.release === 247 ? 'allow' : 'deny',
    ]);
  });
});

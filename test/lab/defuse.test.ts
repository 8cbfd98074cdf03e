/**
 * Defusing, on the systemd of each suite: mines are laid and found, the printed commands are run as a shell takes them, the reload comes, and the device
 * still opens in the container. A container beside them that is not defused loses its device at the same reload.
 */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labSuites } from './debian-root.js';
import { MINES, goneOffAtStart, setOff } from './mines.js';
import { SystemdLab } from './systemd.js';

/** Devices that each mine takes, as nodes to open in the container. */
const NODES: Readonly<Record<string, string>> = { 'any-major': '240 5', 'unnamed-major': '188 0' };

describe.each(labSuites())('%s', (suite) => {
  /** Where the loss has come already the commands mend it. */
  const atStart = goneOffAtStart(suite);
  const code = atStart ? 'DP102' : 'DP101';
  let lab: SystemdLab;
  beforeAll(async () => {
    lab = await SystemdLab.start({ suite, deviceLinks: false });
    await lab.startDocker();
    for (const [name, options] of Object.entries(MINES)) await lab.dockerRun(name, options);
    await lab.dockerRun('left', MINES['any-major']);
    for (const name of [...Object.keys(MINES), 'left'])
      await lab.execOk(['docker', 'exec', name, 'mknod', '/dev/probe', 'c', ...(NODES[name] ?? '240 5').split(' ')]);
  });
  afterAll(async () => {
    await lab.stop();
  });

  /** Nodes need no driver: the policy answers before the driver is looked for, EPERM before ENXIO. */
  const refused = async (name: string): Promise<boolean> => {
    const { stderr, stdout } = await lab.exec(['docker', 'exec', name, 'sh', '-c', '( : < /dev/probe ) 2>&1']);
    const said = stdout + stderr;
    expect(said).toMatch(/not permitted|No such device/);
    return said.includes('not permitted');
  };

  test('found, defused by the printed commands, set off, and nothing is lost', async () => {
    const found = new Map<string, boolean>();
    for (const name of [...Object.keys(MINES), 'left']) {
      expect([name, await refused(name)]).toEqual([name, atStart]);
      const { stdout, status } = await lab.devpolicy(['verify', name]);
      found.set(name, stdout.includes(code));
      expect([name, status]).toEqual([name, found.get(name) === true ? 1 : 0]);
    }
    expect(found.get('any-major')).toBe(true);

    for (const name of Object.keys(MINES)) {
      const { status, stdout, stderr } = await lab.devpolicy(['explain', code, '--defuse', name]);
      expect(`${name} ${String(status)} ${stderr}`).toBe(`${name} 0 `);
      if (found.get(name) === false) {
        expect(stdout).toContain('nothing to defuse');
        continue;
      }
      // Only the first way: the others keep less.
      const [first = ''] = stdout.split('# Or, which keeps less:');
      expect(first).not.toContain('Still lost');
      writeFileSync(lab.namespace.path('/run/defuse.sh'), first);
      await lab.execOk(['sh', '-e', '/run/defuse.sh']);
    }

    for (const name of Object.keys(MINES)) {
      const { stdout } = await lab.devpolicy(['verify', name]);
      expect([name, stdout.includes(code)]).toEqual([name, false]);
      expect([name, await refused(name)]).toEqual([name, false]);
    }

    await setOff(lab);
    await setOff(lab);
    await lab.execOk(['docker', 'run', '--rm', '--network', 'none', 'box', 'true']);

    expect(await refused('left')).toBe(true);
    for (const name of Object.keys(MINES)) {
      expect([name, await refused(name)]).toEqual([name, false]);
      const { status, stdout } = await lab.devpolicy(['verify', name]);
      expect([name, status, stdout]).toEqual([name, 0, '']);
    }
  });

  test('what has gone off already is repaired without a restart', async () => {
    const { status, stdout } = await lab.devpolicy(['explain', 'DP102', '--defuse', 'left']);
    expect(stdout).toContain('DevicePolicy=auto');
    expect(status).toBe(0);
    const [first = ''] = stdout.split('# Or, which keeps less:');
    expect(first).not.toContain('Still lost');
    writeFileSync(lab.namespace.path('/run/defuse.sh'), first);
    await lab.execOk(['sh', '-e', '/run/defuse.sh']);
    expect(await refused('left')).toBe(false);
    await setOff(lab);
    expect(await refused('left')).toBe(false);
  });
});

/** deploy/ as it is shipped, under a real systemd: the hardened service, its timer, the question before a reload. */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../kernel/loader-process.js';
import { labSuites } from './debian-root.js';
import { hostNode, SystemdLab } from './systemd.js';

const METRICS = '/var/lib/prometheus/node-exporter/devpolicy.prom';

describe.each(labSuites())('%s', (suite) => {
  let lab: SystemdLab;
  let scope = '';
  const deployed = (file: string): string => path.join(projectRoot, 'deploy', file);
  const inside = (file: string): string => {
    const target = lab.namespace.path(file);
    mkdirSync(path.dirname(target), { recursive: true });
    return target;
  };

  beforeAll(async () => {
    lab = await SystemdLab.start({ suite });
    install();
    await lab.startDocker();
    scope = `docker-${await lab.dockerRun('web', ['--device', '/dev/net/tun'])}.scope`;
  });
  afterAll(() => lab.stop());

  /** What the Debian package puts in place. */
  function install(): void {
    const home = '/usr/lib/devpolicy';
    for (const part of [
      'dist',
      'docs/findings',
      'prebuilds',
      'package.json',
      'node_modules/commander',
      'node_modules/yaml',
    ])
      cpSync(path.join(projectRoot, part), inside(path.join(home, part)), { recursive: true });
    const command = inside('/usr/bin/devpolicy');
    writeFileSync(command, `#!/bin/sh\nexec ${hostNode().join(' ')} ${home}/dist/cli/main.js "$@"\n`);
    chmodSync(command, 0o755);
    for (const unit of ['devpolicy-verify.service', 'devpolicy-verify.timer'])
      copyFileSync(deployed(`systemd/${unit}`), inside(`/usr/lib/systemd/system/${unit}`));
    copyFileSync(
      deployed('systemd/textfile.conf'),
      inside('/etc/systemd/system/devpolicy-verify.service.d/textfile.conf'),
    );
    copyFileSync(deployed('before-reload'), inside('/usr/share/devpolicy/before-reload'));
    mkdirSync(path.dirname(inside(METRICS)), { recursive: true });
  }

  async function result(): Promise<string> {
    return (await lab.execOk(['systemctl', 'show', '-P', 'Result', 'devpolicy-verify.service'])).trim();
  }

  test('the units are well-formed', async () => {
    // There are no man pages in the lab.
    const checked = await lab.exec([
      ...['systemd-analyze', '--man=no', 'verify'],
      ...['devpolicy-verify.service', 'devpolicy-verify.timer'],
    ]);
    const about = (checked.stdout + checked.stderr).split('\n').filter((line) => line.includes('devpolicy'));
    expect(about).toEqual([]);
  });

  test('the timer runs the service, which may read everything and leaves metrics', async () => {
    writeFileSync(
      inside('/etc/systemd/system/devpolicy-verify.timer.d/soon.conf'),
      '[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=1s\nPersistent=no\n',
    );
    await lab.execOk(['systemctl', 'daemon-reload']);
    await lab.execOk(['systemctl', 'start', 'devpolicy-verify.timer']);
    for (let attempt = 0; attempt < 240 && !existsSync(inside(METRICS)); attempt++) await sleep(250);
    const metrics = readFileSync(inside(METRICS), 'utf8');
    expect(metrics).toContain('devpolicy_container_info{container="docker:web"');
    expect(metrics).toContain('devpolicy_read_problems 0\n');
    expect(metrics).toContain('devpolicy_undecodable_programs 0\n');
    expect(metrics).toContain('devpolicy_containers{state="unknown"} 0\n');
    expect(metrics).toContain('devpolicy_landmine{container="docker:web"} 0\n');
    expect(await result()).toBe('success');
    expect((await lab.exec(['/usr/share/devpolicy/before-reload', '--refuse'])).status).toBe(0);
  });

  test('with any one of its capabilities dropped the service fails as incomplete, and its report names that capability', async () => {
    const unit = readFileSync(deployed('systemd/devpolicy-verify.service'), 'utf8');
    const needed = (/^CapabilityBoundingSet=(.+)$/m.exec(unit)?.[1] ?? '').split(' ');
    expect(needed.length).toBeGreaterThan(3);
    const dropIn = inside('/run/systemd/system/devpolicy-verify.service.d/drop.conf');
    for (const dropped of needed) {
      // The service's own output goes to a file, a new one each time (truncate: came with systemd 248): journald need not run in the lab.
      rmSync(inside('/run/verify-output'), { force: true });
      writeFileSync(dropIn, `[Service]\nCapabilityBoundingSet=~${dropped}\nStandardOutput=file:/run/verify-output\n`);
      await lab.execOk(['systemctl', 'daemon-reload']);
      expect((await lab.exec(['systemctl', 'start', 'devpolicy-verify.service'])).status).not.toBe(0);
      const status = await lab.execOk(['systemctl', 'show', '-P', 'ExecMainStatus', 'devpolicy-verify.service']);
      const output = readFileSync(inside('/run/verify-output'), 'utf8');
      expect(`${dropped} ${status.trim()}`, output).toBe(`${dropped} 3`);
      expect(output).toMatch(new RegExp(`^UNREAD  host: missing: ${dropped} \\([^()]+\\)$`, 'm'));
    }
    rmSync(dropIn);
    await lab.execOk(['systemctl', 'daemon-reload']);
    await lab.execOk(['systemctl', 'start', 'devpolicy-verify.service']);
  });

  test('a land mine: the unit fails, the metrics say so, the question before a reload is answered', async () => {
    writeFileSync(
      inside(`/etc/systemd/system/${scope}.d/60-narrow.conf`),
      '[Scope]\nDevicePolicy=strict\nDeviceAllow=\nDeviceAllow=/dev/null rw\n',
    );
    const warned = await lab.exec(['/usr/share/devpolicy/before-reload']);
    expect(warned.status, warned.stderr).toBe(0);
    expect(warned.stderr).toContain('takes devices away from 1 running container(s)');
    expect(warned.stderr).toMatch(/LAND-MINE {2}web/);
    expect((await lab.exec(['/usr/share/devpolicy/before-reload', '--refuse'])).status).toBe(1);
    expect((await lab.exec(['systemctl', 'start', 'devpolicy-verify.service'])).status).not.toBe(0);
    expect(await result()).toBe('exit-code');
    expect(readFileSync(inside(METRICS), 'utf8')).toContain('devpolicy_landmine{container="docker:web"} 1\n');
  });

  test('apt asks before it installs, and stops where it is told to', async () => {
    writeFileSync(
      inside('/run/package/DEBIAN/control'),
      'Package: devpolicy-nothing\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: nothing\n',
    );
    await lab.execOk(['dpkg-deb', '--build', '/run/package', '/run/nothing.deb']);
    const hook = inside('/etc/apt/apt.conf.d/80devpolicy');
    const install = ['apt-get', 'install', '--yes', '-o', 'APT::Sandbox::User=root', '/run/nothing.deb'];
    writeFileSync(
      hook,
      readFileSync(deployed('apt/80devpolicy'), 'utf8').replace('before-reload; fi', 'before-reload --refuse; fi'),
    );
    const refused = await lab.exec(install);
    expect(refused.status, refused.stdout).not.toBe(0);
    expect((await lab.exec(['dpkg', '--status', 'devpolicy-nothing'])).status).not.toBe(0);
    copyFileSync(deployed('apt/80devpolicy'), hook);
    const warned = await lab.exec(install);
    expect(warned.status, warned.stderr).toBe(0);
    expect(warned.stdout + warned.stderr).toContain('takes devices away from 1 running container(s)');
    expect((await lab.exec(['dpkg', '--status', 'devpolicy-nothing'])).status).toBe(0);
  });
});

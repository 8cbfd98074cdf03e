/** Unit files in the order systemd reads them (systemd.unit(5)), in trees made for it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileTree } from '../../src/collect/files.js';
import { parseSystemctlCat, parseUnitFile } from '../../src/collect/formats/unit-file.js';
import { parseSystemctlShow } from '../../src/collect/formats/systemctl-show.js';
import { UnitReader, unitsOnPath } from '../../src/collect/units.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'devpolicy-units-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(file: string, content: string): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), content);
}

/** Values of DeviceAllow= in the order they are applied, each with the file it is from. */
function allowed(unit: string): [string, string][] {
  const { files } = new UnitReader(new FileTree(root), null, []).read(unit, null);
  return (files ?? []).flatMap((file) =>
    file.assignments
      .filter(([, key]) => key === 'DeviceAllow')
      .map(([, , value]): [string, string] => [file.path, value]),
  );
}

const service = (value: string): string => `[Service]\nDeviceAllow=${value}\n`;

describe('which files', () => {
  test('the unit’s own file is the one of the most important directory, the others do not count', () => {
    write('usr/lib/systemd/system/a.service', service('usr'));
    write('etc/systemd/system/a.service', service('etc'));
    write('run/systemd/system/a.service', service('run'));
    expect(allowed('a.service')).toEqual([['/etc/systemd/system/a.service', 'etc']]);
    write('run/systemd/transient/a.service', service('transient'));
    expect(allowed('a.service')).toEqual([['/run/systemd/transient/a.service', 'transient']]);
  });

  test('drop-ins are sorted by name whatever their directory; of equal names the more important directory’s counts', () => {
    write('run/systemd/transient/docker-1.scope', '[Scope]\nDelegate=yes\n');
    write(
      'run/systemd/transient/docker-1.scope.d/50-DeviceAllow.conf',
      '[Scope]\nDeviceAllow=\nDeviceAllow=char-pts rwm\n',
    );
    write('etc/systemd/system/docker-.scope.d/60-all.conf', '[Scope]\nDeviceAllow=prefix\n');
    write('usr/lib/systemd/system/scope.d/10-kind.conf', '[Scope]\nDeviceAllow=kind\n');
    write('usr/lib/systemd/system/docker-1.scope.d/60-all.conf', '[Scope]\nDeviceAllow=hidden\n');
    write('etc/systemd/system.control/docker-1.scope.d/50-DeviceAllow.conf', '[Scope]\nDeviceAllow=control\n');
    expect(allowed('docker-1.scope').map(([, value]) => value)).toEqual(['kind', 'control', 'prefix']);
  });

  test('all prefixes that end in a dash, the longest first', () => {
    write('etc/systemd/system/a-b-.service.d/x.conf', service('a-b-'));
    write('etc/systemd/system/a-.service.d/x.conf', service('a-'));
    write('etc/systemd/system/a-.service.d/y.conf', service('y'));
    write('etc/systemd/system/a-b.service.d/z.conf', service('other unit'));
    expect(allowed('a-b-c.service').map(([, value]) => value)).toEqual(['a-b-', 'y']);
  });

  test('instances fall back on their template, and have its drop-ins too', () => {
    write('usr/lib/systemd/system/box@.service', service('template'));
    write('etc/systemd/system/box@.service.d/t.conf', service('template drop-in'));
    write('etc/systemd/system/box@one.service.d/i.conf', service('instance drop-in'));
    expect(allowed('box@one.service').map(([, value]) => value)).toEqual([
      'template',
      'instance drop-in',
      'template drop-in',
    ]);
    write('etc/systemd/system/box@one.service', service('instance'));
    expect(allowed('box@one.service')[0]).toEqual(['/etc/systemd/system/box@one.service', 'instance']);
  });

  test('a link to /dev/null, or an empty file, masks', () => {
    write('usr/lib/systemd/system/a.service', service('usr'));
    write('usr/lib/systemd/system/a.service.d/10.conf', service('masked'));
    mkdirSync(path.join(root, 'etc/systemd/system/a.service.d'), { recursive: true });
    mkdirSync(path.join(root, 'dev'));
    symlinkSync('/dev/null', path.join(root, 'etc/systemd/system/a.service.d/10.conf'));
    expect(allowed('a.service').map(([, value]) => value)).toEqual(['usr']);
    symlinkSync('/dev/null', path.join(root, 'etc/systemd/system/a.service'));
    expect(allowed('a.service')).toEqual([]);
  });

  test('a linked unit file is read inside the root', () => {
    write('opt/x/a.service', service('linked'));
    mkdirSync(path.join(root, 'etc/systemd/system'), { recursive: true });
    symlinkSync('/opt/x/a.service', path.join(root, 'etc/systemd/system/a.service'));
    expect(allowed('a.service').map(([, value]) => value)).toEqual(['linked']);
  });

  test('a unit without files has none', () => {
    expect(new UnitReader(new FileTree(root), 'lxc:box', []).read('system.slice', '/system.slice')).toEqual({
      name: 'system.slice',
      nestedIn: 'lxc:box',
      cgroup: '/system.slice',
      files: [],
      shown: null,
    });
  });
});

describe('what is in them', () => {
  test('sections, comments, continued lines, resets; nothing that could be a secret', () => {
    const text = [
      '[Unit]',
      'Description=DeviceAllow=/dev/no rw',
      '[Service]',
      '  DeviceAllow = /dev/a \\',
      '# a comment in between',
      '  rw',
      '; DeviceAllow=/dev/b',
      'DeviceAllow=',
      'Environment=SECRET=1',
      'SetCredentialEncrypted=key: Whxqht+dQJax1aZeCGLxm\\',
      '  moreofit',
      'LoadCredentialEncrypted=other:/etc/creds/other',
      'DevicePolicy=closed \\',
    ].join('\n');
    expect(parseUnitFile(text)).toEqual([
      ['Service', 'DeviceAllow', '/dev/a rw'],
      ['Service', 'DeviceAllow', ''],
      ['Service', 'SetCredentialEncrypted', 'key:'],
      ['Service', 'LoadCredentialEncrypted', 'other:/etc/creds/other'],
      ['Service', 'DevicePolicy', 'closed'],
    ]);
  });

  test('systemctl cat, taken apart by its headers', () => {
    const text =
      '# /etc/systemd/system/a.service\n[Service]\nDevicePolicy=auto\n# /not/a header\n\n# /run/systemd/system/a.service.d/x.conf\n[Service]\nDevicePolicy=strict\n';
    expect(parseSystemctlCat(text)).toEqual([
      { path: '/etc/systemd/system/a.service', assignments: [['Service', 'DevicePolicy', 'auto']] },
      { path: '/run/systemd/system/a.service.d/x.conf', assignments: [['Service', 'DevicePolicy', 'strict']] },
    ]);
  });

  test('systemctl show of two units', () => {
    const [first, second] = parseSystemctlShow(
      'Id=a.service\nDeviceAllow=/dev/a rw\nDeviceAllow=char-* m\nExecStart={ secret }\n\nId=b.service\nDevicePolicy=auto\n',
    );
    expect({ ...first }).toEqual({ Id: ['a.service'], DeviceAllow: ['/dev/a rw', 'char-* m'] });
    expect({ ...second }).toEqual({ Id: ['b.service'], DevicePolicy: ['auto'] });
  });
});

test('the units on the way to a cgroup', () => {
  expect(unitsOnPath('/machine.slice/libpod-1.scope/container')).toEqual([
    { name: '-.slice', cgroup: '/' },
    { name: 'machine.slice', cgroup: '/machine.slice' },
    { name: 'libpod-1.scope', cgroup: '/machine.slice/libpod-1.scope' },
  ]);
});

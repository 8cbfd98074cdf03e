/** `show --rules-as v1` written into the running kernel's cgroup v1 devices controller, and asked there. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import { DeviceSpace, type DeviceSet } from '../../src/policy/device-set.js';
import { parseRule } from '../../src/policy/rule-text.js';
import { rulesAs } from '../../src/policy/rules-as.js';
import type { DeviceRequest } from '../../src/policy/types.js';

const space = new DeviceSpace(new BddManager());
const setOf = (...rules: string[]): DeviceSet => space.forRules(rules.map((rule) => parseRule(rule)));
const CHECKS = setOf('c *:* -', 'b *:* -');
const SETS: Record<string, DeviceSet> = {
  'a container': setOf('c *:* m', 'b *:* m', 'c 1:3 rwm', 'c 1:5 rwm', 'c 5:0-2 rwm', 'c 136:* rwm', 'b 8:0 r'),
  nothing: space.nothing,
  everything: space.everything,
  'all but one device': setOf('c 10:229 rwm', 'b 8:* rw').complement().union(CHECKS),
  'letters apart': setOf('c 1:3 r', 'c 5:* w', 'b *:* m', 'c 195:255 rw'),
};

const NUMBERS = [
  [1, 3],
  [1, 5],
  [1, 4],
  [5, 1],
  [5, 3],
  [8, 0],
  [8, 1],
  [10, 229],
  [136, 7],
  [195, 255],
] as const;
const REQUESTS: DeviceRequest[] = NUMBERS.flatMap(([major, minor]) =>
  (['b', 'c'] as const).flatMap((type) => [0, 1, 2, 4, 6].map((access) => ({ type, access, major, minor }))),
);

/** In the cgroup: access(2) on a node, or mknod(2); prints 1 where the kernel lets it. Root passes every other check. */
const ASK = `
import errno, os, sys
open(sys.argv[1] + '/cgroup.procs', 'w').write(str(os.getpid()))
folder, made = sys.argv[2], 0
for line in sys.stdin:
    kind, major, minor, access = line.split()
    number = os.makedev(int(major), int(minor))
    if access == '1':
        made += 1
        path = folder + '/made' + str(made)
        try:
            os.mknod(path, 0o600 | (0o020000 if kind == 'c' else 0o060000), number)
            print(1)
        except OSError as error:
            if error.errno != errno.EPERM: raise
            print(0)
    else:
        mode = (os.R_OK if int(access) & 2 else 0) | (os.W_OK if int(access) & 4 else 0)
        print(int(os.access(folder + '/%s-%s-%s' % (kind, major, minor), mode)))
`;

/** A mount of our own: hosts with cgroup v2 alone have the controller too, and other namespaces than the first may mount it where it is in use. */
let mount: string;
let refused = '';
let cgroup: string;
let nodes: string;
beforeAll(() => {
  mount = mkdtempSync(join(tmpdir(), 'devpolicy-v1-mount-'));
  const mounted = spawnSync('mount', ['-t', 'cgroup', '-o', 'devices', 'none', mount], { encoding: 'utf8' });
  if (mounted.status !== 0) {
    refused = mounted.stderr.trim();
    return;
  }
  cgroup = join(mount, `devpolicy-test-${String(process.pid)}`);
  mkdirSync(cgroup);
  nodes = mkdtempSync(join(tmpdir(), 'devpolicy-v1-'));
  for (const [major, minor] of NUMBERS)
    for (const type of ['b', 'c'])
      spawnSync('mknod', [
        join(nodes, `${type}-${String(major)}-${String(minor)}`),
        type,
        String(major),
        String(minor),
      ]);
});
afterAll(() => {
  if (refused === '') {
    rmSync(nodes, { recursive: true });
    rmdirSync(cgroup);
    spawnSync('umount', [mount]);
  }
  rmdirSync(mount);
});

test.for(Object.entries(SETS))('%s', ([, set], { skip }) => {
  if (refused !== '') skip(`the devices controller of cgroup v1 cannot be mounted here: ${refused}`);
  const written = rulesAs(set, 'v1');
  if ('refused' in written) throw new Error(written.refused);
  const start = /Write "a" to (devices\.(?:allow|deny)), then each line to (devices\.(?:allow|deny))\./.exec(
    written.notes[0] ?? '',
  );
  writeFileSync(join(cgroup, start?.[1] ?? 'devices.allow'), 'a');
  for (const line of written.lines) writeFileSync(join(cgroup, start?.[2] ?? 'devices.allow'), line);
  const input = REQUESTS.map(({ type, major, minor, access }) => [type, major, minor, access].join(' ')).join('\n');
  const asked = spawnSync('python3', ['-c', ASK, cgroup, nodes], { input, encoding: 'utf8' });
  for (const name of readdirSync(nodes)) if (name.startsWith('made')) rmSync(join(nodes, name));
  expect(asked.stderr).toBe('');
  const answers = asked.stdout
    .trim()
    .split('\n')
    .map((answer) => answer === '1');
  expect(answers).toEqual(REQUESTS.map((request) => set.contains(request)));
});

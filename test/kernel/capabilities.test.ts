/** The capabilities of the shipped service, and what each of them is for, with real containers. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DOCKER_DEFAULT_RULES, startContainer } from '../lab/runc.js';
import { type CommandResult, Namespace } from '../lab/namespace.js';
import { projectRoot } from './loader-process.js';

const UNIT = readFileSync(path.join(projectRoot, 'deploy/systemd/devpolicy-verify.service'), 'utf8');
const NEEDED = (/^CapabilityBoundingSet=(.+)$/m.exec(UNIT)?.[1] ?? '').split(' ');

let lab: Namespace;
beforeAll(async () => {
  lab = await Namespace.start();
  await startContainer(lab, { name: 'web', rules: DOCKER_DEFAULT_RULES });
  await startContainer(lab, { name: 'open', rules: [{ allow: true, access: 'rwm' }] });
});
afterAll(() => lab.stop());

/** Runs devpolicy as root with these capabilities and no others, and without a way to get more. */
function devpolicy(capabilities: readonly string[], ...args: string[]): Promise<CommandResult> {
  const words = capabilities.map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`);
  const bounding = ['-all', ...words].join(',');
  const command = [process.execPath, path.join(projectRoot, 'dist/cli/main.js'), ...args];
  return lab.exec(['setpriv', `--bounding-set=${bounding}`, '--inh-caps=-all', '--no-new-privs', ...command]);
}

/** A snapshot without what differs from run to run and from set to set by its nature. */
function stable({ stdout }: CommandResult): Record<string, unknown> {
  const snapshot = JSON.parse(stdout) as { host: Record<string, unknown> } & Record<string, unknown>;
  return { ...snapshot, collectedAt: null, bootTimeNs: null, host: { ...snapshot.host, capEff: null } };
}

test('the unit names five capabilities', () => {
  expect(NEEDED).toEqual(['CAP_SYS_ADMIN', 'CAP_NET_ADMIN', 'CAP_SYSLOG', 'CAP_DAC_READ_SEARCH', 'CAP_SYS_PTRACE']);
});

test('under exactly those, verify --all is healthy, and all that root reads is read', async () => {
  expect(await devpolicy(NEEDED, 'verify', '--all')).toEqual({ status: 0, stdout: '', stderr: '' });
  const root = await lab.exec([process.execPath, path.join(projectRoot, 'dist/cli/main.js'), 'snapshot']);
  const least = await devpolicy(NEEDED, 'snapshot');
  expect(stable(least)).toEqual(stable(root));
  const doctor = await devpolicy(NEEDED, 'doctor');
  expect(doctor.stdout).not.toContain('FAILS');
  expect(doctor.status).toBe(0);
});

test.each(NEEDED)('without %s doctor says so and nothing else', async (dropped) => {
  const result = await devpolicy(
    NEEDED.filter((name) => name !== dropped),
    'doctor',
  );
  expect(result.status).toBe(3);
  const missing = result.stdout.split('\n').filter((line) => line.includes('missing:'));
  expect(missing).toHaveLength(1);
  expect(missing[0]).toMatch(new RegExp(`^FAILS {2}missing: ${dropped} \\([^()]+\\)$`));
});

test.each(NEEDED)('without %s verify names it, and calls the host incomplete', async (dropped) => {
  const held = NEEDED.filter((name) => name !== dropped);
  const { status, stdout } = await devpolicy(held, 'verify', '--all');
  const doctor = await devpolicy(held, 'doctor');
  expect(status).toBe(3);
  const said = stdout.split('\n').filter((line) => line.includes('missing:'));
  expect(said).toEqual([`UNREAD  host: ${/missing: .*/.exec(doctor.stdout)?.[0] ?? ''}`]);
  expect(said[0]).toContain(`missing: ${dropped} (`);
});

test('without CAP_SYS_ADMIN no container is healthy', async () => {
  const result = await devpolicy(
    ['CAP_NET_ADMIN', 'CAP_SYSLOG', 'CAP_DAC_READ_SEARCH', 'CAP_SYS_PTRACE'],
    'verify',
    '--all',
  );
  expect(result.status).toBe(3);
  expect(result.stdout).toMatch(/^UNKNOWN {2}(?:open|web)/);
  expect(result.stdout).toContain('EPERM');
});

test('without CAP_SYS_PTRACE the nodes in containers are unknown, and the snapshot says so for each of them', async () => {
  const { stdout } = await devpolicy(
    NEEDED.filter((name) => name !== 'CAP_SYS_PTRACE'),
    'snapshot',
  );
  const { containers, problems } = JSON.parse(stdout) as {
    containers: { key: string; nodes: unknown[] }[];
    problems: { subject: string; message: string; code: string | null }[];
  };
  expect(containers.map(({ nodes }) => nodes)).toEqual([[], []]);
  for (const { key } of containers)
    expect(problems.filter(({ subject }) => subject === key).map(({ code }) => code)).toContain('EACCES');
});

test('without any, it fails and never says OK', async () => {
  const result = await devpolicy([], 'verify', '--all');
  expect([2, 3]).toContain(result.status);
  expect(result.stdout + result.stderr).toMatch(/EPERM|root/);
  expect(result.stdout).not.toMatch(/\d+ as intended, now/);
});

/** Policy as a test on a real container: what the kernel says of the witness is what the finding says. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Namespace } from '../lab/namespace.js';
import { DOCKER_DEFAULT_RULES, startContainer, type Container } from '../lab/runc.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { projectRoot } from './loader-process.js';
import { Referee } from './referee.js';

interface Report {
  exitStatus: number;
  subjects: {
    findings: { code: string; evidence: { witness: { request: DeviceRequest; enforced: string } | null } }[];
  }[];
}

let lab: Namespace;
let referee: Referee;
let web: Container;
beforeAll(async () => {
  referee = await Referee.start();
  lab = await Namespace.start();
  web = await startContainer(lab, { name: 'web', rules: DOCKER_DEFAULT_RULES });
});
afterAll(async () => {
  await lab.stop();
  await referee.stop();
});

async function verify(...lines: string[]): Promise<Report> {
  const file = '/run/expect.yaml';
  writeFileSync(lab.path(file), `version: 1\ncontainers:\n  web:\n${lines.map((line) => `    - ${line}\n`).join('')}`);
  const command = [process.execPath, path.join(projectRoot, 'dist/cli/main.js'), 'verify', '--expect', file, '--json'];
  const { stdout, stderr } = await lab.exec(command);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Report;
}

test.each([
  ['DP501', 'deny', ['c 1:3 rw', 'c 226:* rw']],
  ['DP501', 'deny', ['b 8:0 r']],
  ['DP502', 'allow', ['no character devices']],
  ['DP502', 'allow', ['no c 1:9 w', 'c 1:3 rw']],
  ['DP502', 'allow', ['c 1:3 rwm', 'nothing else']],
] as const)('%s: the kernel says %s to the witness of %j', async (code, verdict, lines) => {
  const report = await verify(...lines);
  expect(report.exitStatus).toBe(1);
  const witness = report.subjects[0]?.findings.find((finding) => finding.code === code)?.evidence.witness;
  if (witness == null) throw new Error('no witness');
  expect(witness.enforced).toBe(verdict);
  expect(await referee.verdictsBelow(lab.cgroupPath(web.cgroup), [witness.request])).toEqual([verdict]);
});

test('expectations that are met', async () => {
  const report = await verify(
    'no block devices',
    'c 1:3,5,8,9 rw',
    'may c 10:200 rwm',
    'default devices',
    'nothing else',
  );
  expect(report.subjects[0]?.findings).toEqual([]);
  expect(report.exitStatus).toBe(0);
});

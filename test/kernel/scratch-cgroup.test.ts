/**
 * Why devpolicy does not ask the kernel by attaching a container's programs to a cgroup of its own (ARCHITECTURE.md, "No kernel referee in the shipped
 * tool"): what such a question would do to the container, and where its answer would be another one.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DeviceRequest } from '../../src/policy/types.js';
import { assemble } from './assemble.js';
import { FLAGS, Referee } from './referee.js';

let referee: Referee;
beforeAll(async () => {
  referee = await Referee.start();
});
afterAll(async () => {
  await referee.stop();
});

const NULL: DeviceRequest = { type: 'c', access: 2, major: 1, minor: 3 };

test('asking a program elsewhere uses up what it counts for the container', async () => {
  const counter = await referee.createMap('array', 4, 4, 1);
  // r1 = &counter[0]; r2 = counter[0]; counter[0] = r2 + 1; allow the first three requests
  const program = await referee.load(
    assemble(
      [0x18, 0x21, 0, counter.fd],
      [0, 0, 0, 0],
      [0x61, 0x12, 0, 0],
      [0xbf, 0x23, 0, 0],
      [0x07, 3, 0, 1],
      [0x63, 0x31, 0, 0],
      [0xb7, 0, 0, 0],
      [0x35, 2, 1, 3],
      [0xb7, 0, 0, 1],
      [0x95, 0, 0, 0],
    ),
  );
  const [container, scratch] = [await referee.createCgroup('container'), await referee.createCgroup('scratch')];
  await referee.attach(container, program);
  // By id, as a tool that did not load the program would have it.
  const again = await referee.programById(program.id);
  await referee.attach(scratch, again);
  expect(await referee.verdicts(scratch, [NULL, NULL, NULL])).toEqual(['allow', 'allow', 'allow']);
  expect(await referee.verdicts(container, [NULL])).toEqual(['deny']);
  for (const cgroup of [scratch, container]) await referee.removeCgroup(cgroup);
});

test('a program that runs twice for the container cannot be attached twice elsewhere', async () => {
  const program = await referee.load(assemble([0xb7, 0, 0, 1], [0x95, 0, 0, 0]));
  const outer = await referee.createCgroup('outer');
  const inner = await referee.createCgroup('inner', outer);
  await referee.attach(outer, program, { flags: FLAGS.MULTI });
  await referee.attach(inner, program, { flags: FLAGS.MULTI });
  const { programIds } = await referee.query(inner, true);
  expect(programIds.filter((id) => id === program.id)).toHaveLength(2);
  const scratch = await referee.createCgroup('scratch');
  await referee.attach(scratch, program, { flags: FLAGS.MULTI });
  await expect(referee.attach(scratch, program, { flags: FLAGS.MULTI })).rejects.toThrow(/BPF_PROG_ATTACH: errno 22/);
  for (const cgroup of [scratch, inner, outer]) await referee.removeCgroup(cgroup);
});

test('a program that looks at its cgroup answers otherwise in another', async () => {
  const container = await referee.createCgroup('container');
  const scratch = await referee.createCgroup('scratch');
  // r0 = bpf_get_current_cgroup_id(); allow if its low half is the container's
  const program = await referee.load(
    assemble(
      [0x85, 0, 0, 80],
      [0xbc, 0x01, 0, 0],
      [0xb7, 0, 0, 0],
      [0x56, 1, 1, container.id | 0],
      [0xb7, 0, 0, 1],
      [0x95, 0, 0, 0],
    ),
  );
  for (const cgroup of [container, scratch]) await referee.attach(cgroup, program);
  expect(await referee.verdicts(container, [NULL])).toEqual(['allow']);
  expect(await referee.verdicts(scratch, [NULL])).toEqual(['deny']);
  for (const cgroup of [scratch, container]) await referee.removeCgroup(cgroup);
});

/** A process that ends while it is looked at is no failure: containers come and go during every scan. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Proc } from '../../src/collect/proc.js';

let parent: ChildProcess;
let zombie = 0;
beforeAll(async () => {
  // A child that has ended and that nobody waits for: the longest moment of ending there is.
  parent = spawn('sh', ['-c', 'true & exec sleep 100'], { stdio: 'ignore' });
  const children = `/proc/${String(parent.pid)}/task/${String(parent.pid)}/children`;
  for (let attempt = 0; attempt < 500 && zombie === 0; attempt++) {
    const pid = Number(readFileSync(children, 'utf8').trim());
    if (pid > 0 && readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(' Z ')) zombie = pid;
    else await sleep(10);
  }
  expect(zombie).toBeGreaterThan(0);
});
afterAll(() => {
  parent.kill('SIGKILL');
});

test('its mounts are not known, and that is no failure', () => {
  expect(() => readFileSync(`/proc/${String(zombie)}/mountinfo`)).toThrow(/EINVAL/);
  const proc = new Proc();
  expect(proc.text(`${String(zombie)}/mountinfo`)).toBeNull();
  expect(proc.process(zombie)).not.toBeNull();
  expect([...proc.failures]).toEqual([]);
});

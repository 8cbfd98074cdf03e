/** Containers of containerd itself, of its namespaces, and pods that a kubelet asks it for: by the names people use, and right before and after a reload. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Referee } from '../kernel/referee.js';
import { setUpContainerd, startPods, startTasks } from './containerd.js';
import { labSuites } from './debian-root.js';
import { allRight, look, prove, subjectOf } from './prove.js';
import { SystemdLab } from './systemd.js';

describe.each(labSuites())('%s', (suite) => {
  let lab: SystemdLab;
  let referee: Referee;
  beforeAll(async () => {
    referee = await Referee.start();
    lab = await SystemdLab.start({ suite });
    await setUpContainerd(lab);
    await startTasks(lab);
    await startPods(lab);
  });
  afterAll(async () => {
    await lab.stop();
    await referee.stop();
  });

  const KEYS = [
    'containerd:one',
    'containerd:open',
    'containerd:scoped',
    'containerd:shop/web/POD',
    'containerd:shop/web/main',
    'containerd:shop/web/gpu',
    'containerd:kube-system/agent/agent',
  ];

  test('by the names people use', async () => {
    for (const name of ['one', 'open', 'scoped', 'shop/web/main', 'shop/web/gpu', 'kube-system/agent/agent']) {
      const { status, stdout, stderr } = await lab.devpolicy(['show', name]);
      expect(`${name} ${String(status)} ${stderr}`).toBe(`${name} 0 `);
      expect(stdout.split(/\s/)[0]).toBe(name);
    }
    const { stdout } = await lab.devpolicy(['list']);
    for (const name of ['shop/web/POD', 'shop/web/main', 'scoped'])
      expect(stdout).toMatch(new RegExp(`^${name} `, 'm'));
  });

  test('what a pod was asked for', async () => {
    const run = await look(lab);
    const gpu = subjectOf(run, 'containerd:shop/web/gpu');
    expect(gpu.container).toMatchObject({
      kubernetes: { namespace: 'shop', pod: 'web', container: 'gpu' },
      namespace: 'k8s.io',
      runtime: 'runc',
    });
    expect(gpu.cgroup).toMatch(
      /^\/kubepods\.slice\/kubepods-besteffort\.slice\/kubepods-besteffort-pod.*\/cri-containerd-/,
    );
    for (const [device, access, status] of [
      ['c:195:0', 'rw', 0],
      ['c:195:0', 'm', 0],
      ['b:8:0', 'r', 1],
    ] as const)
      expect([device, (await lab.devpolicy(['can', 'shop/web/gpu', device, access])).status]).toEqual([device, status]);
    expect((await lab.devpolicy(['can', 'kube-system/agent/agent', 'b:8:0', 'rw'])).status).toBe(0);
  });

  test('enforced, meant and foretold', async () => {
    const { proofs } = await prove(lab, referee, KEYS);
    expect(proofs).toEqual(allRight(KEYS));
  });
});

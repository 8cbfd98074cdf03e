/** containerd of a systemd lab, used directly (ctr) and as a kubelet does (CRI). The root filesystem of all containers is the lab's busybox. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CriClient } from './cri.js';
import type { SystemdLab } from './systemd.js';

/** runc without what a test kernel may lack, see systemd-init.sh. */
const RUNTIME = '/usr/local/sbin/runc-nested';
const IMAGE = 'localhost/box:1';

/**
 * systemd's driver for pods, as kubeadm sets it. A pause container wants to be killed last, which takes a capability that test machines may lack. The sections
 * are containerd 1.x's; 2.x takes them too (version 2).
 */
const CONFIG = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "${IMAGE}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    BinaryName = "${RUNTIME}"
    SystemdCgroup = true
`;

/** Starts containerd with an image for pods and their pause containers. dockerd makes the image. */
export async function setUpContainerd(lab: SystemdLab): Promise<void> {
  mkdirSync(lab.namespace.path('/etc/containerd'), { recursive: true });
  writeFileSync(lab.namespace.path('/etc/containerd/config.toml'), CONFIG);
  await lab.startDocker();
  const script = `
    tar -C /run/box -c . | docker import --change 'CMD ["/bin/sleep", "1000000"]' - ${IMAGE} >/dev/null
    docker save ${IMAGE} >/run/box-image.tar
    ctr -n k8s.io images import /run/box-image.tar >/dev/null`;
  await lab.execOk(['sh', '-e', '-c', script]);
}

/** Containers of ctr: in the default namespace, in one of its own and privileged, and in a scope of systemd. */
export async function startTasks(lab: SystemdLab): Promise<void> {
  const run = async (namespace: string, name: string, options: readonly string[]): Promise<void> => {
    const root = `/run/bundles/${name}`;
    await lab.execOk(['sh', '-e', '-c', `mkdir -p ${root}; cp -a /run/box ${root}/rootfs`]);
    const fixed = ['run', '--runc-binary', RUNTIME, '--detach', '--null-io', '--rootfs'];
    await lab.execOk(['ctr', '-n', namespace, ...fixed, ...options, `${root}/rootfs`, name, '/bin/sleep', '1000000']);
  };
  await run('default', 'one', ['--device', '/dev/fuse', '--device', '/dev/sda']);
  await run('batch', 'open', ['--privileged']);
  await run('batch', 'scoped', [
    '--runc-systemd-cgroup',
    '--cgroup',
    'system.slice:ctr:scoped',
    '--device',
    '/dev/fuse',
  ]);
}

/** Two pods: one with a plain container and one with a GPU, one with a privileged container. Returns the containers' ids by name. */
export async function startPods(lab: SystemdLab): Promise<Record<string, string>> {
  const socket = lab.namespace.path('/run/containerd/containerd.sock');
  const client = new CriClient(socket, lab.suite === 'bullseye' ? 'v1alpha2' : 'v1');
  const image = IMAGE;
  const command = ['/bin/sleep', '1000000'];
  const parent = (uid: string): string => `kubepods-besteffort-pod${uid.replaceAll('-', '_')}.slice`;
  const pod = (namespace: string, name: string, uid: string): Parameters<CriClient['startPod']>[0] => ({
    namespace,
    name,
    uid,
    cgroupParent: parent(uid),
  });
  try {
    await waitForImage(lab);
    const gpu = { host: '/dev/nvidia0', container: '/dev/nvidia0', permissions: 'mrw' };
    const web = await client.startPod(pod('shop', 'web', '0a1b2c3d-0000-4000-8000-000000000001'), [
      { name: 'main', image, command },
      { name: 'gpu', image, command, devices: [gpu] },
    ]);
    const agent = await client.startPod(pod('kube-system', 'agent', '0a1b2c3d-0000-4000-8000-000000000002'), [
      { name: 'agent', image, command, privileged: true },
    ]);
    return { ...web, ...agent };
  } finally {
    client.close();
  }
}

/** The CRI plugin learns of images by events. */
async function waitForImage(lab: SystemdLab): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const { stdout } = await lab.exec(['ctr', '-n', 'k8s.io', 'images', 'ls']);
    if (stdout.split('\n').filter((line) => line.includes('io.cri-containerd.image=managed')).length >= 1) return;
    await sleep(100);
  }
  throw new Error(
    `containerd's CRI plugin does not know the image:\n${readFileSync(lab.namespace.path('/etc/containerd/config.toml'), 'utf8')}`,
  );
}

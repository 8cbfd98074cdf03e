/**
 * Land mines that the Debian suites' own packages lay: device rules that runc gives its own program and does not (or cannot) give systemd, which therefore
 * takes them away when it next applies its own list.
 */
import type { Suite } from './debian-root.js';
import type { SystemdLab } from './systemd.js';

/** Options of docker run. */
export const MINES: Readonly<Record<string, string[]>> = {
  /** Any major with a fixed minor: systemd has no such rule; runc warns and leaves it out. */
  'any-major': ['--device-cgroup-rule', 'c *:5 rwm'],
  /** A whole major that /proc/devices does not name: left out by runc before 1.2. */
  'unnamed-major': ['--device-cgroup-rule', 'c 188:* rwm'],
};

/** runc before 1.0.0-rc94 leaves systemd's program beside its own: what systemd was not told is lost from the start, and no reload changes that. */
export function goneOffAtStart(suite: Suite): boolean {
  return suite === 'bullseye';
}

/** What an administrator does without thinking. On systemd 257 the lists are put back only when the next unit starts after the reload. */
export async function setOff(lab: SystemdLab): Promise<void> {
  await lab.execOk(['systemctl', 'daemon-reload']);
  await lab.execOk(['systemd-run', '--wait', '--quiet', '/bin/true']);
}

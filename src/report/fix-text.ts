import type { Fix } from '../verify/fix.js';
import { escapeText } from './escape.js';

/** Fixes as one sentence. */
export function fixesText(fixes: readonly Fix[]): string {
  return `${fixes.map(fixText).join('; ')}.`;
}

function fixText(fix: Fix): string {
  switch (fix.kind) {
    case 'upgrade':
      return `upgrade ${escapeText(fix.runtime)} to ${escapeText(fix.version)} or newer, then recreate the container`;
    case 'name-majors':
      return 'give the devices with their major numbers in place of "*", then recreate the container';
    case 'list-allowed':
      return 'list what is allowed in place of what is denied, then recreate the container';
    case 'make-links':
      return 'create the device nodes or links that are missing, then recreate the container';
    case 'give-device':
      return 'give the devices to the container by name (--device, or CDI) in place of a hook, then recreate it';
    case 'recreate':
      return 'recreate the container, by a name that stays (/dev/serial/by-id ...) or for the whole major';
    case 'add-allow-line':
      return 'add an lxc.cgroup2.devices.allow line: LXC attaches a program only for a list that is not empty; then restart it';
    case 'keep-pin':
      return 'recreate the container before the next reload, and find out what removes files below /sys/fs/bpf';
    case 'find-writer':
      return 'find out what attached that program, then recreate the container';
    case 'widen-unit':
      return 'widen the settings of that unit, or start the container under another parent (--cgroup-parent)';
    case 'name-numbers':
      return 'write /dev/char/MAJOR:MINOR or a group such as char-ttyUSB in place of the path, then restart the unit';
    case 'mend-files':
      return "see what the unit's files say (systemctl cat), and set it right before systemd is reloaded";
    case 'add-rule':
      return 'give it a device rule (--device, --device-cgroup-rule), or upgrade crun to 1.23 or newer with the systemd cgroup driver; then recreate the container';
    case 'system-unit':
      return "make it a unit of the system's own systemd (with User=), which may attach the program";
    case 'ask-device':
      return `ask for the device whatever the version: --device ${escapeText(fix.path)}`;
    case 'rename-keys':
      return `write ${fix.lines.map(escapeText).join(', ')}, then restart the container`;
  }
}

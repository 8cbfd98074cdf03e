/** A line of an LXC configuration. */
export interface LxcAssignment {
  key: string;
  value: string;
}

/** Keys that bear on devices, on which cgroup the container is in, and on whether it has a user namespace of its own. */
const KEPT = [
  /^lxc\.cgroup2?\.devices\./,
  /^lxc\.cgroup\.(dir|relative)/,
  /^lxc\.id_?map$/,
  /^lxc\.include$/,
  /^lxc\.(uts\.name|utsname)$/,
  /^lxc\.hook\.(version|autodev|start-host|mount)$/,
];

/**
 * Reads an LXC configuration (lxc.container.conf(5)): "key = value" lines in order, those that matter here. `lxc.include` stays in the list, for the caller
 * to follow. Mount entries are kept where they bring a device node of the host.
 */
export function parseLxcConfig(content: string): LxcAssignment[] {
  const assignments: LxcAssignment[] = [];
  for (const raw of content.split('\n')) {
    const line = raw.trim();
    const equals = line.indexOf('=');
    if (line.startsWith('#') || equals < 0) continue;
    const key = line.slice(0, equals).trim();
    const value = unquote(line.slice(equals + 1).trim());
    if (KEPT.some((pattern) => pattern.test(key)) || isDeviceMount(key, value)) assignments.push({ key, value });
  }
  return assignments;
}

/** LXC itself refuses a file with a line that is no assignment (parse_line in src/lxc/confile.c); one without any was cut off or is something else. */
export function isLxcConfig(content: string): boolean {
  const lines = content.split('\n').map((line) => line.trim());
  const assignments = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return assignments.length > 0 && assignments.every((line) => /^lxc\.[^=]+=/.test(line));
}

/** One pair of quotes around the whole value is dropped, as confile.c does. */
function unquote(value: string): string {
  const quote = value.charAt(0);
  return (quote === '"' || quote === "'") && value.length > 1 && value.endsWith(quote) ? value.slice(1, -1) : value;
}

function isDeviceMount(key: string, value: string): boolean {
  return key === 'lxc.mount.entry' && value.startsWith('/dev/');
}

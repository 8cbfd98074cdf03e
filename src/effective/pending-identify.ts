import type { DeviceSet } from '../policy/device-set.js';
import type { PendingProgram } from './pending-types.js';

/** One reading of which programs of a level systemd will detach. */
export interface Reading {
  readonly leaving: readonly number[];
}

/** Since 251 systemd names its device program (systemd#22214). */
const NAMED_SINCE = 251;
const NAME = 'sd_devices';

/**
 * Which attached program is the one systemd remembers as its own? By the name the kernel keeps, where that release names it. Nameless ones by exact
 * equality: with what the unit's lists compile to, it is systemd's; with what the container's runtime would attach, it is the runtime's. What equals
 * neither could be either, and both readings are returned.
 *
 * @param lists what systemd's lists for the unit compile to, from files and from `systemctl show`
 * @param runtimeOwn what the container's runtime means to attach, as far as decided
 */
export function systemdPrograms(
  programs: readonly PendingProgram[],
  release: number | null,
  lists: readonly DeviceSet[],
  runtimeOwn: readonly DeviceSet[],
): readonly Reading[] {
  const named = programs.filter(({ name }) => name === NAME);
  // systemd remembers one program. Where several carry its name the others were left behind and stay.
  if (named.length > 0) return named.map(({ id }) => ({ leaving: [id] })).toReversed();
  if (release !== null && release >= NAMED_SINCE) return [{ leaving: [] }];
  const nameless = programs.filter(({ name }) => name === '');
  const equals = (program: PendingProgram, sets: readonly DeviceSet[]): boolean =>
    sets.some((set) => program.allowed?.equals(set) === true);
  const own = nameless.filter((program) => equals(program, lists));
  if (own.length > 0) return [{ leaving: own.slice(0, 1).map(({ id }) => id) }];
  const strangers = nameless.filter((program) => !equals(program, runtimeOwn));
  return [{ leaving: [] }, ...strangers.map(({ id }) => ({ leaving: [id] }))];
}

import type { DeviceSet } from '../../policy/device-set.js';
import type { CheckInput } from '../checks/check.js';
import { hookCause } from './hook.js';
import { listCause } from './list.js';
import { replacedCause } from './replaced.js';
import type { Cause, NamedCause } from './types.js';
import { staleUnitCause } from './unit.js';

/** Why a region is otherwise than was meant, where no list of a runtime's is behind it. What is proven of the region itself comes first. */
export function namedCause(input: CheckInput, region: DeviceSet): NamedCause | null {
  return hookCause(input, region) ?? replacedCause(input) ?? staleUnitCause(input);
}

/** Why systemd's next program, or the one it has attached, denies a region that the container's own allows. A list that left nothing out explains nothing. */
export function lossCause(input: CheckInput, region: DeviceSet): Cause | null {
  const named = namedCause(input, region);
  if (named !== null) return named;
  const list = listCause(input.snapshot, input.analysis.subject);
  return list?.kind === 'runtime-list' && list.parts.length === 0 ? null : list;
}

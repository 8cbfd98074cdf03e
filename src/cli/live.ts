import { UnsupportedError } from '../errors.js';
import type { Snapshot } from '../snapshot/types.js';
import type { CommandContext } from './context.js';
import type { FoundDevice } from './device.js';
import type { GlobalOptions } from './options.js';
import type { TargetSyntax } from './target-syntax.js';

export function collectHost(_context: CommandContext, _targets: readonly TargetSyntax[]): Promise<Snapshot> {
  throw new UnsupportedError('collecting is not there yet');
}
export function resolveLiveDevice(_globals: GlobalOptions, _pid: number | null, _path: string): FoundDevice {
  throw new UnsupportedError('collecting is not there yet');
}

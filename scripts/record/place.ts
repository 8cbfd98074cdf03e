import path from 'node:path';
import { projectRoot } from '../../test/kernel/loader-process.js';

export const RECORDED: string = path.join(projectRoot, 'test/fixtures/recorded');
/** States whose cause is to be named: there the kernel does not enforce what was intended. */
export const CAUSES: string = path.join(projectRoot, 'test/fixtures/causes');

/** Debian versions hold "~" and "+", which stay; ":" and "/" do not. */
export function folder(emitter: unknown, name: string, root: string = RECORDED): string {
  return path.join(root, String(emitter).replaceAll(/[:/]/g, '_'), name);
}

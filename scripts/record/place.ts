import path from 'node:path';
import { projectRoot } from '../../test/kernel/loader-process.js';

export const RECORDED: string = path.join(projectRoot, 'test/fixtures/recorded');

/** Debian versions hold "~" and "+", which stay; ":" and "/" do not. */
export function folder(emitter: unknown, name: string): string {
  return path.join(RECORDED, String(emitter).replaceAll(/[:/]/g, '_'), name);
}

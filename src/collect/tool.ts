import { readFileSync } from 'node:fs';
import type { Snapshot } from '../snapshot/types.js';

/** What a snapshot says of its maker. */
export const TOOL: Snapshot['tool'] = { name: 'devpolicy', version: packageVersion() };

/** package.json lies two directories up from dist/collect as from src/collect; a bundle elsewhere does not know its version. */
function packageVersion(): string {
  try {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    return /"name": "devpolicy",\s*"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

import { readFileSync } from 'node:fs';
import type { Snapshot } from '../snapshot/types.js';

/** What a snapshot says of its maker. */
export const TOOL: Snapshot['tool'] = { name: 'devpolicy', version: packageVersion() };

/** package.json lies one or two directories up from a bundle, dist/collect or src/collect; a single file elsewhere does not know its version. */
function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    const version = versionIn(new URL(path, import.meta.url));
    if (version !== null) return version;
  }
  return 'unknown';
}

function versionIn(manifest: URL): string | null {
  try {
    return /"name": "devpolicy",\s*"version": "([^"]+)"/.exec(readFileSync(manifest, 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}

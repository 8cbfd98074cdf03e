// Licences of what the bundle of the command line has inside: they ask to go with every copy.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from './setup.mjs';

/** Packages whose code is in dist/cli, with their licences as Debian names them. */
export const BUNDLED = [
  { name: 'commander', license: 'Expat' },
  { name: 'yaml', license: 'ISC' },
];

export function licenseOf(name) {
  return readFileSync(join(projectRoot, 'node_modules', name, 'LICENSE'), 'utf8').trim();
}

/** One text of all of them. */
export function bundledLicenses() {
  return BUNDLED.map(({ name }) => `${name}\n${'-'.repeat(name.length)}\n\n${licenseOf(name)}\n`).join('\n\n');
}

/** The licence of the node that runs this, where its distributor put it; null if nowhere. */
export function nodeLicense() {
  const root = dirname(dirname(process.execPath));
  const found = ['LICENSE', 'share/doc/nodejs/LICENSE', 'share/doc/nodejs/copyright']
    .map((path) => join(root, path))
    .find(existsSync);
  return found === undefined ? null : readFileSync(found, 'utf8');
}

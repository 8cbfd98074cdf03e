// Runs a TypeScript file of scripts/ or test/ on Node.js versions that cannot: bundles it with esbuild into build/scripts and imports it.
//   node scripts/run-ts.mjs scripts/record-fixture.ts ARG...      (process.argv is that of the script alone)
import { build } from 'esbuild';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './setup.mjs';

/** Bundles and imports; returns the module. */
export async function importTypeScript(entry) {
  const outfile = join(projectRoot, 'build/scripts', `${basename(entry, '.ts')}.mjs`);
  await build({
    entryPoints: [join(projectRoot, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    target: 'node20',
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [node, , entry, ...rest] = process.argv;
  if (entry === undefined) {
    console.error('usage: node scripts/run-ts.mjs FILE.ts ARG...');
    process.exit(2);
  }
  process.argv = [node, join(projectRoot, entry), ...rest];
  const { main } = await importTypeScript(entry);
  process.exitCode = await main(rest);
}

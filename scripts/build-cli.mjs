// The command line as one bundle, split only at the lazy imports of the commands: start-up then costs a few files in place of a hundred modules.
// The library beside it stays plain compiler output.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { bundledLicenses } from './build-licenses.mjs';

// Beside its place, so that a build that fails leaves the one that was there.
const fresh = `dist/cli.${process.pid}`;
await build({
  entryPoints: ['src/cli/main.ts'],
  outdir: fresh,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // commander is CommonJS inside: what it requires must be found from an ES module.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
  // Names and lines stay readable in the stack of an internal error. (keepNames would set the name of every closure anew each time it is made.)
  minifyWhitespace: false,
  legalComments: 'inline',
  logLevel: 'warning',
});
writeFileSync(`${fresh}/LICENSES.txt`, bundledLicenses());
rmSync('dist/cli', { recursive: true, force: true });
renameSync(fresh, 'dist/cli');

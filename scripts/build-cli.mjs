// The command line as one bundle, split only at the lazy imports of the commands: start-up then costs a few files in place of a hundred modules.
// The library beside it stays plain compiler output.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist/cli', { recursive: true, force: true });
await build({
  entryPoints: ['src/cli/main.ts'],
  outdir: 'dist/cli',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // commander is CommonJS inside: what it requires must be found from an ES module.
  banner: { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" },
  // Names and lines stay readable in the stack of an internal error.
  minifyWhitespace: false,
  keepNames: true,
  legalComments: 'inline',
  logLevel: 'warning',
});

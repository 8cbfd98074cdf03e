/** Entry of the single-file executable: as src/cli/main.ts, without await at the top, which CommonJS has not. */
import { processIo } from '../../src/cli/io.js';
import { runCli } from '../../src/cli/program.js';

void runCli(process.argv.slice(2), processIo()).then((status) => {
  process.exitCode = status;
});

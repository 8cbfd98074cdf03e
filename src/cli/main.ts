#!/usr/bin/env node
import { processIo } from './io.js';
import { runCli } from './program.js';

// The status is set, not forced: what was written to a pipe is still delivered before the process ends by itself.
process.exitCode = await runCli(process.argv.slice(2), processIo());

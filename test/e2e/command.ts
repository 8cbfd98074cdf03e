/** The built command, run as a process. Needs `npm run build:ts`. */
import path from 'node:path';

export const COMMAND: string = path.join(import.meta.dirname, '../../dist/cli/main.js');

/** Hundreds of processes are started: none of them needs the certificates that Node.js would read and parse at each start (a tenth of a second). */
export const ENVIRONMENT: NodeJS.ProcessEnv = { ...process.env };
delete ENVIRONMENT['NODE_EXTRA_CA_CERTS'];

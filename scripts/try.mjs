// npm run try: sets up what it needs, then shows devpolicy at work on real containers. The show itself is scripts/try/show.ts.
import { SetupError, buildTypeScript, installModules, setUp, whyNotLive } from './setup.mjs';

const reason = whyNotLive();
// Said before anything else is. Without root nothing can be installed or attached; the recording needs node_modules and the TypeScript build only.
if (reason !== undefined)
  console.log(
    `RECORDED: this machine cannot run the real thing (${reason}); what follows comes from a snapshot of one that could.`,
  );
try {
  if (reason === undefined) {
    setUp('try');
  } else {
    installModules();
    buildTypeScript();
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exit(1);
}
const { importTypeScript } = await import('./run-ts.mjs');
const { showLive, showRecorded } = await importTypeScript('scripts/try/show.ts');
process.exitCode = reason === undefined ? await showLive() : await showRecorded();

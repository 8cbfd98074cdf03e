/** Builds the Debian roots that the lab tests of this run need before any test's clock runs; minutes on a fresh machine, nothing later. */
import { debianRoot, engineRoot, labSuites, suitesWithOthers } from './debian-root.js';

export default async function buildRoots(): Promise<void> {
  for (const suite of labSuites()) {
    const started = Date.now();
    await engineRoot(suite);
    const others = suitesWithOthers().find((each) => each.suite === suite);
    if (others !== undefined) await debianRoot(suite, others.packages);
    const seconds = Math.round((Date.now() - started) / 1000);
    if (seconds > 1) console.log(`built the ${suite} roots with their container engines: ${String(seconds)} s`);
  }
}

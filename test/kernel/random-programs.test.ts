/** A few hundred random programs, each loaded into the running kernel and asked; `npm run fuzz` runs thousands. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seedOf } from '../property/random.js';
import { fuzz } from './fuzz.js';
import { evaluator, interpreter } from './judges.js';
import { Referee } from './referee.js';

/** Products and quotients of two inputs may take seconds each with the evaluator's own limits. */
const QUICK = { steps: 4_000_000, nodes: 2_000_000, instructionSteps: 2_000_000 };

let referee: Referee;
beforeAll(async () => {
  referee = await Referee.start();
});
afterAll(async () => {
  await referee.stop();
});

test('interpreter and evaluator agree with the kernel on random programs', async () => {
  const seed = seedOf(Date.now() % 1_000_000_000);
  const result = await fuzz(referee, {
    seed,
    programs: 300,
    requestsPerProgram: 400,
    judges: [interpreter, evaluator(QUICK)],
  });
  console.log(`random programs: FUZZ_SEED=${String(seed)}`, {
    ...result,
    disagreements: result.disagreements.length,
    undecided: Object.fromEntries(result.undecided),
  });
  expect(result.disagreements, `repeat with FUZZ_SEED=${String(seed)}`).toEqual([]);
  // The evaluator may run out of its budget; concrete execution has no such excuse.
  expect([...result.undecided.keys()].filter((key) => key !== 'evaluator undecided: budget')).toEqual([]);
  expect(result.undecided.get('evaluator undecided: budget') ?? 0).toBeLessThan(result.programs / 10);
  // Not vacuous: both verdicts, and most programs look at the request.
  expect(result.allowed).toBeGreaterThan(result.verdicts / 5);
  expect(result.allowed).toBeLessThan((result.verdicts * 4) / 5);
  expect(result.discerning).toBeGreaterThan(result.programs / 3);
  expect(result.refused).toBeLessThan(result.programs / 10);
});

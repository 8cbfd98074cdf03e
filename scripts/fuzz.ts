/**
 * The long run of random programs: at least 2,000 programs and 1,000,000 verdicts of the running kernel against interpreter and evaluator.
 *   npm run fuzz                                    a new seed, which it prints
 *   FUZZ_SEED=17 npm run fuzz -- 1 500              one program, 500 requests: repeats what a failure named
 */
import { seedOf } from '../test/property/random.js';
import { type FuzzResult, fuzz } from '../test/kernel/fuzz.js';
import { evaluator, interpreter } from '../test/kernel/judges.js';
import { Referee } from '../test/kernel/referee.js';

export async function main(words: readonly string[]): Promise<number> {
  const [programs = 2000, requestsPerProgram = 520] = words.map(Number);
  const seed = seedOf(Date.now() % 1_000_000_000);
  const referee = await Referee.start();
  const started = Date.now();
  const report = (result: FuzzResult): void => {
    const { verdicts, allowed, discerning, refused } = result;
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    const undecided = [...result.undecided].map(([key, count]) => `${key}: ${String(count)} programs`).join('; ');
    console.log(
      `${seconds} s: ${String(result.programs)} programs (${String(discerning)} with both verdicts, ${String(refused)} refused by the verifier), ` +
        `${String(verdicts)} verdicts (${String(allowed)} allow), ${String(result.disagreements.length)} disagreements${undecided === '' ? '' : `; ${undecided}`}`,
    );
  };
  try {
    console.log(`FUZZ_SEED=${String(seed)}`);
    const result = await fuzz(referee, {
      seed,
      programs,
      requestsPerProgram,
      judges: [interpreter, evaluator()],
      progress: report,
    });
    report(result);
    for (const line of result.disagreements) console.log(line);
    return result.disagreements.length === 0 ? 0 : 1;
  } finally {
    await referee.stop();
  }
}

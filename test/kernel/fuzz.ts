/** Random programs against the running kernel: shared by the kernel tests (a few hundred programs) and `npm run fuzz` (thousands). */
import { decode } from '../../src/ebpf/decode.js';
import type { Program, ProgramEnvironment } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { generateProgram } from '../property/generate-program.js';
import { Random } from '../property/random.js';
import { biasedRequests } from '../property/requests.js';
import type { Judge } from './judges.js';
import { LoaderError } from './loader-process.js';
import { type Cgroup, FLAGS, type Referee } from './referee.js';

export interface FuzzOptions {
  seed: number;
  programs: number;
  requestsPerProgram: number;
  judges: readonly Judge[];
  /** Called now and then in long runs. */
  progress?: (done: FuzzResult) => void;
}
export interface FuzzResult {
  programs: number;
  /** Programs the verifier refused; others took their place. */
  refused: number;
  verdicts: number;
  allowed: number;
  /** Programs with both verdicts among their answers: the others test little. */
  discerning: number;
  /** Programs for which a judge left requests undecided, which is honest but must stay rare; by judge and reason. */
  undecided: Map<string, number>;
  /** Empty, or the first few disagreements, each enough to repeat it. */
  disagreements: string[];
}
const MAX_DISAGREEMENTS = 10;

/** Nothing outside the program: no maps, no helpers, nothing replaced. */
export const NO_ENVIRONMENT: ProgramEnvironment = {
  maps: new Map(),
  helpers: new Map(),
  programs: new Map(),
  kernelRelease: null,
  freplaced: 'no',
};

export async function fuzz(referee: Referee, options: FuzzOptions): Promise<FuzzResult> {
  const result: FuzzResult = {
    programs: 0,
    refused: 0,
    verdicts: 0,
    allowed: 0,
    discerning: 0,
    undecided: new Map(),
    disagreements: [],
  };
  const cgroup = await referee.createCgroup('fuzz');
  for (let seed = options.seed; result.programs < options.programs; seed++) {
    const answered = await ask(referee, cgroup, seed, options.requestsPerProgram);
    if (answered === null) {
      result.refused++;
      if (result.refused > 100 + result.programs)
        throw new Error('the verifier refuses most of the generated programs');
      continue;
    }
    count(result, answered.verdicts);
    compare(result, options.judges, seed, answered);
    if (result.disagreements.length >= MAX_DISAGREEMENTS) break;
    if (result.programs % 100 === 0) options.progress?.(result);
  }
  await referee.removeCgroup(cgroup);
  return result;
}

interface Answered {
  program: Program;
  requests: DeviceRequest[];
  verdicts: ('allow' | 'deny')[];
}

async function ask(referee: Referee, cgroup: Cgroup, seed: number, requestCount: number): Promise<Answered | null> {
  const generated = generateProgram(seed);
  try {
    const loaded = await referee.load(generated.bytes);
    await referee.attach(cgroup, loaded, { flags: FLAGS.OVERRIDE });
    const { xlated } = await referee.info(loaded);
    const requests = biasedRequests([generated.bytes], requestCount, new Random(seed));
    const verdicts = await referee.verdicts(cgroup, requests);
    await referee.close(loaded);
    return { program: decode(xlated, 'little'), requests, verdicts };
  } catch (error) {
    if (error instanceof LoaderError && error.log !== '') return null;
    throw error;
  }
}

function count(result: FuzzResult, verdicts: readonly ('allow' | 'deny')[]): void {
  const allowed = verdicts.filter((verdict) => verdict === 'allow').length;
  result.programs++;
  result.verdicts += verdicts.length;
  result.allowed += allowed;
  if (allowed > 0 && allowed < verdicts.length) result.discerning++;
}

function compare(
  result: FuzzResult,
  judges: readonly Judge[],
  seed: number,
  { program, requests, verdicts }: Answered,
): void {
  for (const judge of judges) {
    let decide: (request: DeviceRequest) => string;
    try {
      decide = judge.prepare(program, NO_ENVIRONMENT);
    } catch (error) {
      result.disagreements.push(`seed ${String(seed)}: ${judge.name} threw ${(error as Error).stack ?? ''}`);
      continue;
    }
    const answers = requests.map(decide);
    const open = answers.find((answer) => answer.startsWith('undecided'));
    if (open !== undefined) {
      const key = `${judge.name} ${open}`;
      result.undecided.set(key, (result.undecided.get(key) ?? 0) + 1);
    }
    const wrong = answers.findIndex((answer, index) => answer !== verdicts[index] && !answer.startsWith('undecided'));
    const request = requests[wrong];
    if (request === undefined) continue;
    result.disagreements.push(
      `seed ${String(seed)}: ${JSON.stringify(request)}: kernel ${String(verdicts[wrong])}, ${judge.name} ${String(answers[wrong])}`,
    );
  }
}

/**
 * How long the evaluator takes for lists of device rules compiled as runtimes compile them, by number of rules: first run, best of many, and
 * whether the work grows linearly. Run with `node scripts/run-ts.mjs bench/evaluator.ts`.
 */
import { BddManager } from '../src/bdd/manager.js';
import { decode } from '../src/ebpf/decode.js';
import { Evaluator } from '../src/symbolic/evaluate.js';
import { NO_ENVIRONMENT } from '../test/ebpf/captures.js';
import { listProgram, type ListRule } from '../test/kernel/assemble.js';
import { Random } from '../test/property/random.js';

function rules(count: number): ListRule[] {
  const random = new Random(count);
  return Array.from({ length: count }, () => ({
    type: random.chance(70) ? 'c' : 'b',
    major: random.below(512),
    ...(random.chance(80) ? { minor: random.below(1024) } : {}),
    access: random.pick([7, 6, 2, 4]),
  }));
}

/** Processor time, which other programs on the machine do not lengthen. */
function milliseconds(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

const RUNS = 15;

export function main(): Promise<number> {
  const steps: [number, number][] = [];
  process.stdout.write('rules  instructions  first ms  best ms    nodes    steps\n');
  for (const count of [15, 100, 125, 250, 500, 1000, 2000]) {
    const program = decode(listProgram(rules(count)), 'little');
    let cost = { nodes: 0, steps: 0 };
    const times = Array.from({ length: RUNS }, () => {
      const evaluator = new Evaluator(new BddManager());
      return milliseconds(() => (cost = evaluator.evaluate(program, NO_ENVIRONMENT).cost));
    });
    steps.push([count, cost.steps]);
    const columns = [
      count,
      program.instructions.length,
      times[0]!.toFixed(2),
      Math.min(...times).toFixed(2),
      cost.nodes,
      cost.steps,
    ];
    process.stdout.write(`${columns.map((text, i) => String(text).padStart([5, 14, 10, 9, 9, 9][i]!)).join('')}\n`);
  }
  const [first, last] = [steps.find(([count]) => count === 125)!, steps[steps.length - 1]!];
  const slope = Math.log(last[1] / first[1]) / Math.log(last[0] / first[0]);
  process.stdout.write(`growth of steps from 125 to 2000 rules: exponent ${slope.toFixed(2)}\n`);

  const shared = new Evaluator(new BddManager());
  const many = Array.from({ length: 1000 }, (_, i) =>
    decode(listProgram(rules(15).map((rule) => ({ ...rule, major: (rule.major ?? 0) + (i % 97) }))), 'little'),
  );
  const time = milliseconds(() => {
    for (const program of many) shared.evaluate(program, NO_ENVIRONMENT);
  });
  process.stdout.write(`1000 programs of 15 rules in one manager: ${time.toFixed(0)} ms\n`);
  return Promise.resolve(0);
}

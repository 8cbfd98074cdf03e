// npm run mutation: changes one thing at a time in the sources below and looks whether the fast tests notice. Long; not part of npm test.
//   npm run mutation                                        all of src/symbolic, src/effective, src/ebpf/interpreter
//   npm run mutation -- src/symbolic/arithmetic.ts ...      these files
//   npm run mutation -- src/symbolic/arithmetic.ts:26:31     these lines of it
//   npm run mutation -- --tests=test/symbolic,test/ebpf     by these tests alone: soon known, but others might notice what they do not
//   npm run mutation -- --every=7 --seconds=600             a sample; an end to it
//   npm run mutation -- --budget=6                          at most so many seconds of tests for each mutant, the fastest tests: a survivor may be killed by a slow one
// Prints what survives; the last line is "N killed, N survived". docs/mutation.md argues the survivors.
// Each mutant is a bundle of its own (esbuild) with the tests that run through its function, the fastest first, in a process of its own.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { mutantsOf, withNotes } from './mutation/mutants.mjs';
import { projectRoot } from './setup.mjs';

const ROOMS = ['src/symbolic', 'src/effective', 'src/ebpf/interpreter'];
const TESTS = ['test/symbolic', 'test/effective', 'test/ebpf', 'test/kernels'];
/** z3 takes longer to start than all the others to run. */
const LEFT_OUT = /z3\.test\.ts$/;
const places =
  process.argv
    .find((word) => word.startsWith('--tests='))
    ?.slice(8)
    .split(',') ?? TESTS;
const work = join(projectRoot, 'build/mutation', String(process.pid));

function filesBelow(place, pattern) {
  const path = join(projectRoot, place);
  if (statSync(path).isFile()) return [place];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .map((name) => join(place, name))
    .sort();
}

/** Bundles the tests; `changed` gives the text of some sources. Returns the bundle's path. */
async function bundle(name, changed) {
  const outfile = join(work, `${name}.mjs`);
  const tests = places.flatMap((place) => filesBelow(place, /\.test\.ts$/)).filter((file) => !LEFT_OUT.test(file));
  await build({
    stdin: { contents: tests.map((file) => `import './${file}';`).join('\n'), resolveDir: projectRoot, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    plugins: [
      {
        name: 'mutation',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^vitest$/ }, () => ({ path: join(projectRoot, 'scripts/mutation/harness.mjs') }));
          onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const place = relative(projectRoot, path);
            const text = changed.get(place) ?? readFileSync(path, 'utf8');
            // Tests find their fixtures by their own place, which a bundle does not keep.
            const contents = text
              .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
              .replaceAll('import.meta.url', JSON.stringify(`file://${path}`));
            return { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  return outfile;
}

function run(file, tests, timeout) {
  const env = { ...process.env, ...(tests === null ? {} : { MUTATION_TESTS: JSON.stringify(tests) }) };
  delete env.NODE_EXTRA_CA_CERTS;
  return spawnSync(process.execPath, [file], { cwd: projectRoot, env, encoding: 'utf8', timeout, maxBuffer: 1 << 28 });
}

/** Which tests run through which functions, fastest first. */
async function coverage(files) {
  const notes = new Map(
    files.map((file) => [
      file,
      withNotes(
        readFileSync(join(projectRoot, file), 'utf8'),
        file,
        (at) => `globalThis.__scopes?.add(${JSON.stringify(`${file}:${at}`)});`,
      ),
    ]),
  );
  const result = run(await bundle('coverage', notes), null, 900_000);
  const rows = result.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const failure = rows.find((row) => row.failure !== undefined);
  if (result.status !== 0)
    throw new Error(`the tests fail without a mutant: ${JSON.stringify(failure) ?? result.stderr.slice(-2000)}`);
  rows.sort((a, b) => a.ms - b.ms);
  return rows.map((row) => ({ ...row, scopes: new Set(row.scopes) }));
}

/** "killed by TEST", "killed by time", "does not build", "survived" or "no test". */
async function judge(file, source, mutant, tests, budget) {
  let left = budget * 1000;
  const covering = tests
    .filter(({ scopes }) => mutant.scope < 0 || scopes.has(`${file}:${mutant.scope}`))
    .filter(({ ms }, index) => (left -= ms) >= 0 || index === 0);
  if (covering.length === 0) return 'no test';
  const text = source.slice(0, mutant.start) + mutant.text + source.slice(mutant.end);
  let outfile;
  try {
    outfile = await bundle('mutant', new Map([[file, text]]));
  } catch {
    return 'does not build';
  }
  const expected = covering.reduce((sum, { ms }) => sum + ms, 0);
  const result = run(
    outfile,
    covering.map(({ name }) => name),
    Math.round(15_000 + expected * 6),
  );
  if (result.status === 0) return 'survived';
  return result.signal === 'SIGTERM' ? 'killed by time' : 'killed';
}

async function main(words) {
  const number = (name, fallback) =>
    Number(words.find((word) => word.startsWith(`--${name}=`))?.split('=')[1] ?? fallback);
  const named = words.filter((word) => !word.startsWith('--'));
  const lines = new Map();
  const files = (named.length > 0 ? named : ROOMS).flatMap((word) => {
    const [place, ...wanted] = word.split(':');
    const found = filesBelow(place, /(?<!types)\.ts$/);
    if (wanted.length > 0) for (const file of found) lines.set(file, new Set(wanted.map(Number)));
    return found;
  });
  const every = number('every', 1);
  const deadline = Date.now() + number('seconds', 1e9) * 1000;
  mkdirSync(work, { recursive: true });
  const count = { killed: 0, survived: 0, unbuilt: 0, left: 0 };
  try {
    const tests = await coverage(files);
    console.log(`${tests.length} tests, ${files.length} files`);
    let serial = 0;
    for (const file of files) {
      const source = readFileSync(join(projectRoot, file), 'utf8');
      const before = { ...count };
      for (const mutant of mutantsOf(source, file)) {
        if (lines.get(file)?.has(mutant.line) === false) continue;
        if (serial++ % every !== 0) continue;
        if (Date.now() > deadline) {
          count.left++;
          continue;
        }
        const verdict = await judge(file, source, mutant, tests, number('budget', 1e9));
        if (verdict === 'does not build') count.unbuilt++;
        else if (verdict.startsWith('killed')) count.killed++;
        else {
          count.survived++;
          console.log(
            `SURVIVED ${file}:${mutant.line}  ${mutant.what}${verdict === 'no test' ? '  (no test runs through it)' : ''}`,
          );
        }
      }
      console.log(`${file}: ${count.killed - before.killed} killed, ${count.survived - before.survived} survived`);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (count.left > 0) console.log(`${count.left} mutants were not tried: out of time`);
  console.log(`${count.killed} killed, ${count.survived} survived`);
}

await main(process.argv.slice(2));

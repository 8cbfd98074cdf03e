/**
 * Records test/fixtures/compiled: its C programs built by clang, loaded into the running kernel, read by the collector, and this kernel's verdicts.
 *   node scripts/run-ts.mjs scripts/record-compiled.ts clang-14:v1 clang-19:v4 [NAME...]
 * Needs root and those compilers. Comments in the sources fill maps: `put MAP key words = value words`, `each-cpu` the same for all CPUs of a per-cpu map,
 * `slot MAP index = PROGRAM`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { serialiseSnapshot } from '../src/snapshot/serialise.js';
import type { Snapshot } from '../src/snapshot/types.js';
import { projectRoot } from '../test/kernel/loader-process.js';
import { Referee, type Handle } from '../test/kernel/referee.js';
import { pathOf, read } from '../test/kernels/guest/reading.js';
import { Random } from '../test/property/random.js';
import { biasedRequests } from '../test/property/requests.js';
import type { DeviceRequest } from '../src/policy/types.js';

const folder = path.join(projectRoot, 'test/fixtures/compiled');
const REQUESTS = 260;

type Handles = ReadonlyMap<string, Handle>;

function compile(compiler: string, level: string, source: string, object: string): void {
  const machine = execFileSync('gcc', ['-print-multiarch'], { encoding: 'utf8' }).trim();
  const flags = ['-O2', '-g', '-target', 'bpf', `-mcpu=${level}`, `-I/usr/include/${machine}`];
  execFileSync(compiler, [...flags, '-c', source, '-o', object], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function words(text: string): Uint8Array {
  const numbers = text
    .trim()
    .split(/\s+/)
    .map((word) => Number(word) >>> 0);
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}

async function fill(referee: Referee, source: string, programs: Handles, maps: Handles): Promise<void> {
  for (const [, what, map = '', key = '', value = ''] of source.matchAll(
    /^\/\/ (put|each-cpu|slot) (\w+) (.*) = (.*)$/gm,
  )) {
    const to = maps.get(map);
    if (to === undefined) throw new Error(`no map ${map}`);
    if (what === 'slot') await referee.updateMap(to, words(key), words(String(programs.get(value)?.fd)));
    else if (what === 'put') await referee.updateMap(to, words(key), words(value));
    else {
      const copies = Array.from({ length: availableParallelism() }, () => words(value));
      await referee.updateMap(to, words(key), Buffer.concat(copies));
    }
  }
}

/** Numbers of the program's own and small ones. */
function requestsFor(code: Uint8Array, seed: number): DeviceRequest[] {
  const random = new Random(seed);
  const requests = biasedRequests([code], REQUESTS, random);
  for (let i = 0; i < REQUESTS / 5; i++) {
    const [major, minor] = [random.below(random.chance(50) ? 16 : 300), random.below(600)];
    if (major + minor === 0) continue;
    for (const access of [0, 1, 2, 4, 6]) requests.push({ type: random.chance(60) ? 'c' : 'b', access, major, minor });
  }
  return requests;
}

/** The one cgroup, and the programs and maps that its program leads to. */
function reduced(snapshot: Snapshot, cgroup: string, programId: number): Snapshot {
  const programs = snapshot.programs.filter(({ id }) => id === programId || tailCalled(snapshot, programId).has(id));
  return {
    ...snapshot,
    cgroups: snapshot.cgroups.filter((each) => each.path === cgroup),
    programs,
    nodes: [],
    units: [],
    containers: [],
    problems: [],
  };
}

function tailCalled(snapshot: Snapshot, programId: number): ReadonlySet<number> {
  const maps = snapshot.programs.find(({ id }) => id === programId)?.mapIds ?? [];
  const targets = snapshot.maps
    .filter(({ id, type }) => type === 'prog_array' && maps.includes(id))
    .flatMap(({ entries }) => ('failed' in entries ? [] : entries));
  return new Set(targets.map(({ value }) => Buffer.from(value, 'base64').readUInt32LE(0)));
}

async function record(
  referee: Referee,
  name: string,
  compiler: string,
  level: string,
  object: string,
): Promise<unknown> {
  const file = path.join(folder, `${name}.c`);
  compile(compiler, level, file, object);
  const { programs, maps } = await referee.loadElf(object);
  await fill(referee, readFileSync(file, 'utf8'), programs, maps);
  const program = programs.get('program');
  if (program === undefined) throw new Error(`${name}: no entry program`);
  const cgroup = await referee.createCgroup(`compiled-${name}`);
  await referee.attach(cgroup, program);
  const { snapshot, entries } = await read(referee, cgroup);
  const [entry] = entries;
  if (entry?.kind !== 'program') throw new Error(`${name}: not read`);
  const requests = requestsFor(entry.program.bytes, name.length * 7919 + level.length);
  const answers = await referee.probe(cgroup, requests);
  await referee.removeCgroup(cgroup);
  for (const handle of [...programs.values(), ...maps.values()]) await referee.close(handle);
  return {
    compiler,
    level,
    cgroup: pathOf(referee, cgroup),
    snapshot: JSON.parse(serialiseSnapshot(reduced(snapshot, pathOf(referee, cgroup), entry.id))) as unknown,
    /** [type, access, major, minor, errno] */
    verdicts: requests.map(({ type, access, major, minor }, i) => [type, access, major, minor, answers[i]]),
  };
}

export async function main(args: readonly string[]): Promise<number> {
  const builds = args.filter((word) => word.includes(':')).map((word) => word.split(':'));
  const wanted = args.filter((word) => !word.includes(':'));
  const scratch = mkdtempSync(path.join(tmpdir(), 'devpolicy-compiled-'));
  const referee = await Referee.start({ libbpf: true });
  try {
    for (const source of readdirSync(folder).filter((each) => each.endsWith('.c'))) {
      const name = source.slice(0, -2);
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      const recorded: unknown[] = [];
      for (const [compiler = '', level = ''] of builds) {
        try {
          recorded.push(await record(referee, name, compiler, level, path.join(scratch, 'object.o')));
        } catch (error) {
          console.error(`${name} by ${compiler} at ${level}: ${(error as Error).message.split('\n')[0] ?? ''}`);
        }
      }
      const lines = recorded.map((each) => JSON.stringify(each)).join(',\n');
      writeFileSync(path.join(folder, `${name}.json`), `[${lines}]\n`);
    }
  } finally {
    await referee.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
  return 0;
}

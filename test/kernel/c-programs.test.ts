/** Interpreter and evaluator against the kernel on C programs with maps, helpers, functions, callbacks and tail calls. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interpret, type InterpretOptions, type InterpretResult } from '../../src/ebpf/interpreter/interpret.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { levels as compilerLevels } from './compile.js';
import { readLoaded, withObject, type Loaded } from './c-programs.js';
import { evaluator } from './judges.js';
import { Referee, type Handle } from './referee.js';

let referee: Referee;
beforeAll(async () => {
  referee = await Referee.start({ libbpf: true });
});
afterAll(async () => {
  await referee.stop();
});

/** Both types, small and some large numbers, every access. */
const REQUESTS: DeviceRequest[] = ['b', 'c'].flatMap((type) =>
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 188, 4095].flatMap((major) =>
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 17, 19, 31, 32, 255, 256, 259, 1000, 65535, 65536, 66051, 1048575].flatMap(
      (minor) => [0, 1, 2, 4, 6].map((access) => ({ type: type as 'b' | 'c', major, minor, access })),
    ),
  ),
);

type Maps = ReadonlyMap<string, Handle>;
type Fill = (maps: Maps, programs: ReadonlyMap<string, Handle>) => Promise<void>;

function words(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 4);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => {
    view.setUint32(i * 4, number, true);
  });
  return bytes;
}

async function put(maps: Maps, name: string, key: Uint8Array, value: Uint8Array): Promise<void> {
  const map = maps.get(name);
  if (map === undefined) throw new Error(`no map ${name}`);
  await referee.updateMap(map, key, value);
}

interface Case {
  readonly source: string;
  /** Entry program; default "program". */
  readonly levels?: readonly string[];
  readonly fill?: Fill;
  readonly options?: InterpretOptions;
}

const CASES: readonly Case[] = [
  {
    source: 'array-map.c',
    fill: async (maps) => {
      for (let i = 0; i < 16; i++) await put(maps, 'masks', words(i), words((i * 5) % 8));
      for (let i = 0; i < 5; i++) await put(maps, 'ranges', words(i), words(i * 3, i * 100, 6 - i));
    },
  },
  {
    source: 'hash-map.c',
    fill: async (maps) => {
      for (let i = 1; i < 8; i++) await put(maps, 'rules', words(1 + (i % 2), i, i * 2 - 1), words(i, 0));
      for (let i = 2; i < 8; i++) await put(maps, 'majors', words(i), Uint8Array.of(i));
    },
  },
  {
    source: 'prefix-map.c',
    fill: async (maps) => {
      await put(maps, 'prefixes', Uint8Array.of(24, 0, 0, 0, 0, 0, 1, 0), words(2));
      await put(maps, 'prefixes', Uint8Array.of(32, 0, 0, 0, 0, 0, 1, 3), words(4));
      await put(maps, 'prefixes', Uint8Array.of(29, 0, 0, 0, 0, 0, 0, 8), words(6));
      await put(maps, 'prefixes', Uint8Array.of(15, 0, 0, 0, 0, 0, 0, 0), words(1));
    },
  },
  { source: 'global-data.c' },
  { source: 'subprograms.c' },
  {
    source: 'bpf-loop.c',
    fill: async (maps) => {
      for (const [i, minor] of [7, 9, 9, 255, 0, 3].entries()) await put(maps, 'minors', words(i), words(minor));
    },
  },
  // Atomic operations that give back the old value came with v3.
  { source: 'atomics.c', levels: compilerLevels().filter((level) => level !== 'v1' && level !== 'v2') },
  { source: 'stack.c' },
  { source: 'map-writes.c' },
  {
    source: 'tail-calls.c',
    fill: async (maps, programs) => {
      const slots: [number, string][] = [
        [2, 'reading'],
        [4, 'writing'],
        [6, 'again'],
      ];
      for (const [slot, name] of slots) await put(maps, 'next', words(slot), words(programs.get(name)?.fd ?? 0));
    },
  },
];

async function load(object: string, fill?: Fill): Promise<Map<string, Loaded>> {
  const { programs, maps } = await referee.loadElf(object);
  await fill?.(maps, programs);
  const byId = new Map<number, Loaded>();
  const loaded = new Map<string, Loaded>();
  for (const [name, handle] of programs) {
    const one = await readLoaded(referee, handle, byId);
    byId.set(handle.id, one);
    loaded.set(name, one);
  }
  return loaded;
}

function verdictOf(result: InterpretResult): string {
  if (result.outcome === 'undecided') return `undecided: ${result.reason}`;
  return result.r0 === 1n ? 'allow' : 'deny';
}

/** Requests that the interpreter answers differently from the kernel, or the evaluator the other way. */
async function disagreements(
  program: Loaded,
  options?: InterpretOptions,
): Promise<{ wrong: string[]; allowed: number }> {
  const cgroup = await referee.createCgroup('c-program');
  await referee.attach(cgroup, program.handle);
  const kernel = await referee.verdicts(cgroup, REQUESTS);
  await referee.removeCgroup(cgroup);
  const evaluated = evaluator({ nodes: 1_000_000, steps: 4_000_000, instructionNodes: 200_000 }).prepare(
    program.program,
    program.environment,
  );
  const wrong = REQUESTS.flatMap((request, i) => {
    const ours = verdictOf(interpret(program.program, program.environment, request, options));
    const theirs = evaluated(request);
    const line = `${JSON.stringify(request)}: kernel ${String(kernel[i])}, interpreter ${ours}, evaluator ${theirs}`;
    return ours === kernel[i] && (theirs === kernel[i] || theirs.startsWith('undecided')) ? [] : [line];
  });
  return { wrong, allowed: kernel.filter((verdict) => verdict === 'allow').length };
}

describe('the interpreter agrees with the kernel on', () => {
  for (const { source, levels = compilerLevels(), fill, options } of CASES) {
    for (const level of levels) {
      it(`${source} at ${level}`, async () => {
        await withObject(source, level, async (object) => {
          const program = (await load(object, fill)).get('program');
          if (program === undefined) throw new Error('no entry program');
          const { wrong, allowed } = await disagreements(program, options);
          expect(wrong.slice(0, 5)).toEqual([]);
          expect(allowed).toBeGreaterThan(20);
          expect(allowed).toBeLessThan(REQUESTS.length - 20);
        });
      });
    }
  }
});

describe('what depends on the caller', () => {
  it('is undecided without, and exact with the caller', async () => {
    await withObject('caller.c', 'v3', async (object) => {
      const program = (await load(object)).get('program');
      if (program === undefined) throw new Error('no entry program');
      const ask = (major: number, options?: InterpretOptions): string =>
        verdictOf(interpret(program.program, program.environment, { type: 'c', major, minor: 2, access: 2 }, options));
      const answers = [1, 2, 3, 4, 5, 6, 7, 8].map((major) => ask(major));
      expect(answers).toEqual([
        'allow',
        'undecided: depends:gid, depends:uid',
        'allow',
        'allow',
        'undecided: depends:time',
        'undecided: depends:cpu',
        'undecided: depends:pid, depends:tgid',
        'deny',
      ]);
      const caller = { uid: 0, gid: 0, pid: 5, tgid: 4, timeNs: 1000n };
      expect(ask(2, { caller })).toBe('allow');
      expect(ask(2, { caller: { ...caller, gid: 100 } })).toBe('deny');
      expect(ask(2, { caller: { uid: 1 } })).toBe('deny');
      const { wrong } = await disagreements(program, { caller });
      // The number of the CPU comes from memory of that CPU, which a dump does not name.
      expect(wrong.filter((line) => !line.includes('"major":6')).slice(0, 5)).toEqual([]);
    });
  });

  it('is undecided as far as it depends on a helper that the dump hides', async () => {
    await withObject('caller.c', 'v3', async (object) => {
      const program = (await load(object)).get('program');
      if (program === undefined) throw new Error('no entry program');
      const ask = (kernelRelease: string, major: number): InterpretResult =>
        interpret(
          program.program,
          { ...program.environment, helpers: new Map(), kernelRelease },
          { type: 'c', major, minor: 2, access: 2 },
        );
      expect(ask('5.10.0', 1)).toMatchObject({ outcome: 'return', r0: 1n, retval: 0 });
      expect(ask('6.1.0', 1)).toMatchObject({
        outcome: 'return',
        r0: 1n,
        retval: null,
        retvalReasons: ['helper:unresolved'],
      });
      expect(ask('6.1.0', 2)).toMatchObject({ outcome: 'undecided', reason: 'helper:unresolved' });
    });
  });
});

describe('programs that change what others decided', () => {
  it('do so in the order of the list', async () => {
    await withObject('retval.c', 'v3', async (object) => {
      const loaded = await load(object);
      for (const names of [
        ['deny', 'undo'],
        ['undo', 'deny'],
        ['errors', 'follow', 'undo'],
        ['deny', 'errors', 'follow'],
        ['follow', 'deny', 'follow', 'errors'].slice(1),
      ]) {
        const list = names.map((name) => loaded.get(name)).filter((one) => one !== undefined);
        expect(list).toHaveLength(names.length);
        const cgroup = await referee.createCgroup('retval');
        for (const { handle } of list) await referee.attach(cgroup, handle);
        const kernel = await referee.verdicts(cgroup, REQUESTS, new Set([6]));
        await referee.removeCgroup(cgroup);
        const wrong = REQUESTS.flatMap((request, i) => {
          const ours = compose(list, request) === 0 ? 'allow' : 'deny';
          return ours === kernel[i] ? [] : [`${names.join()} ${JSON.stringify(request)}: kernel ${String(kernel[i])}`];
        });
        expect(wrong.slice(0, 5)).toEqual([]);
      }
    });
  });
});

/** bpf_prog_run_array_cg, kernel/bpf/cgroup.c: a program that returns 0 leaves -EPERM unless an errno is set already. */
function compose(list: readonly Loaded[], request: DeviceRequest): number {
  let retval = 0;
  for (const { program, environment } of list) {
    const result = interpret(program, environment, request, { retvalIn: retval });
    if (result.outcome !== 'return' || result.retval === null) throw new Error('undecided');
    retval = result.retval;
    if (result.r0 === 0n && !(retval >= -4095 && retval <= -1)) retval = -1;
  }
  return retval;
}

/**
 * Records a real cgroup's policy into a folder of the layout that `devpolicy snapshot --from DIR` reads (test/fixtures/captures/README.md): programs, where
 * they are attached, the kernel's verdicts, and the files around them. What was recorded is judged later by tests that need no root.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DeviceRequest } from '../../src/policy/types.js';
import { MAX_MAJOR, MAX_MINOR } from '../../src/policy/types.js';
import type { Referee } from '../kernel/referee.js';
import { Random } from '../property/random.js';
import { constantsOf } from '../property/requests.js';
import { runOk } from './namespace.js';

export interface RecordOptions {
  /** Folder to write; replaced if it is there. */
  directory: string;
  referee: Referee;
  /** The lab's own cgroup on the host; paths in the recording begin below it. */
  labCgroup: string;
  /** Path of the cgroup inside the lab, "/system.slice/docker-....scope". */
  cgroup: string;
  /** For case.json: suite, emitter, case, command, versions, container_id ... */
  facts: Record<string, unknown>;
  /** Files to copy: name in the folder -> path on the host. Missing ones are left out. */
  files?: Record<string, string>;
  /** Texts to write: name in the folder -> content. */
  texts?: Record<string, string>;
}

interface ShownProgram {
  id: number;
  attach_type: string;
  attach_flags?: string;
  name: string;
}
interface BpftoolProgram {
  name?: string;
  map_ids?: number[];
}

/** Cgroups from the lab's root down to the recorded one. */
function levelsOf(options: RecordOptions): string[] {
  const names = options.cgroup.split('/').filter((name) => name !== '');
  return ['', ...names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)];
}

async function bpftool(...words: string[]): Promise<unknown> {
  const text = await runOk(['bpftool', '-j', ...words]);
  return text.trim() === '' ? [] : (JSON.parse(text) as unknown);
}
/** bpftool prints nothing at all for a cgroup without programs, or an error object. */
function deviceLines(shown: unknown): ShownProgram[] {
  return Array.isArray(shown)
    ? (shown as ShownProgram[]).filter(({ attach_type }) => attach_type === 'cgroup_device')
    : [];
}

export async function record(options: RecordOptions): Promise<void> {
  const { directory, labCgroup } = options;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const levels = levelsOf(options);
  const attached: Record<string, ShownProgram[]> = {};
  const programs: Record<string, unknown>[] = [];
  const listings: string[] = [];
  const bytes: Uint8Array[] = [];
  for (const [index, level] of levels.entries()) {
    const lines = deviceLines(await bpftool('cgroup', 'show', path.join(labCgroup, level)));
    attached[level === '' ? '/' : level] = lines;
    for (const line of lines) {
      const number = programs.length + 1;
      const recorded = await recordProgram(options, number, line, level, levels.length - 1 - index);
      programs.push({
        n: number,
        id: line.id,
        attached_at: level === '' ? '/' : level,
        flags: line.attach_flags ?? '',
        name: line.name,
        insns: recorded.length / 8,
      });
      bytes.push(recorded);
      listings.push(
        `# prog-${String(number)}: id ${String(line.id)}\n${await runOk(['bpftool', 'prog', 'dump', 'xlated', 'id', String(line.id)])}`,
      );
    }
  }
  const effective = deviceLines(await bpftool('cgroup', 'show', path.join(labCgroup, options.cgroup), 'effective'));
  const oracle = await recordOracle(options, bytes);
  write(directory, 'cgroup-show.json', { attached, effective });
  if (listings.length > 0) writeFileSync(path.join(directory, 'xlated.txt'), listings.join('\n'));
  writeFileSync(path.join(directory, 'proc-devices.txt'), readFileSync('/proc/devices')); // a file of /proc has size 0: no copyFile
  for (const [name, from] of Object.entries(options.files ?? {}))
    if (existsSync(from)) writeFileSync(path.join(directory, name), readFileSync(from));
  for (const [name, text] of Object.entries(options.texts ?? {})) writeFileSync(path.join(directory, name), text);
  const kernel = { kernel: (await runOk(['uname', '-r'])).trim(), machine: (await runOk(['uname', '-m'])).trim() };
  write(directory, 'case.json', {
    ...options.facts,
    cgroup: options.cgroup,
    time: new Date().toISOString(),
    ...kernel,
    programs,
    oracle,
  });
}

async function recordProgram(
  options: RecordOptions,
  number: number,
  line: ShownProgram,
  level: string,
  depthFromLeaf: number,
): Promise<Uint8Array> {
  const handle = await options.referee.programById(line.id);
  const { xlated } = await options.referee.info(handle);
  await options.referee.close(handle);
  const program = (await bpftool('prog', 'show', 'id', String(line.id))) as BpftoolProgram;
  const maps: Record<string, unknown> = {};
  for (const id of program.map_ids ?? []) {
    maps[String(id)] = {
      show: await bpftool('map', 'show', 'id', String(id)),
      dump: await bpftool('map', 'dump', 'id', String(id)),
    };
  }
  writeFileSync(path.join(options.directory, `prog-${String(number)}.xlated`), xlated);
  write(options.directory, `prog-${String(number)}.json`, {
    prog: program,
    attach: line,
    attached_at: level === '' ? '/' : level,
    depth_from_leaf: depthFromLeaf,
    n_insns: xlated.length / 8,
    sha256: createHash('sha256').update(xlated).digest('hex'),
    ...(Object.keys(maps).length > 0 ? { maps } : {}),
  });
  return xlated;
}

function write(directory: string, name: string, value: unknown): void {
  // bpftool prints the kernel address of BTF objects and pids of holders into its JSON; neither is part of a policy.
  writeFileSync(
    path.join(directory, name),
    `${JSON.stringify(value, (key, inner: unknown) => (key === 'pids' ? undefined : inner), 1)}\n`,
  );
}

const ORACLE_NODES = 220;
/** Columns of oracle.tsv after type, major and minor. */
const COLUMNS: readonly [name: string, access: number][] = [
  ['m', 1],
  ['r', 2],
  ['w', 4],
  ['rw', 6],
  ['none', 0],
];

/** oracle.tsv: A allowed, D denied, a: the kernel does not ask the programs (0:0). */
async function recordOracle(options: RecordOptions, programs: readonly Uint8Array[]): Promise<Record<string, number>> {
  const nodes = oracleNodes(programs);
  const requests: DeviceRequest[] = [];
  for (const { type, major, minor } of nodes)
    for (const [, access] of COLUMNS)
      if (isAsked(type, major, minor, access)) requests.push({ type, major, minor, access });
  const verdicts = await options.referee.verdictsBelow(path.join(options.labCgroup, options.cgroup), requests);
  const byKey = new Map(requests.map((request, index) => [keyOf(request), verdicts[index]]));
  const rows = nodes.map(({ type, major, minor }) => {
    const letters = COLUMNS.map(([, access]) => {
      const verdict = byKey.get(keyOf({ type, major, minor, access }));
      return verdict === undefined ? 'a' : verdict === 'allow' ? 'A' : 'D';
    });
    return [type, major, minor, ...letters].join('\t');
  });
  writeFileSync(
    path.join(options.directory, 'oracle.tsv'),
    `#type\tmajor\tminor\t${COLUMNS.map(([name]) => name).join('\t')}\n${rows.join('\n')}\n`,
  );
  const allow = verdicts.filter((verdict) => verdict === 'allow').length;
  return { probes: verdicts.length, allow, deny: verdicts.length - allow };
}

function isAsked(type: 'b' | 'c', major: number, minor: number, access: number): boolean {
  return major !== 0 || minor !== 0 || (type === 'b' && access === 1);
}
function keyOf({ type, major, minor, access }: DeviceRequest): string {
  return `${type} ${String(major)} ${String(minor)} ${String(access)}`;
}

/** Nodes made of the programs' constants and their neighbours; the same for the same programs. */
function oracleNodes(programs: readonly Uint8Array[]): { type: 'b' | 'c'; major: number; minor: number }[] {
  const constants = [...new Set(programs.length > 0 ? programs.flatMap(constantsOf) : constantsOf(new Uint8Array()))];
  const majors = constants.filter((value) => value <= MAX_MAJOR);
  const minors = constants.filter((value) => value <= MAX_MINOR);
  const random = new Random(constants.length);
  const nodes = new Map<string, { type: 'b' | 'c'; major: number; minor: number }>();
  const add = (type: 'b' | 'c', major: number, minor: number): void => {
    nodes.set(`${type} ${String(major)} ${String(minor)}`, { type, major, minor });
  };
  add('b', 0, 0);
  add('c', 0, 0);
  for (const minor of [0, 1, 2, 3, 5, 7, 8, 9, 11]) add('c', 1, minor);
  for (const minor of [0, 1, 2, 3]) add('c', 5, minor);
  for (const [type, major, minor] of [
    ['c', 136, 0],
    ['c', 136, MAX_MINOR],
    ['c', 10, 200],
    ['c', 10, 229],
    ['b', 8, 0],
    ['b', 8, 1],
    ['c', 195, 0],
    ['c', 195, 255],
    ['c', 188, 0],
    ['c', 188, 5],
    ['c', 240, 5],
    ['c', 7, 5],
  ] as const)
    add(type, major, minor);
  while (nodes.size < ORACLE_NODES) add(random.chance(70) ? 'c' : 'b', random.pick(majors), random.pick(minors));
  return [...nodes.values()].sort(
    (one, other) => one.type.localeCompare(other.type) || one.major - other.major || one.minor - other.minor,
  );
}

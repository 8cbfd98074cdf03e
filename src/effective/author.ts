import type { Instruction, Program } from '../ebpf/types.js';

/**
 * Who wrote a program. A label for people, with a confidence: no verdict may read it. Marks are the program's name and license, and habits of the
 * code generators, as read in their sources: runc libcontainer/cgroups/ebpf/devicefilter and opencontainers/cgroups devices/devicefilter.go, crun
 * src/libcrun/ebpf.c, systemd src/core/bpf-devices.c, LXC src/lxc/cgroups/cgroup2_devices.c, libvirt src/util/virbpf.c.
 */
export interface Author {
  /** "runc", "crun", "systemd", "lxc", "libvirt", "youki", "nvidia-hook", "containerd-cgroups", a program's own name, or "unknown". */
  name: string;
  confidence: 'certain' | 'likely' | 'unknown';
  /** Marks the label rests on, for `-v`. */
  marks: string[];
}

export interface AuthorHints {
  /** bpf_prog_info.name; "" for nameless programs. */
  name: string;
  gplCompatible: boolean | null;
  /** Low-level runtime of the container whose cgroup it is attached to, if known. */
  containerRuntime: string | null;
  /** Engine of that container: "docker", "lxc", "incus", "libvirt" ... */
  containerEngine: string | null;
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ['sd_devices', 'systemd'],
  ['Slurm_Cgroup_v2', 'slurm'],
]);

/** `program` is null where the bytes could not be read or decoded; the name alone may still tell. */
export function authorOf(program: Program | null, hints: AuthorHints): Author {
  const named = NAMES.get(hints.name);
  if (named !== undefined) return { name: named, confidence: 'certain', marks: [`program name ${hints.name}`] };
  if (hints.name !== '') return { name: hints.name, confidence: 'likely', marks: ['its own program name'] };
  if (program === null) return UNKNOWN;
  const shape = shapeOf(program.instructions);
  const guess = guessFromShape(shape, hints);
  return guess ?? UNKNOWN;
}

const UNKNOWN: Author = { name: 'unknown', confidence: 'unknown', marks: [] };

interface Shape {
  /** How often the type was loaded as a 16-bit field (before runc 1.0.0-rc91): each call of NVIDIA's hook puts one more prologue in front. */
  halfwordPrologues: number;
  /** It was loaded as a masked 32-bit one. */
  wordPrologue: boolean;
  /** r0 is set with 32-bit (Go writers) or 64-bit moves (C writers). */
  resultWidth: 32 | 64 | null;
  maskBeforeType: boolean;
  /** Rule blocks jump to one shared accepting exit. */
  sharedAccept: boolean;
  /** crun's terminator of its built-in table, emitted as a rule since 1.18: type char, mask 0, 0:0. */
  sentinel: boolean;
  usesMaps: boolean;
  length: number;
}

function shapeOf(instructions: readonly Instruction[]): Shape {
  const halfwordPrologues = instructions.filter(
    (each) => each.op === 'load' && each.size === 2 && each.off === 0,
  ).length;
  const result = instructions.find(
    (each) => each.op === 'alu' && each.alu === 'mov' && each.dst === 0 && 'imm' in each.src,
  );
  return {
    halfwordPrologues,
    wordPrologue: instructions.some(
      (each) => each.op === 'load' && each.size === 4 && each.off === 0 && each.dst === 2,
    ),
    resultWidth: result?.op === 'alu' ? result.width : null,
    maskBeforeType: instructions.some((_, index) => isMaskThenType(instructions, index)),
    sharedAccept:
      instructions.some((each) => each.op === 'jump') && instructions.filter((each) => each.op === 'exit').length === 1,
    sentinel: instructions.some(
      (each) => each.op === 'alu' && each.alu === 'and' && each.dst === 1 && 'imm' in each.src && each.src.imm === 0,
    ),
    usesMaps: instructions.some((each) => each.op === 'load-map' || each.op === 'load-map-value'),
    length: instructions.length,
  };
}

/** `r1 = r3; r1 &= mask; if r1 != r3; if r2 != type`: LXC and systemd test the access before the type, the others after it. */
function isMaskThenType(instructions: readonly Instruction[], index: number): boolean {
  const [copy, mask, test, type] = instructions.slice(index, index + 4);
  return (
    copy?.op === 'alu' &&
    copy.alu === 'mov' &&
    copy.dst === 1 &&
    mask?.op === 'alu' &&
    mask.alu === 'and' &&
    mask.dst === 1 &&
    test?.op === 'branch' &&
    test.dst === 1 &&
    type?.op === 'branch' &&
    type.dst === 2
  );
}

function guessFromShape(shape: Shape, hints: AuthorHints): Author | null {
  if (shape.usesMaps)
    return hints.containerEngine === 'libvirt' ? likely('libvirt', ['map lookups', 'machine of libvirt']) : null;
  if (shape.resultWidth === 32 && isHooked(shape))
    return likely('nvidia-hook', ['32-bit result moves', 'rules put in front of another program']);
  if (hints.gplCompatible === false || (hints.gplCompatible === null && shape.resultWidth === 32))
    return goWriter(shape, hints);
  if (shape.resultWidth === 64) return cWriter(shape, hints);
  return null;
}

/** More than one prologue, the first with a 16-bit load: a whole program for each device in front of the one that was there. */
function isHooked({ halfwordPrologues, wordPrologue }: Shape): boolean {
  return halfwordPrologues > 1 || (halfwordPrologues === 1 && wordPrologue);
}

/** License "Apache" and 32-bit results: runc, youki, containerd's library, NVIDIA's hook. */
function goWriter(shape: Shape, hints: AuthorHints): Author | null {
  if (shape.resultWidth !== 32) return null;
  const marks = ['32-bit result moves', ...(hints.gplCompatible === false ? ['license not GPL'] : [])];
  if (shape.halfwordPrologues > 0)
    return likely(hints.containerRuntime === 'runc' ? 'runc' : 'containerd-cgroups', [...marks, 'halfword prologue']);
  if (hints.containerRuntime === 'runc' || hints.containerRuntime === 'youki') {
    return {
      name: hints.containerRuntime,
      confidence: 'certain',
      marks: [...marks, `container of ${hints.containerRuntime}`],
    };
  }
  return likely('runc', marks);
}

/** License GPL and 64-bit results: crun, LXC, systemd before it named its programs. */
function cWriter(shape: Shape, hints: AuthorHints): Author {
  const marks = ['64-bit result moves', ...(hints.gplCompatible === true ? ['license GPL'] : [])];
  if (shape.sentinel) return { name: 'crun', confidence: 'certain', marks: [...marks, "crun's table terminator"] };
  if (shape.sharedAccept) return likely('systemd', [...marks, 'rules share one accepting exit']);
  const isLxc = hints.containerEngine === 'lxc' || hints.containerEngine === 'incus' || hints.containerEngine === 'lxd';
  if (shape.maskBeforeType)
    return { name: 'lxc', confidence: isLxc ? 'certain' : 'likely', marks: [...marks, 'access tested before type'] };
  if (isLxc) return likely('lxc', [...marks, 'container of LXC']);
  if (shape.length === 2) return likely('systemd', [...marks, 'denies everything in two instructions']);
  if (hints.containerRuntime === 'crun')
    return { name: 'crun', confidence: 'certain', marks: [...marks, 'container of crun'] };
  return likely('crun', marks);
}

function likely(name: string, marks: string[]): Author {
  return { name, confidence: 'likely', marks };
}

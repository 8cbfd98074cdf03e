/** Our listing against the real bpftool's, line by line, of programs loaded into the running kernel. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode } from '../../src/ebpf/decode.js';
import { disassemble, formatLine, type Dialect } from '../../src/ebpf/disassemble.js';
import { readRandomPrograms } from '../ebpf/captures.js';
import { helperNames, SOURCES, withObject } from './c-programs.js';
import { Referee, type Handle } from './referee.js';

let referee: Referee;
beforeAll(async () => {
  referee = await Referee.start({ libbpf: true });
});
afterAll(async () => {
  await referee.stop();
});

/** bpftool knows instruction set v4 since 7.3 (Linux 6.6). */
function installedDialect(): Dialect {
  const [, major = '0', minor = '0'] =
    /v(\d+)\.(\d+)/.exec(execFileSync('bpftool', ['version'], { encoding: 'utf8' })) ?? [];
  return Number(major) > 7 || (major === '7' && Number(minor) >= 3) ? 'linux' : 'bpftool-7.1';
}

async function compare(handle: Handle): Promise<number> {
  const { xlated } = await referee.info(handle);
  const program = decode(xlated, 'little');
  const names = helperNames([program]);
  const ours = disassemble(program, { dialect: installedDialect(), functionName: (imm) => names.get(imm) }).map(
    formatLine,
  );
  const theirs = execFileSync('bpftool', ['prog', 'dump', 'xlated', 'id', String(handle.id)], { encoding: 'utf8' })
    .split('\n')
    // Headings and source lines of programs with type data; 7.1.0 prints BUG_ without parentheses.
    .filter((line) => /^ *\d+: (\(|BUG_)/.test(line))
    // The symbol of a subprogram is made from a tag that the kernel computes of each function.
    .map((line) => line.replace(/(call pc[+-]\d+)#bpf_prog_\S+/, '$1'));
  expect(ours).toEqual(theirs);
  return ours.length;
}

describe("bpftool's listing", () => {
  for (const source of readdirSync(SOURCES).filter((file) => file.endsWith('.c'))) {
    it(`of ${source}`, async () => {
      await withObject(source, 'v3', async (object) => {
        const { programs } = await referee.loadElf(object);
        for (const handle of programs.values()) expect(await compare(handle)).toBeGreaterThan(2);
      });
    });
  }

  it('of random programs, instruction set v4 among them', async () => {
    const opcodes = new Set<number>();
    for (const { loaded } of readRandomPrograms()) {
      const handle = await referee.load(loaded);
      await compare(handle);
      for (const { opcode } of decode(loaded, 'little').instructions) opcodes.add(opcode);
      await referee.close(handle);
    }
    expect(opcodes.size).toBeGreaterThan(50);
  });
});

/** Pictures of the control flow: read back by Graphviz and by a strict XML reader, and compared with the rules of the program. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createRun, type FlowResult } from '../../src/pipeline.js';
import { flowDot } from '../../src/report/flow/dot.js';
import { RegionLines } from '../../src/report/flow/region-lines.js';
import { flowSvg } from '../../src/report/flow/svg.js';
import { snapshotFromDirectory, snapshotOfProgram } from '../../src/collect/index.js';
import { subjectsOf } from '../../src/verify/subjects.js';
import type { ProgramFlow } from '../../src/verify/flow.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import { EXIT, join as bytesOf, mov, slot } from '../ebpf/bytes.js';
import { listProgram, type ListRule } from '../kernel/assemble.js';
import { parseXml, type XmlElement } from '../report/xml.js';
import { CAPTURES, DETONATED, devpolicy, DOCKER } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'devpolicy-cfg-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const cases = readdirSync(CAPTURES, { recursive: true, encoding: 'utf8' })
  .filter((name) => statSync(join(CAPTURES, name)).isDirectory())
  .filter((name) => readdirSync(join(CAPTURES, name)).includes('case.json'))
  .sort();

/** Graphviz' own reader: throws what it does not like. */
function drawn(dot: string): string {
  return execFileSync('dot', ['-Tplain'], { input: dot, encoding: 'utf8' });
}

function flowsOf(snapshot: Snapshot, raw = false): ProgramFlow[] {
  const flows = createRun(snapshot).flows(subjectsOf(snapshot)[0]!, raw);
  return flows.map((flow: FlowResult) => {
    if ('problem' in flow) throw new Error(flow.problem);
    return flow;
  });
}

function programFile(bytes: Uint8Array): string {
  const path = join(folder, `${String(readdirSync(folder).length)}.xlated`);
  writeFileSync(path, bytes);
  return `program:${path}`;
}

const rules = (count: number): ListRule[] =>
  Array.from({ length: count }, (_, i) => ({ type: i % 4 === 0 ? 'b' : 'c', major: i % 500, minor: i, access: 6 }));

function elements(of: XmlElement, name: string): XmlElement[] {
  return of.children.flatMap((child) => [...(child.name === name ? [child] : []), ...elements(child, name)]);
}

describe('decode --cfg', () => {
  test.each(cases)('of %s: Graphviz reads it, the SVG is well-formed and has the same boxes', async (name) => {
    const target = ['--snapshot', join(CAPTURES, name), 'decode'];
    const rulesOf = await devpolicy(target);
    const dot = await devpolicy([...target, '--cfg', 'dot']);
    const svg = await devpolicy([...target, '--cfg', 'svg']);
    if (rulesOf.status === 2) {
      expect([dot.status, svg.status]).toEqual([2, 2]);
      return;
    }
    expect([dot.status, svg.status]).toEqual([rulesOf.status, rulesOf.status]);
    const boxes = drawn(dot.stdout).match(/^node /gm)?.length;
    const picture = parseXml(svg.stdout);
    const shapes = elements(picture, 'rect')
      .concat(elements(picture, 'path'))
      .filter(({ attributes }) => attributes['class'] === 'shape');
    expect(boxes).toBe(shapes.length - 5);
    for (const reference of svg.stdout.match(/(href|src|url)[=(][^)> ]*/g) ?? []) expect(reference).toBe('url(#arrow');
  });

  test('says of each end what the program allows and denies there', () => {
    const [flow] = flowsOf(snapshotFromDirectory(DOCKER));
    const policy = createRun(snapshotFromDirectory(DOCKER));
    const own = policy.programs(subjectsOf(policy.snapshot)[0]!)[0]!.policy!;
    const ends = flow!.boxes.filter(({ id }) => !flow!.edges.some(({ from }) => from === id));
    expect(new Set(ends.map(({ verdict }) => verdict))).toEqual(new Set(['allow', 'deny']));
    const { space } = ends[0]!.comes.allowed;
    const allowed = space.unionAll(ends.map(({ comes }) => comes.allowed));
    const denied = space.unionAll(ends.map(({ comes }) => comes.denied));
    expect(allowed.count() + denied.count()).toBe(space.everything.count() - 9n);
    expect(denied.count()).toBe(own.denied.count());
  });

  test('a large list becomes few boxes that together say what the program allows', async () => {
    const bytes = listProgram(rules(2000));
    const [flow] = flowsOf(snapshotOfProgram(bytes, 'list', { byteOrder: 'little' }));
    expect(flow!.functions[0]!.condensed).toBe(true);
    expect(flow!.boxes.length).toBeLessThan(70);
    const first = flow!.boxes[0]!.comes;
    const stopping = flow!.boxes.filter(({ stops }) => stops !== null);
    expect(stopping.length).toBeGreaterThan(30);
    const { space } = first.allowed;
    expect(space.unionAll(stopping.map(({ stops }) => stops!.allowed)).equals(first.allowed)).toBe(true);
    for (const [i, box] of stopping.entries())
      for (const other of stopping.slice(i + 1))
        expect(box.stops!.allowed.intersect(other.stops!.allowed).isEmpty()).toBe(true);
    const start = performance.now();
    const { status, stdout } = await devpolicy(['decode', programFile(bytes), '--cfg', 'svg']);
    expect(status).toBe(0);
    expect(stdout).toContain('a box is several');
    expect(performance.now() - start).toBeLessThan(60_000);
  });

  test('a program that cannot be cut is refused, and says what to do instead', async () => {
    const tangle = Array.from({ length: 9300 }, (_, i) => [
      slot(0x15, { dst: 2, imm: i, off: 3 }),
      slot(0x07, { dst: 0 }),
      slot(0x57, { dst: 0, imm: 1 }),
    ]);
    const bytes = bytesOf(
      slot(0x61, { dst: 2, src: 1, off: 8 }),
      mov(0, 0),
      ...tangle.flat(),
      mov(0, 0),
      mov(0, 0),
      EXIT,
      EXIT,
    );
    const { status, stdout, stderr } = await devpolicy(['decode', programFile(bytes), '--cfg', 'dot']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/too many blocks.*\n.*--listing/);
  });

  test('functions and callbacks are frames of their own', async () => {
    const bytes = bytesOf(
      slot(0x85, { src: 1, off: 6 }), // 0: call 7
      slot(0x15, { dst: 0, off: 3 }), // 1: if r0 == 0 goto 5
      slot(0x18, { dst: 2, src: 4, imm: 6 }), // 2: callback at 9
      slot(0),
      mov(0, 1),
      EXIT, // 5
      EXIT,
      slot(0x61, { dst: 0, src: 1, off: 4 }), // 7: r0 = major
      EXIT,
      mov(0, 0), // 9
      EXIT,
    );
    const { stdout } = await devpolicy(['decode', programFile(bytes), '--cfg', 'dot']);
    expect(stdout.match(/subgraph cluster_p0_f\d/g)).toHaveLength(3);
    expect(stdout).toContain('label="function at slot 7\\l"');
    expect(stdout).toContain('label="callback at slot 9\\l"');
    expect(drawn(stdout)).toMatch(/^edge p0_0 .*call/m);
    const picture = await devpolicy(['decode', programFile(bytes), '--cfg', 'svg']);
    expect(picture.stdout).toContain('function at slot 7, from the block at 0');
  });

  test('what depends on the caller is undecided before the comparison only', async () => {
    const path = join(folder, 'uid.json');
    const bytes = bytesOf(
      slot(0x85, { imm: 100 }),
      slot(0x67, { dst: 0, imm: 32 }),
      slot(0x15, { dst: 0, off: 2 }),
      mov(0, 0),
      EXIT,
      mov(0, 1),
      EXIT,
    );
    writeFileSync(
      path,
      JSON.stringify({
        schema: 'devpolicy/program',
        schemaVersion: [1, 0],
        xlated: Buffer.from(bytes).toString('base64'),
        byteOrder: 'little',
        helpers: { '100': 'bpf_get_current_uid_gid' },
      }),
    );
    const { status, stdout } = await devpolicy(['decode', `program:${path}`, '--cfg', 'dot']);
    expect(status).toBe(3);
    expect(stdout).toMatch(/UNDECIDED.*reached by everything.*depends:uid/);
    expect(stdout).toMatch(/always ALLOW.*allow everything/);
    expect(stdout).toMatch(/always DENY.*deny everything/);
  });

  test('a program that returns 1 and sets an errno denies, for can too', async () => {
    const path = join(folder, 'errno.json');
    const bytes = bytesOf(mov(1, -6), slot(0x85, { imm: 100 }), mov(0, 1), EXIT);
    const program = {
      schema: 'devpolicy/program',
      schemaVersion: [1, 0],
      xlated: Buffer.from(bytes).toString('base64'),
      byteOrder: 'little',
      kernel: '6.1.0',
      helpers: { '100': 'bpf_set_retval' },
    };
    writeFileSync(path, JSON.stringify(program));
    expect((await devpolicy(['decode', `program:${path}`, '--cfg', 'dot'])).stdout).toMatch(
      /always DENY.*deny everything/,
    );
    const { status, stdout } = await devpolicy(['can', `program:${path}`, 'c:1:3']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/DENIES +insn 3: exit, behind no conditional jump \(whatever the request\)/);
  });

  test('hostile names stay text', () => {
    const [flow] = flowsOf(snapshotFromDirectory(DETONATED));
    const view = { ...flow!.view, attachedAt: '/"];}\n<script>&quot;\u001b[31m\\' };
    const hostile = { ...flow!, view };
    const dot = flowDot([hostile], new RegionLines(5, false));
    expect(drawn(dot)).toMatch(/^graph /);
    expect(dot).not.toContain('\u001b');
    const svg = flowSvg([hostile], new RegionLines(5, false));
    const picture = parseXml(svg);
    expect(elements(picture, 'script')).toEqual([]);
    expect(elements(picture, 'text').map(({ text }) => text)).toContainEqual(
      expect.stringContaining('<script>&quot;\\x1b[31m'),
    );
  });

  test('is not mixed with other forms', async () => {
    for (const other of ['--json', '--listing'])
      expect((await devpolicy(['--snapshot', DOCKER, 'decode', '--cfg', 'svg', other])).stderr).toContain('leave out');
  });
});

/**
 * Cost of reading a host: N cgroups below one scratch cgroup, each with two programs of its own, read by the addon's walk. Root and bpf(2).
 *
 *   node scripts/bench-native.mjs [N] [ADDON]      default: 1000 cgroups, the prebuilt addon
 *
 * Prints CPU time (user + system) of the process and elapsed time, smallest and median of 30 runs, and the same without the conversion to
 * JavaScript objects where that can be told apart (elapsed until the promise resolves minus what the main thread used).
 */
import { build } from 'esbuild';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const count = Number(process.argv[2] ?? 1000);
const addon = process.argv[3] ?? join(ROOT, 'prebuilds', `${process.platform}-${process.arch}`, 'devpolicy.node');
const binding = createRequire(import.meta.url)(resolve(addon));
const RUNS = 30;

const bundled = join(ROOT, 'build', 'bench', 'referee.mjs');
mkdirSync(dirname(bundled), { recursive: true });
const entryPoints = [join(ROOT, 'test', 'kernel', 'referee.ts')];
await build({ entryPoints, bundle: true, platform: 'node', format: 'esm', outfile: bundled, logLevel: 'error' });
const { Referee } = await import(bundled);

/** A program of 15 rules, 6 instructions each, of the size of runc's default list; `salt` makes it distinct. */
function ruleList(salt) {
  const rows = [
    [0x61, 0x12, 0, 0],
    [0x61, 0x14, 4, 0],
    [0x61, 0x15, 8, 0],
  ];
  for (let rule = 0; rule < 15; rule += 1) {
    rows.push(
      [0xbf, 0x23, 0, 0],
      [0x57, 0x03, 0, 0xffff],
      [0x55, 0x03, 4, 2],
      [0x55, 0x04, 3, rule],
      [0x55, 0x05, 2, salt],
    );
    rows.push([0xb7, 0, 0, 1], [0x95, 0, 0, 0]);
  }
  const view = new DataView(new ArrayBuffer((rows.length + 2) * 8));
  [...rows, [0xb7, 0, 0, 0], [0x95, 0, 0, 0]].forEach(([opcode, registers, offset, immediate], index) => {
    view.setUint8(index * 8, opcode);
    view.setUint8(index * 8 + 1, registers);
    view.setInt16(index * 8 + 2, offset, true);
    view.setInt32(index * 8 + 4, immediate, true);
  });
  return new Uint8Array(view.buffer);
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const show = (label, numbers) =>
  console.log(
    `${label.padEnd(28)} min ${Math.min(...numbers).toFixed(2)} ms   median ${median(numbers).toFixed(2)} ms`,
  );

const referee = await Referee.start();
try {
  const root = await referee.createCgroup('bench');
  for (let i = 0; i < count; i += 1) {
    const cgroup = await referee.createCgroup(`c${i}`, root);
    for (const salt of [2 * i, 2 * i + 1]) {
      const program = await referee.load(ruleList(salt));
      await referee.attach(cgroup, program);
      await referee.close(program);
    }
  }
  const [cpu, elapsed, conversion] = [[], [], []];
  let scan;
  for (let run = 0; run < RUNS; run += 1) {
    const [cpuBefore, before] = [process.cpuUsage(), performance.now()];
    const loopBefore = performance.eventLoopUtilization();
    scan = await binding.scan(root.path);
    const loop = performance.eventLoopUtilization(loopBefore);
    elapsed.push(performance.now() - before);
    conversion.push(loop.active);
    const used = process.cpuUsage(cpuBefore);
    cpu.push((used.user + used.system) / 1000);
  }
  const failed = scan.cgroups.filter((row) => 'errno' in row.attached || 'errno' in row.effective).length;
  console.log(`${scan.cgroups.length} cgroups, ${scan.programs.length} programs, ${failed} failures`);
  show('elapsed', elapsed);
  show('CPU of the process', cpu);
  show('main thread (to objects)', conversion);
} finally {
  await referee.stop();
}

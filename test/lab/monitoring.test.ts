/** Metrics, alert rules and test reports read by the programs that people read them with. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../src/cli/program.js';
import { verifyJunit } from '../../src/report/junit.js';
import { verifyPrometheus } from '../../src/report/prometheus.js';
import { fakeIo } from '../cli/fake-io.js';
import { projectRoot } from '../kernel/loader-process.js';
import { sampleReport } from '../report/sample-report.js';
import { monitoringTools, type MonitoringTools } from './monitoring.js';
import { run, runOk } from './namespace.js';

const RULES = path.join(projectRoot, 'deploy/prometheus/devpolicy.rules.yml');
const ARMED = path.join(
  projectRoot,
  'test/fixtures/captures/bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before',
);

let tools: MonitoringTools;
let work = '';
const children: ChildProcess[] = [];

beforeAll(async () => {
  tools = await monitoringTools();
  work = mkdtempSync(path.join(tmpdir(), 'devpolicy-monitoring-'));
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  if (work !== '') rmSync(work, { recursive: true, force: true });
});

test('promtool takes the metrics, hostile names included', async () => {
  const { report, snapshot } = sampleReport();
  const text = verifyPrometheus(report, snapshot, { seconds: 1 });
  const result = await run([tools.promtool, 'check', 'metrics'], { input: text });
  expect(result).toEqual({ status: 0, stdout: '', stderr: '' });
  const twice = await run([tools.promtool, 'check', 'metrics'], { input: text + text });
  expect(twice.status).not.toBe(0);
});

test('promtool takes the alert rules, and they fire when they should', async () => {
  await runOk([tools.promtool, 'check', 'rules', RULES]);
  await runOk([
    tools.promtool,
    'test',
    'rules',
    path.join(projectRoot, 'test/fixtures/monitoring/devpolicy.rules.test.yml'),
  ]);
});

test("Python's XML parser reads the JUnit report", async () => {
  const { report, snapshot } = sampleReport();
  const program =
    'import sys, xml.etree.ElementTree as t; print([c.get("name") for c in t.parse(sys.stdin.buffer).iter("testcase")][1])';
  const input = verifyJunit(report, snapshot, { seconds: 1 });
  expect(await runOk(['python3', '-c', program], { input })).toBe('docker:mine\n');
});

test('node_exporter serves the textfile, prometheus scrapes it, the land-mine alert fires', async () => {
  const textfiles = path.join(work, 'textfiles');
  await runOk(['mkdir', textfiles]);
  const io = fakeIo();
  const status = await runCli(
    ['--snapshot', ARMED, 'verify', '--all', '--textfile', path.join(textfiles, 'devpolicy.prom')],
    io,
  );
  expect(status, io.stderr).toBe(1);
  const exporter = `127.0.0.1:${String(await freePort())}`;
  const server = `127.0.0.1:${String(await freePort())}`;
  start([
    tools.nodeExporter,
    '--collector.disable-defaults',
    '--collector.textfile',
    `--collector.textfile.directory=${textfiles}`,
    `--web.listen-address=${exporter}`,
  ]);
  const configuration = path.join(work, 'prometheus.yml');
  writeFileSync(
    configuration,
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${RULES}']
scrape_configs: [{ job_name: node, static_configs: [{ targets: ['${exporter}'] }] }]
`,
  );
  start([
    tools.prometheus,
    `--config.file=${configuration}`,
    `--storage.tsdb.path=${path.join(work, 'data')}`,
    `--web.listen-address=${server}`,
  ]);
  const exported = await answer(`http://${exporter}/metrics`, (text) => text.includes('devpolicy_landmine'));
  expect(exported).toContain('node_textfile_scrape_error 0\n');
  const alerts = await answer(`http://${server}/api/v1/alerts`, (text) => text.includes('"firing"'));
  const parsed = JSON.parse(alerts) as { data: { alerts: { labels: Record<string, string>; state: string }[] } };
  const mine = parsed.data.alerts.find(({ labels }) => labels['alertname'] === 'DevpolicyLandMine');
  expect(mine?.state).toBe('firing');
  expect(mine?.labels).toMatchObject({ instance: exporter, severity: 'warning' });
  expect(mine?.labels['container']).toMatch(/^docker:/);
});

function start(argv: readonly string[]): void {
  const [command = '', ...words] = argv;
  children.push(spawn(command, words, { stdio: 'ignore' }));
}

/** The body of a page once it is as wanted; throws with the last one after a minute. */
async function answer(url: string, wanted: (text: string) => boolean): Promise<string> {
  let last = 'no answer';
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    try {
      last = await (await fetch(url)).text();
      if (wanted(last)) return last;
    } catch (error) {
      last = String(error);
    }
    await sleep(250);
  }
  throw new Error(`${url}: ${last.slice(0, 2000)}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

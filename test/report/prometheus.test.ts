import { expect, test } from 'vitest';
import { verifyPrometheus } from '../../src/report/prometheus.js';
import { capturedReport, HOSTILE_NAME, healthyReport, sampleReport, unsafeIn, type Sample } from './sample-report.js';

const ARMED = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before';

interface Sampled {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** A strict reader of the text exposition format as the textfile collector takes it: no timestamp, no sample twice, TYPE before samples. */
function read(text: string): Sampled[] {
  const samples: Sampled[] = [];
  const typed = new Set<string>();
  const seen = new Set<string>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.slice(0, -1).split('\n')) {
    const type = /^# TYPE ([a-z_]+) gauge$/.exec(line)?.[1];
    if (type !== undefined) {
      expect(typed.has(type)).toBe(false);
      typed.add(type);
    }
    if (line.startsWith('#')) continue;
    const [, name = '', labelText = '', value = ''] =
      /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? ([0-9.e+]+)$/.exec(line) ?? [];
    expect(typed.has(name), line).toBe(true);
    const series = line.slice(0, line.lastIndexOf(' '));
    expect(seen.has(series), series).toBe(false);
    seen.add(series);
    const labels = [...labelText.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', raw = '']) => [
      label,
      raw.replace(/\\(.)/g, (_all, character: string) => (character === 'n' ? '\n' : character)),
    ]);
    samples.push({ name, labels: Object.fromEntries(labels) as Record<string, string>, value: Number(value) });
  }
  return samples;
}

function metrics({ report, snapshot }: Sample): (name: string, labels?: Record<string, string>) => number | undefined {
  const samples = read(verifyPrometheus(report, snapshot, { seconds: 0.5 }));
  return (name, labels = {}) =>
    samples.find(
      (each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
    )?.value;
}

test('counts of every status, the run, and what each container loses', () => {
  const value = metrics(sampleReport());
  for (const state of ['broken', 'land-mine', 'unknown', 'warning', 'ok', 'not-compared', 'not-running'])
    expect(value('devpolicy_containers', { state }), state).toBe(1);
  expect(value('devpolicy_containers', { state: 'fail-open' })).toBe(0);
  expect(value('devpolicy_last_run_timestamp_seconds')).toBe(Date.parse('2026-11-22T06:00:00.250Z') / 1000);
  expect(value('devpolicy_last_run_exit_status')).toBe(1);
  expect(value('devpolicy_undecodable_programs')).toBe(1);
  expect(value('devpolicy_read_problems')).toBe(1);
  expect(value('devpolicy_landmine', { container: 'docker:mine' })).toBe(1);
  // c 1:3 and c 5:0, each read, write, both and the check without access bits; mknod stays allowed by c *:* m.
  expect(value('devpolicy_landmine_accesses', { container: 'docker:mine' })).toBe(6);
  expect(value('devpolicy_landmine', { container: 'docker:good' })).toBe(0);
  expect(value('devpolicy_lost_accesses', { container: 'docker:good' })).toBe(0);
  expect(value('devpolicy_findings', { container: 'docker:mine', code: 'DP101', severity: 'error' })).toBe(1);
});

test('subjects that were not compared have no verdict', () => {
  const value = metrics(sampleReport());
  expect(value('devpolicy_landmine', { container: 'docker:alone' })).toBeUndefined();
  expect(value('devpolicy_container_info', { container: 'docker:alone' })).toBe(1);
});

test('a subject that could not be read has no zero', () => {
  const value = metrics(sampleReport());
  expect(value('devpolicy_lost_accesses', { container: 'docker:blind' })).toBeUndefined();
  expect(value('devpolicy_landmine', { container: 'docker:blind' })).toBeUndefined();
  expect(value('devpolicy_findings', { container: 'docker:blind', code: 'DP301', severity: 'unknown' })).toBe(1);
});

test('Kubernetes names are labels', () => {
  const value = metrics(sampleReport());
  expect(value('devpolicy_container_info', { namespace: 'shop', pod: 'front-1', name: 'wide', runtime: 'runc' })).toBe(
    1,
  );
});

test('hostile names are data, and equal ones do not collide', () => {
  const { report, snapshot } = sampleReport();
  const [first] = report.subjects;
  if (first === undefined) throw new Error('no subject');
  // A name in which the escape is already written out looks the same once escaped.
  const twin = { ...first, subject: { ...first.subject, key: `docker:${HOSTILE_NAME.replace('\x1b', '\\x1b')}` } };
  const text = verifyPrometheus({ ...report, subjects: [...report.subjects, twin] }, snapshot, { seconds: 1 });
  expect(unsafeIn(text)).toEqual([]);
  const info = read(text).filter(({ name }) => name === 'devpolicy_container_info');
  expect(new Set(info.map(({ labels }) => labels['container'])).size).toBe(8);
  expect(info[0]?.labels['container']).toContain('a"b\'c<d>&|e\\x0af\\x1b]0;');
});

test('a healthy host, and one that was captured with a land mine', () => {
  const healthy = metrics(healthyReport());
  expect(healthy('devpolicy_last_run_exit_status')).toBe(0);
  expect(healthy('devpolicy_read_problems')).toBe(0);
  const armed = metrics(capturedReport(ARMED));
  expect(armed('devpolicy_landmine')).toBe(1);
  expect(armed('devpolicy_landmine_accesses')).toBeGreaterThan(0);
});

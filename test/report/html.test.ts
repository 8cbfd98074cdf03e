import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { snapshotFromDirectory } from '../../src/collect/from-dir.js';
import { createRun } from '../../src/pipeline.js';
import { markup } from '../../src/report/html/markup.js';
import { reportPage } from '../../src/report/html/page.js';
import { REPORT_STYLE } from '../../src/report/html/style.js';
import type { FindingPage } from '../../src/report/run-facts.js';
import type { Snapshot } from '../../src/snapshot/types.js';
import { ARMED, DETONATED } from '../cli/run.js';
import { HOSTILE_NAME, unsafeIn } from './sample-report.js';
import { parseXml, type XmlElement } from './xml.js';

const styleHash = createHash('sha256').update(REPORT_STYLE).digest('base64');
const FOLDER = new URL('../../docs/findings/', import.meta.url);
const PAGES = readdirSync(FOLDER).map((name): FindingPage => {
  const text = readFileSync(new URL(name, FOLDER), 'utf8');
  return { code: name.slice(0, 5), title: /^# DP\d+: (.*)$/m.exec(text)?.[1] ?? '', severity: '', text };
});

function pageOf(snapshot: Snapshot): string {
  const run = createRun(snapshot);
  const report = run.verify();
  const analyses = report.subjects.map(({ subject }) => run.analyse(subject));
  return reportPage({ snapshot, report, analyses, pages: PAGES, styleHash });
}

/** Strictly: every element closed, every attribute quoted, every "<" and "&" of text escaped. */
function parsePage(page: string): XmlElement {
  expect(page.startsWith('<!DOCTYPE html>\n')).toBe(true);
  return parseXml(page.slice('<!DOCTYPE html>\n'.length).replace(/<meta ([^<]*)>/g, '<meta $1/>'));
}

function everyElement(element: XmlElement): XmlElement[] {
  return [element, ...element.children.flatMap(everyElement)];
}

function textOf(element: XmlElement): string {
  return element.text + element.children.map(textOf).join(' ');
}

const armed = snapshotFromDirectory(ARMED);
const page = pageOf(armed);

test('a land mine: what, when, why and the cure are on the page, findings before policies', () => {
  for (const words of [
    'LAND-MINE',
    'the next systemd event takes devices away',
    'c 1:3,5,7-9',
    'upgrade runc to 1.1.7 or newer',
    'ALLOWED, everything else is denied',
    'Enforced by the kernel',
    'After a daemon-reload',
    'On the way to the kernel',
    'BY IT ALONE',
    '<code>docker exec -it</code>',
  ])
    expect(page).toContain(words);
  const order = ['id="summary"', 'id="findings"', 'id="containers"', 'id="programs"', 'id="codes"'];
  const places = order.map((each) => page.indexOf(each));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(pageOf(snapshotFromDirectory(DETONATED))).toContain('BROKEN');
});

test('the page needs nothing but itself, and its policy forbids anything else', () => {
  const all = everyElement(parsePage(page));
  const policy = all.find(({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy');
  expect(policy?.attributes['content']).toBe(
    `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'`,
  );
  const style = /<style>([^]*)<\/style>/.exec(page)?.[1] ?? '';
  expect(createHash('sha256').update(style).digest('base64')).toBe(styleHash);
  expect(style).not.toMatch(/url\(|@import|</);
  const names = new Set(all.map(({ name }) => name));
  for (const name of ['script', 'img', 'link', 'iframe', 'object', 'form', 'svg', 'base'])
    expect(names).not.toContain(name);
  for (const { attributes } of all) {
    expect(Object.keys(attributes).filter((name) => /^on|^src$|^style$/.test(name))).toEqual([]);
    if (attributes['href'] !== undefined) expect(attributes['href']).toMatch(/^#[\w-]+$/);
  }
});

test('for readers that cannot see it: language, one title, headings without gaps, tables with captions and scopes, links that lead somewhere', () => {
  const root = parsePage(page);
  const all = everyElement(root);
  expect(root.attributes['lang']).toBe('en');
  const levels = all.flatMap(({ name }) => (/^h[1-6]$/.test(name) ? [Number(name.slice(1))] : []));
  expect(levels.filter((level) => level === 1)).toHaveLength(1);
  levels.forEach((level, index) => {
    expect(level).toBeLessThanOrEqual((levels[index - 1] ?? 0) + 1);
  });
  for (const table of all.filter(({ name }) => name === 'table')) {
    expect(table.children[0]?.name).toBe('caption');
    const headings = everyElement(table).filter(({ name }) => name === 'th');
    expect(headings.length).toBeGreaterThan(0);
    expect(headings.every(({ attributes }) => attributes['scope'] === 'col')).toBe(true);
  }
  const ids = all.flatMap(({ attributes }) => attributes['id'] ?? []);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { attributes } of all)
    if (attributes['href'] !== undefined) expect(ids).toContain(attributes['href'].slice(1));
});

test('hostile text in every place is text', () => {
  const hostile = structuredClone(armed);
  hostile.host.hostname = `</title><script>1</script>${HOSTILE_NAME}`;
  hostile.host.kernelRelease = HOSTILE_NAME;
  hostile.host.runtimes = { [HOSTILE_NAME]: { version: HOSTILE_NAME, source: HOSTILE_NAME, changedAt: null } };
  hostile.problems = [{ subject: HOSTILE_NAME, message: `--></ul>${HOSTILE_NAME}`, code: null }];
  for (const node of hostile.nodes) node.path = `/dev/${HOSTILE_NAME}`;
  for (const container of hostile.containers) {
    container.names = [`<img src=x onerror=alert(1)>${HOSTILE_NAME}`];
    container.id = `"><b>${HOSTILE_NAME}`;
    container.engine = HOSTILE_NAME;
    container.runtimeVersion = { version: HOSTILE_NAME, source: HOSTILE_NAME, changedAt: null };
    for (const node of container.nodes) node.path = `/dev/${HOSTILE_NAME}`;
  }
  for (const program of hostile.programs) program.name = `</table>${HOSTILE_NAME}`;
  const text = pageOf(hostile);
  expect(unsafeIn(text)).toEqual([]);
  const all = everyElement(parsePage(text));
  expect(all.some(({ name }) => name === 'script' || name === 'img' || name === 'b')).toBe(false);
  expect(textOf(parsePage(text))).toContain('<img src=x onerror=alert(1)>');
});

test('only the words of the kernel, of files and of containers are escaped, not the layout', () => {
  expect(page).not.toContain('\\x0a');
  expect(/<pre>([^<]*)<\/pre>/.exec(page)?.[1]?.split('\n').length).toBeGreaterThan(2);
});

test('what is not markup is escaped, in attributes and lists too', () => {
  const value = `a"b'c<d>&e\u202e`;
  expect(markup`<i class="${value}">${[value, markup`<b>${1}</b>`]}</i>`.toString()).toBe(
    '<i class="a&quot;b&apos;c&lt;d&gt;&amp;e\\u{202e}">a&quot;b&apos;c&lt;d&gt;&amp;e\\u{202e}<b>1</b></i>',
  );
});

/** The captured host with its container so many times; each has its own cgroup and program, and systemd no list. */
function bigHost(count: number): Snapshot {
  const big = structuredClone(armed);
  const [container] = armed.containers;
  const id = container?.id ?? '';
  const others = (text: string, index: number): string => text.replaceAll(id, index.toString(16).padStart(64, '0'));
  const copies = <T>(all: readonly T[], isOwn: (each: T) => boolean, edit: (each: T, index: number) => T): T[] => [
    ...all.filter((each) => !isOwn(each)),
    ...Array.from({ length: count }, (_, index) => all.filter(isOwn).map((each) => edit(each, index))).flat(),
  ];
  const renamed = <T>(each: T, index: number): T => JSON.parse(others(JSON.stringify(each), index)) as T;
  const isOwn = (each: unknown): boolean => JSON.stringify(each).includes(id);
  big.containers = copies(armed.containers, isOwn, (each, index) => ({
    ...renamed(each, index),
    key: `docker:c${String(index)}`,
    names: [`c${String(index)}`],
  }));
  big.cgroups = copies(armed.cgroups, isOwn, (each, index) => {
    const ids = { programIds: [10_000 + index] };
    const { attached } = each;
    return {
      ...renamed(each, index),
      attached: 'failed' in attached ? attached : { ...attached, ...ids },
      effective: ids,
    };
  });
  big.units = [];
  big.programs = copies(
    armed.programs,
    () => true,
    (each, index) => ({ ...each, id: 10_000 + index }),
  );
  return big;
}

test('a thousand containers: equal policies are told once, so that the page stays one to read, and soon made', () => {
  const big = bigHost(1000);
  const run = createRun(big);
  const report = run.verify();
  const analyses = report.subjects.map(({ subject }) => run.analyse(subject));
  const started = performance.now();
  const text = reportPage({ snapshot: big, report, analyses, pages: PAGES, styleHash });
  expect((performance.now() - started) / 1000).toBeLessThan(10);
  expect(text.length).toBeLessThan(100_000);
  expect(text).toContain('1000 with the same policies');
  expect(text).toContain('c999');
  expect(text.match(/On the way to the kernel/g)).toHaveLength(1);
  parsePage(text);
});

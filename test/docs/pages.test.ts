/** The pages say what is so: outputs are the commands' own, links and paths lead somewhere, commands and options exist, quoted messages are the source's. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXAMPLES, pages, PROGRAM, readPage, refreshed, runExample, SNAPSHOTS } from '../../scripts/docs/console.js';
import { buildProgram } from '../../src/cli/program.js';
import { parseSnapshot } from '../../src/snapshot/parse.js';
import { fakeIo } from '../cli/fake-io.js';

const ROOT = path.join(import.meta.dirname, '../..');

test.each(Object.entries(SNAPSHOTS))(
  'docs/examples/%s is what the recording says (npm run docs)',
  async (name, from) => {
    const { stdout, status } = await runExample(['snapshot', '--from', from]);
    expect(status).toBe(0);
    // By value: what later minor versions of the format add may be missing in the file.
    expect(parseSnapshot(readFileSync(path.join(EXAMPLES, name), 'utf8'))).toEqual(parseSnapshot(stdout));
  },
);

test('docs/examples has the program of the recording', () => {
  const [name, recording] = PROGRAM;
  expect(readFileSync(path.join(EXAMPLES, name)).equals(readFileSync(recording))).toBe(true);
});

describe.each(pages())('%s', (page) => {
  const text = readPage(page);

  test('shows outputs as the commands print them (npm run docs)', async () => {
    expect(text).toBe(await refreshed(text));
  });

  test('links to what is there', () => {
    for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (target.startsWith('https://')) continue;
      const [file = '', anchor] = target.split('#');
      const found = file === '' ? page : path.join(path.dirname(page), file);
      expect(existsSync(path.join(ROOT, found)), `${target}: no such file`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(readPage(found)), target).toContain(anchor);
    }
  });

  test('names files, scripts and commands that exist', () => {
    for (const code of codeOf(text)) {
      for (const [file] of code.matchAll(/^(?:src|test|docs|scripts|deploy|native|bench)\/[\w./-]+$/gm))
        expect(existsSync(path.join(ROOT, file)), `${file}: no such file`).toBe(true);
      for (const [, script = ''] of code.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g))
        expect(scripts(), `npm run ${script}`).toContain(script);
      for (const line of code.split('\n')) expect(unknownWord(line), line).toBeNull();
    }
  });
});

test('the README names every command and leads to every page', () => {
  const readme = readPage('README.md');
  const program = buildProgram(fakeIo(), () => undefined);
  const commands = program
    .createHelp()
    .visibleCommands(program)
    .map((each) => each.name());
  expect(commands).toContain('verify');
  for (const command of commands.filter((name) => name !== 'help'))
    expect(readme.includes(`devpolicy ${command}`), command).toBe(true);
  for (const page of pages().filter((name) => /^docs\/[^/]+\.md$/.test(name)))
    expect(readme.includes(`(${page})`), page).toBe(true);
});

test('troubleshooting quotes messages that devpolicy prints', () => {
  const [, own = ''] = readPage('docs/troubleshooting.md').split('## What devpolicy says\n');
  const quoted = [...own.matchAll(/^### (.*)$/gm)].flatMap(([, heading = '']) =>
    [...heading.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message),
  );
  expect(quoted.length).toBeGreaterThan(10);
  const source = sources()
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  for (const message of quoted) for (const piece of message.split('…')) expect(source, `"${message}"`).toContain(piece);
});

/** Fenced and indented blocks, and what stands between backticks. */
function codeOf(markdown: string): string[] {
  const fenced = [...markdown.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, body = '']) => body);
  const rest = markdown.replace(/^```\w*\n.*?^```$/gms, '');
  const indented = rest.split('\n').flatMap((line) => (line.startsWith('    ') ? [line.trim()] : []));
  return [...fenced, ...indented, ...[...rest.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)];
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```\w*\n.*?^```$/gms, '').replace(/`[^`\n]+`/g, '');
}

/** Anchors as GitHub makes them of headings. */
function anchorsOf(markdown: string): string[] {
  return [...withoutCode(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function scripts(): string[] {
  const { scripts: all } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  return Object.keys(all);
}

function sources(): string[] {
  return readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.join(ROOT, 'src', file));
}

/** The first command or option of a `devpolicy ...` command line that there is not, or null. Placeholders such as COMMAND stand for anything. */
function unknownWord(line: string): string | null {
  const words = /^(?:\$ )?(?:sudo )?(?:env "PATH=\$PATH" )?devpolicy ([^|;>]*)/
    .exec(line.trim())?.[1]
    ?.trim()
    .split(/\s+/);
  if (words === undefined) return null;
  const program = buildProgram(fakeIo(), () => undefined);
  let command = program;
  for (const word of words) {
    if (word.startsWith('#')) break;
    const named = command === program ? program.commands.find((each) => each.name() === word) : undefined;
    if (named !== undefined) command = named;
    else if (/^--?[a-z]/i.test(word) && !knowsOption(word)) return word;
  }
  const isPlaceholder = words.some((word) => /^(\.\.\.|[A-Z]+|--help|--version|-V)$/.test(word));
  return command === program && !isPlaceholder ? (words[0] ?? '') : null;

  function knowsOption(word: string): boolean {
    if (word === '--help' || word === '-h') return true;
    const [flag] = word.split('=');
    return [...program.options, ...command.options].some(({ long, short }) => flag === long || flag === short);
  }
}

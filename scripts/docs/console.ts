/**
 * Blocks of the pages that show devpolicy at work: fenced as `console`, lines `$ devpolicy ...` with what the command prints on standard output. The
 * commands are run in docs/examples, as on a terminal of 80 columns without colour. `$ echo $?` prints the exit status of the one before;
 * `$ devpolicy watch` what it would have told when the host of before.json became that of after.json.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { hostState } from '../../src/cli/commands/watch.js';
import { runCli } from '../../src/cli/program.js';
import { createRun } from '../../src/pipeline.js';
import { changeJson, changeText } from '../../src/report/watch.js';
import { PLAIN } from '../../src/report/style.js';
import { parseSnapshot } from '../../src/snapshot/parse.js';
import { changesBetween } from '../../src/verify/changes.js';
import { fakeIo } from '../../test/cli/fake-io.js';
import { projectRoot } from '../../test/kernel/loader-process.js';

export const EXAMPLES: string = path.join(projectRoot, 'docs/examples');
const CAPTURES = path.join(projectRoot, 'test/fixtures/captures');
const LAND_MINE = `${CAPTURES}/bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default`;

/** Snapshots of docs/examples, and the recordings they are made of. */
export const SNAPSHOTS: Readonly<Record<string, string>> = {
  'before.json': `${LAND_MINE}-0-before`,
  'after.json': `${LAND_MINE}-1-after-daemon-reload`,
};
/** The program of docs/examples. */
export const PROGRAM: readonly [name: string, recording: string] = [
  'prog.xlated',
  `${CAPTURES}/bookworm-docker-20.10.24-runc-1.1.5/default/prog-1.xlated`,
];

/** Every page with prose: what a reader comes upon. */
export function pages(): string[] {
  const docs = readdirSync(path.join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' });
  return [
    ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'deploy/README.md'],
    ...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ].sort();
}

export function readPage(page: string): string {
  return readFileSync(path.join(projectRoot, page), 'utf8');
}

/** Runs a command line in docs/examples, in this process. */
export async function runExample(args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const io = fakeIo({ terminal: true, environment: { NO_COLOR: '1' } });
  const before = process.cwd();
  process.chdir(EXAMPLES);
  try {
    const status = await runCli(args, io);
    return { status, stdout: io.stdout, stderr: io.stderr };
  } finally {
    process.chdir(before);
  }
}

/** What `devpolicy watch` tells between the two looks at the host that docs/examples has. */
function watched(args: readonly string[]): string {
  const [before, after] = ['before.json', 'after.json'].map((name) =>
    parseSnapshot(readFileSync(path.join(EXAMPLES, name), 'utf8')),
  );
  if (before === undefined || after === undefined) throw new Error('two looks are wanted');
  const run = createRun(before);
  const changes = changesBetween(hostState(run, false), hostState(run.beside(after), false));
  const io = fakeIo({ terminal: true });
  for (const change of changes) {
    if (args.includes('--json')) io.out(changeJson(change, after));
    else io.out(changeText(change, after, PLAIN, io.columns));
  }
  return io.stdout;
}

const BLOCK = /^```console\n(.*?)^```$/gms;

/** The page with the outputs of its blocks as they are now. @throws Error on a line that is no such command */
export async function refreshed(page: string): Promise<string> {
  let result = '';
  let end = 0;
  for (const match of page.matchAll(BLOCK)) {
    result += `${page.slice(end, match.index)}\`\`\`console\n${await playBlock(match[1] ?? '')}\`\`\``;
    end = match.index + match[0].length;
  }
  return result + page.slice(end);
}

async function playBlock(block: string): Promise<string> {
  const commands = block.split('\n').filter((line) => line.startsWith('$ '));
  const lines: string[] = [];
  let last = 0;
  for (const command of commands) {
    lines.push(command);
    const [word, ...args] = command.slice(2).split(' ');
    if (command === '$ echo $?') {
      lines.push(String(last));
      continue;
    }
    if (word !== 'devpolicy') throw new Error(`not a command of devpolicy: ${command}`);
    if (args[0] === 'watch') {
      lines.push(watched(args).trimEnd());
      continue;
    }
    const { status, stdout, stderr } = await runExample(args);
    if (status === 2) throw new Error(`${command}: ${stderr}`);
    last = status;
    lines.push(...stdout.trimEnd().split('\n'));
  }
  return `${lines.join('\n')}\n`;
}

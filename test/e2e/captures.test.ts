/**
 * The command line, as a user with a folder of captured files would call it, against the kernel's own recorded verdicts (oracle.tsv).
 * Nothing of src/ is imported here: only the built command is run.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, ENVIRONMENT } from './command.js';

const ROOT = join(import.meta.dirname, '../..');
const CAPTURES = join(ROOT, 'test/fixtures/captures');
const ACCESSES = ['m', 'r', 'w', 'rw', '-'] as const;

interface Question {
  line: string;
  type: string;
  major: number;
  minor: number;
  access: (typeof ACCESSES)[number];
  verdict: 'allow' | 'deny';
}
interface JsonRule {
  type: string;
  major: [number, number];
  minor: [number, number];
  access: string[];
  majorMask?: { mask: number; value: number };
  minorMask?: { mask: number; value: number };
}
interface JsonPolicy {
  rules: JsonRule[];
  undecided: unknown[];
}

function folders(): string[] {
  const found: string[] = [];
  const visit = (path: string): void => {
    const names = readdirSync(path);
    if (names.includes('oracle.tsv')) found.push(path.slice(CAPTURES.length + 1));
    for (const name of names) if (statSync(join(path, name)).isDirectory()) visit(join(path, name));
  };
  visit(CAPTURES);
  return found.sort();
}

/** Columns type, major, minor, then a letter for m, r, w, rw and no access: A and a allowed, D denied, E no answer. */
function oracle(folder: string): Question[] {
  return readFileSync(join(CAPTURES, folder, 'oracle.tsv'), 'utf8')
    .split('\n')
    .filter((row) => row !== '' && !row.startsWith('#'))
    .flatMap((row) => {
      const [type = '', major = '', minor = '', ...letters] = row.split('\t');
      return ACCESSES.flatMap((access, column): Question[] => {
        const letter = letters[column];
        if (letter !== 'A' && letter !== 'a' && letter !== 'D') return [];
        const verdict = letter === 'D' ? 'deny' : 'allow';
        return [
          {
            line: [type, major, minor, access].join('\t'),
            type,
            major: Number(major),
            minor: Number(minor),
            access,
            verdict,
          },
        ];
      });
    });
}

function ask(args: string[], questions: Question[]): string[] {
  const run = spawnSync(process.execPath, [COMMAND, ...args], {
    input: questions.map((question) => question.line).join('\n') + '\n',
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: ENVIRONMENT,
  });
  expect(run.stderr).toBe('');
  expect(run.status).toBe(0);
  return run.stdout.split('\n').filter((line) => line !== '');
}
const answered = (questions: Question[]): string[] =>
  questions.map((question) => `${question.line}\t${question.verdict}`);

const within = (value: number, range: [number, number], mask?: { mask: number; value: number }): boolean =>
  value >= range[0] && value <= range[1] && (mask === undefined || (value & mask.mask) === mask.value);
const allows = (policy: JsonPolicy, question: Question): boolean =>
  policy.rules.some(
    (rule) =>
      rule.type === question.type &&
      within(question.major, rule.major, rule.majorMask) &&
      within(question.minor, rule.minor, rule.minorMask) &&
      rule.access.includes(question.access),
  );

/** Recordings whose runtime attached faithfully what it meant, so intent and kernel must agree on every recorded request. */
const INTENT = [
  'bookworm-containerd-1.6.20~ds1-runc-1.1.5/systemd-cgroup-kubepods',
  'bookworm-docker-20.10.24-runc-1.1.5/default',
  'bookworm-docker-20.10.24-runc-1.1.5/dev-multi-perms',
  'bookworm-docker-20.10.24-runc-1.1.5/privileged',
  'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default-0-before',
  'bookworm-podman-4.3.1-crun-1.8.1/default',
  'trixie-crun-1.21',
  'trixie-incus-6.0.4/privileged',
  'trixie-lxc-6.0.4/std',
  'trixie-systemd-257.13/char-class-pts',
  'trixie-systemd-257.13/closed',
];

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'devpolicy-captures-'));
});
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

function snapshotOf(folder: string): string {
  const file = join(work, `${folder.replaceAll('/', '_')}.json`);
  execFileSync(process.execPath, [COMMAND, 'snapshot', '--from', join(CAPTURES, folder), '-o', file], {
    env: ENVIRONMENT,
  });
  return file;
}
/** Status 3 says that something in the folder is unknown; the document is there all the same. */
function show(file: string): Record<'enforced' | 'intended' | 'afterReload' | 'afterApply', JsonPolicy> {
  const run = spawnSync(process.execPath, [COMMAND, 'show', '--snapshot', file, '--json'], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: ENVIRONMENT,
  });
  expect([0, 3]).toContain(run.status);
  return JSON.parse(run.stdout) as ReturnType<typeof show>;
}
const disagreements = (policy: JsonPolicy, questions: Question[]): string[] =>
  questions
    .filter((question) => allows(policy, question) !== (question.verdict === 'allow'))
    .map((question) => question.line);

const withSystemCase = folders().filter((folder) => readdirSync(join(CAPTURES, folder)).includes('case.json'));

test('there are captures', () => {
  expect(folders().length).toBeGreaterThanOrEqual(14);
});

for (const folder of withSystemCase)
  describe(folder, () => {
    test('can --requests on the folder as a snapshot equals the kernel', () => {
      const questions = oracle(folder);
      expect(ask(['can', '--snapshot', snapshotOf(folder), '--requests', '-'], questions)).toEqual(answered(questions));
    });
    test('show --json gives the enforced policy', () => {
      const { enforced } = show(snapshotOf(folder));
      expect(enforced.undecided).toEqual([]);
      expect(disagreements(enforced, oracle(folder))).toEqual([]);
    });
    const programs = readdirSync(join(CAPTURES, folder)).filter((name) => /^prog-\d+\.xlated$/.test(name));
    if (programs.length === 1)
      test('can program:FILE --requests equals the kernel', () => {
        // 0:0 is never asked on open and access: the kernel allows whatever the program would say
        const questions = oracle(folder).filter(({ major, minor }) => major !== 0 || minor !== 0);
        const target = `program:${join(CAPTURES, folder, 'prog-1.xlated')}`;
        expect(ask(['can', target, '--requests', '-'], questions)).toEqual(answered(questions));
      });
    if (INTENT.some((prefix) => folder.startsWith(prefix)))
      test('show --json gives the intended policy', () => {
        const { intended } = show(snapshotOf(folder));
        expect(intended.undecided).toEqual([]);
        expect(disagreements(intended, oracle(folder))).toEqual([]);
      });
  });

test('the policy predicted for the next daemon-reload is the one that came', () => {
  const seed = 'bookworm-landmine-systemd-252.39/SEED-docker-20.10.24-runc-1.1.4-nochar-default';
  const { afterReload } = show(snapshotOf(`${seed}-0-before`));
  expect(afterReload.undecided).toEqual([]);
  expect(disagreements(afterReload, oracle(`${seed}-1-after-daemon-reload`))).toEqual([]);
});

test('every recorded verdict on the random programs', () => {
  interface Row {
    id: number;
    xlated: string;
    probes: [string, number, number, string, number][];
  }
  const rows = readFileSync(join(CAPTURES, 'random/random.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
  for (const row of rows) {
    const file = join(work, `random-${String(row.id)}.xlated`);
    writeFileSync(file, Buffer.from(row.xlated, 'base64'));
    const questions = row.probes.map(([type, major, minor, word, allowed]): Question => {
      const access = (word === 'none' ? '-' : word) as Question['access'];
      return {
        line: [type, major, minor, access].join('\t'),
        type,
        major,
        minor,
        access,
        verdict: allowed === 1 ? 'allow' : 'deny',
      };
    });
    expect(ask(['can', `program:${file}`, '--requests', '-'], questions)).toEqual(answered(questions));
  }
}, 600_000);

import type { Command } from 'commander';
import { subjectsOf } from '../../verify/subjects.js';
import { completions, type Completion } from '../completion.js';
import type { CommandContext } from '../context.js';
import { EXIT_OK, type ExitStatus } from '../exit.js';
import { readFindingPages } from '../finding-pages.js';
import { openHost } from '../open.js';

/**
 * For the completion scripts of shells: prints the candidates for the last word, one a line, a tab and what it is after it; `@files` and `@dirs` leave
 * it to the shell. Silent whatever goes wrong: there is nobody to tell while a key is pressed.
 */
export async function runComplete(
  context: CommandContext,
  program: Command,
  words: readonly string[],
): Promise<ExitStatus> {
  const found = await completions(program, words, {
    targets: () => targetNames(context, words),
    codes: readFindingPages,
  });
  context.io.out(found.map(line).join(''));
  return EXIT_OK;
}

/** Host of the command line being typed: `--snapshot FILE` and `--host-root DIR` count as they will when it is run. */
async function targetNames(context: CommandContext, words: readonly string[]): Promise<string[]> {
  const snapshot = valueAfter(words, '--snapshot');
  const hostRoot = valueAfter(words, '--host-root');
  const globals = {
    ...context.globals,
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(hostRoot === undefined ? {} : { hostRoot }),
  };
  try {
    const subjects = subjectsOf(await openHost({ ...context, globals }, [], { systemctl: false }));
    const names = subjects.flatMap(({ key, name, unit }) => [name, key, ...(unit === null ? [] : [unit])]);
    return [...new Set(names)].filter(isSafe).sort();
  } catch {
    return [];
  }
}

function valueAfter(words: readonly string[], option: string): string | undefined {
  const index = words.indexOf(option);
  return index < 0 || index + 2 > words.length - 1 ? undefined : words[index + 1];
}

/** A shell inserts candidates into the command line, some of them without quotes: names that mean anything to a shell are not offered. */
function isSafe(name: string): boolean {
  return /^[A-Za-z0-9_./:@+][A-Za-z0-9_./:@+-]{0,200}$/.test(name);
}

function line(completion: Completion): string {
  if (completion === 'files') return '@files\n';
  if (completion === 'directories') return '@dirs\n';
  return `${completion.word}\t${completion.about}\n`;
}

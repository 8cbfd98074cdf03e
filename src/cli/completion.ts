import type { Argument, Command, Option } from 'commander';

/** One candidate, or `files` / `directories`: the shell's own completion of paths. */
export type Completion = { word: string; about: string } | 'files' | 'directories';

/** What the candidates of arguments are taken from; asked only when needed. */
export interface CompletionSources {
  /** Names of containers and cgroups. */
  targets: () => Promise<string[]>;
  /** Finding codes with their titles. */
  codes: () => { code: string; title: string }[];
}

const ACCESSES = ['rw', 'r', 'w', 'm', 'rwm', '-'];

/**
 * What may stand where the last of `words` is being typed; the words are those after "devpolicy", the last one may be empty. Derived from the
 * commander objects, so that it knows every command, option and choice that there is.
 */
export async function completions(
  program: Command,
  words: readonly string[],
  sources: CompletionSources,
): Promise<Completion[]> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const { command, operands, pending } = read(program, before);
  const all = await candidates(program, command, operands, pending, current, sources);
  return all.filter((each) => typeof each === 'string' || each.word.startsWith(current));
}

async function candidates(
  program: Command,
  command: Command,
  operands: readonly string[],
  pending: Option | null,
  current: string,
  sources: CompletionSources,
): Promise<Completion[]> {
  if (pending !== null) return valuesOf(pending, '');
  const [, name] = /^(--[a-z-]+)=/.exec(current) ?? [];
  if (name !== undefined) {
    const option = optionsOf(program, command).find(({ long }) => long === name);
    return option === undefined || !takesValue(option) ? [] : valuesOf(option, `${name}=`);
  }
  if (current.startsWith('-') && current !== '-') return optionWords(program, command);
  if (command === program) return subcommands(program);
  return argumentValues(program, command, operands, sources);
}

interface Reading {
  /** The subcommand, or the program where none was given yet. */
  command: Command;
  operands: string[];
  /** An option that waits for its value. */
  pending: Option | null;
}

function read(program: Command, words: readonly string[]): Reading {
  const reading: Reading = { command: program, operands: [], pending: null };
  for (const word of words) {
    if (reading.pending !== null) {
      reading.pending = null;
    } else if (word.startsWith('-') && word !== '-') {
      const option = optionsOf(program, reading.command).find(({ long, short }) => word === long || word === short);
      if (option !== undefined && takesValue(option)) reading.pending = option;
    } else if (reading.command === program) {
      reading.command = program.commands.find((each) => each.name() === word) ?? program;
    } else {
      reading.operands.push(word);
    }
  }
  return reading;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

/** Those of the subcommand, then those that every command has. */
function optionsOf(program: Command, command: Command): Option[] {
  return command === program ? [...program.options] : [...command.options, ...program.options];
}

function optionWords(program: Command, command: Command): Completion[] {
  const words = optionsOf(program, command)
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description }) => ({ word: long ?? short ?? '', about: firstLine(description) }));
  return [...words, { word: '--help', about: 'print help' }];
}

function valuesOf(option: Option, prefix: string): Completion[] {
  if (option.argChoices !== undefined)
    return option.argChoices.map((choice) => ({ word: `${prefix}${choice}`, about: firstLine(option.description) }));
  if (option.flags.includes('<dir>')) return ['directories'];
  return option.flags.includes('<file') ? ['files'] : [];
}

function subcommands(program: Command): Completion[] {
  const help = { word: 'help', about: 'print help on a command' };
  return [...program.commands.filter(isShown).map((each) => ({ word: each.name(), about: each.summary() })), help];
}

/** Commander keeps hidden commands out of help, and says so only there. */
function isShown(command: Command): boolean {
  return command.parent?.createHelp().visibleCommands(command.parent).includes(command) ?? true;
}

async function argumentValues(
  program: Command,
  command: Command,
  operands: readonly string[],
  sources: CompletionSources,
): Promise<Completion[]> {
  if (command.name() === 'can') {
    if (operands.length === 1) return ['files'];
    if (operands.length === 2) return ACCESSES.map((word) => ({ word, about: 'access' }));
    if (operands.length > 2) return [];
  }
  const argument = argumentAt(command, operands.length);
  if (argument === null) return [];
  if (argument.name() === 'code') return sources.codes().map(({ code, title }) => ({ word: code, about: title }));
  if (argument.name() === 'snapshot') return ['files'];
  if (argument.name() === 'command') return subcommands(program);
  const targets = (await sources.targets()).map((word) => ({ word, about: 'target' }));
  return ['files', ...targets];
}

function argumentAt(command: Command, index: number): Argument | null {
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic === true ? last : null);
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

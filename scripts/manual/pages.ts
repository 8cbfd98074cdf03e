import type { Command, Option } from 'commander';
import { COMMANDS, type CommandDefinition } from '../../src/cli/commands.js';
import { PROGRAM_EXAMPLES, PROGRAM_NOTES } from '../../src/cli/program.js';
import { heading, item, literal, page, paragraphs, type PageHead } from './roff.js';

export interface Manual {
  /** "devpolicy-verify.1" */
  file: string;
  text: string;
}

type Release = Pick<PageHead, 'date' | 'version'>;
type Examples = readonly (readonly [line: string, meaning: string])[];

/** devpolicy(1) and a page for each command, from the definition that the program runs. */
export function commandPages(program: Command, release: Release): Manual[] {
  const shown = program.createHelp().visibleCommands(program);
  return [
    programPage(program, release),
    ...COMMANDS.flatMap((definition) => {
      const command = shown.find((each) => each.name() === definition.name);
      return command === undefined ? [] : [commandPage(program, command, definition, release)];
    }),
  ];
}

function programPage(program: Command, release: Release): Manual {
  const head = {
    name: 'devpolicy',
    section: 1,
    about: 'what device programs of cgroups allow, and what was intended',
    ...release,
  } as const;
  const body = [
    heading('synopsis'),
    '.B devpolicy',
    '.RI [ options ]',
    '.I command',
    '.RI [ arguments ]',
    heading('description'),
    ...paragraphs(program.description()),
    heading('examples'),
    ...examples(PROGRAM_EXAMPLES),
    heading('commands'),
    ...program
      .createHelp()
      .visibleCommands(program)
      .flatMap((command) => item(command.name(), `${command.summary() || command.description()}.`)),
    heading('options'),
    ...options(program.createHelp().visibleOptions(program)),
    ...notes(PROGRAM_NOTES),
    heading('environment'),
    ...item('NO_COLOR', 'Any value that is not empty turns colour off (no-color.org).'),
    ...item('CLICOLOR', 'The value 0 turns colour off.'),
    ...item('CLICOLOR_FORCE', 'Any value but 0 turns colour on, also where standard output is no terminal.'),
    ...item('TERM', 'On a terminal that is called dumb there is no colour and no progress.'),
    heading('see also'),
    '.PP',
    COMMANDS.map(({ name }) => `.BR devpolicy\\-${name} (1),`).join('\n'),
    '.BR devpolicy.json (5),',
    '.BR bpftool\\-cgroup (8),',
    '.BR systemd.resource\\-control (5)',
  ];
  return { file: 'devpolicy.1', text: page(head, body) };
}

function commandPage(program: Command, command: Command, definition: CommandDefinition, release: Release): Manual {
  const name = `devpolicy-${command.name()}`;
  const help = command.createHelp();
  const body = [
    heading('synopsis'),
    ...literal(help.commandUsage(command).replace(/^devpolicy \[options\] /, 'devpolicy ')),
    heading('description'),
    ...paragraphs(command.description()),
    heading('examples'),
    ...examples(definition.examples),
    ...(definition.arguments.length === 0 ? [] : [heading('arguments')]),
    ...definition.arguments.flatMap(({ syntax, description }) => item(syntax, description)),
    heading('options'),
    ...options(help.visibleOptions(command)),
    heading('options of every command'),
    ...options(
      program
        .createHelp()
        .visibleOptions(program)
        .filter(({ long }) => long !== '--help' && long !== '--version'),
    ),
    ...notes(definition.notes ?? ''),
    heading('see also'),
    '.BR devpolicy (1)',
  ];
  return { file: `${name}.1`, text: page({ name, section: 1, about: definition.summary, ...release }, body) };
}

function options(all: readonly Option[]): string[] {
  return all.flatMap((option) => item(option.flags, describe(option)));
}

function describe({ description, argChoices, defaultValue, defaultValueDescription }: Option): string {
  const choices = argChoices === undefined ? '' : ` One of: ${argChoices.join(', ')}.`;
  const word: unknown = defaultValueDescription ?? defaultValue;
  const standard = typeof word === 'string' ? ` Default: ${word}.` : '';
  return `${description.replace(/\.?$/, '.')}${choices}${standard}`;
}

function examples(all: Examples): string[] {
  return all.flatMap(([line, meaning]) => item(line, meaning === '' ? '' : `${meaning}.`));
}

/** "Exit status:" at the start of a line is a heading of its own. */
function notes(text: string): string[] {
  const parts = text.split(/^([A-Z][a-z ]+):\n/m);
  const [before = '', ...sections] = parts;
  const body = before.trim() === '' ? [] : [heading('notes'), ...paragraphs(before)];
  for (let index = 0; index < sections.length; index += 2)
    body.push(heading(sections[index] ?? ''), ...literal((sections[index + 1] ?? '').replace(/^ {2}/gm, '')));
  return body;
}

import { Command, CommanderError, Option, type OptionValues } from 'commander';
import { createContext, type CommandContext } from './context.js';
import { EXIT_CANNOT, EXIT_OK, type ExitStatus } from './exit.js';
import { failureText } from './failure.js';
import type { CommandIo } from './io.js';
import type { GlobalOptions } from './options.js';
import { COMMANDS, type CommandDefinition } from './commands.js';
import { packageVersion } from './package-files.js';

/**
 * Runs one command line and returns its exit status; never throws and never ends the process.
 * `args` are the words after "devpolicy".
 */
export async function runCli(args: readonly string[], io: CommandIo): Promise<ExitStatus> {
  let status: ExitStatus = EXIT_OK;
  let verbose = false;
  try {
    const program = buildProgram(io, (result) => {
      status = result;
    });
    verbose = args.includes('-v') || args.includes('--verbose');
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    // Commander has printed its message already; only help and version end well.
    const isCommander = error instanceof CommanderError;
    if (isCommander && error.exitCode === 0) return EXIT_OK;
    if (!isCommander) io.err(failureText(error, verbose));
    return isPluginRun(args) ? await pluginFailure(io, error) : EXIT_CANNOT;
  } finally {
    io.progress('');
  }
}

/** A monitoring server runs this: it reads standard output and four statuses, and 2 would mean CRITICAL to it. */
function isPluginRun(args: readonly string[]): boolean {
  return args.includes('--format=nagios') || args.some((word, i) => word === '--format' && args[i + 1] === 'nagios');
}

async function pluginFailure(io: CommandIo, error: unknown): Promise<ExitStatus> {
  const { nagiosCannotRun } = await import('../report/nagios.js');
  const { text, status } = nagiosCannotRun(error instanceof Error ? error.message : String(error));
  io.out(text);
  return status;
}

/** The whole command line as commander objects: help, man pages and completions are derived from it. Actions load their command when they run. */
export function buildProgram(io: CommandIo, finished: (status: ExitStatus) => void): Command {
  const program = new Command('devpolicy');
  configure(program, io);
  program
    .description(
      'Reads the cgroup v2 device policy of containers and services from the BPF bytecode in the kernel: what it allows, exactly,\nwhat the runtime intended, and what the next systemd reload would take away.',
    )
    .version(`devpolicy ${packageVersion()}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help on a command')
    .addHelpText('before', examplesText(PROGRAM_EXAMPLES))
    .addHelpText('after', PROGRAM_NOTES);
  for (const option of globalOptions()) program.addOption(option);
  for (const definition of COMMANDS) addCommand(program, definition, io, finished);
  addCompletion(program, io, finished);
  return program;
}

function addCommand(
  program: Command,
  definition: CommandDefinition,
  io: CommandIo,
  finished: (status: ExitStatus) => void,
): void {
  const command = program
    .command(definition.name)
    .summary(definition.summary)
    .description(definition.description ?? definition.summary);
  configure(command, io);
  command.helpOption('-h, --help', 'print help').addHelpText('before', examplesText(definition.examples));
  if (definition.usage !== undefined) command.usage(definition.usage);
  for (const argument of definition.arguments) command.argument(argument.syntax, argument.description);
  for (const option of definition.options) command.addOption(option());
  if (definition.notes !== undefined) command.addHelpText('after', `\n${definition.notes}`);
  command.action(async (...values: unknown[]) => {
    const positional = values.slice(0, definition.arguments.length);
    const all = command.optsWithGlobals<GlobalOptions & OptionValues>();
    const context: CommandContext = createContext(io, all);
    finished(await definition.run(context, positional, all));
  });
}

/** `devpolicy complete -- WORD...`, which the completion scripts of shells call. */
function addCompletion(program: Command, io: CommandIo, finished: (status: ExitStatus) => void): void {
  const command = program.command('complete', { hidden: true }).argument('[words...]');
  configure(command, io);
  command.action(async (words: string[]) => {
    const { runComplete } = await import('./commands/complete.js');
    finished(await runComplete(createContext(io, program.opts<GlobalOptions>()), program, words));
  });
}

function configure(command: Command, io: CommandIo): void {
  command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        io.say(text);
      },
      writeErr: (text) => {
        io.err(text);
      },
      getOutHelpWidth: () => Math.min(io.columns, 120),
      getErrHelpWidth: () => Math.min(io.columns, 120),
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'devpolicy: ').replace(/\n\(Did/, '\n  (did'));
      },
    })
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showHelpAfterError(`  see: ${command.parent === null ? '' : `${command.parent.name()} `}${command.name()} --help`)
    .allowExcessArguments(false);
}

function globalOptions(): Option[] {
  return [
    new Option('--snapshot <file>', 'analyse the host saved in this snapshot instead of this one'),
    new Option('--host-root <dir>', "the host's root directory as seen from here (in a container: /host)"),
    new Option('--byte-order <order>', "byte order of raw and hex program files (default: this machine's)").choices([
      'little',
      'big',
    ]),
    new Option('--json', 'machine-readable output; schemas are in docs/schemas'),
    new Option('--color <when>', 'colour')
      .choices(['auto', 'always', 'never'])
      .default('auto', 'auto: on a terminal, unless NO_COLOR or CLICOLOR=0 is set'),
    new Option('-v, --verbose', 'more detail'),
    new Option('-q, --quiet', 'nothing but what was asked for; no hints'),
  ];
}

function examplesText(examples: readonly (readonly [string, string])[]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, meaning]) => `  ${line.padEnd(width)}  ${meaning}`.trimEnd());
  return `Examples:\n${lines.join('\n')}\n`;
}

/** The examples that help begins with. */
export const PROGRAM_EXAMPLES: readonly (readonly [line: string, meaning: string])[] = [
  ['devpolicy verify --all', 'is any container broken, or about to be? (the cron job)'],
  ['devpolicy show web', 'what container "web" may do, who wrote it, what a reload would change'],
  ['devpolicy can web /dev/null rw', 'one verdict, with the deciding program and instruction'],
  ['devpolicy list', 'all containers and every cgroup with a device program'],
  ['devpolicy snapshot -o host.json', 'the host as a file; then: devpolicy --snapshot host.json show web'],
  ['devpolicy doctor', 'can this host be inspected, and if not why'],
];

/** What help ends with: targets and exit statuses, each under a heading. */
export const PROGRAM_NOTES = `
Targets:
  web, docker:web, 3f2a9c        container name, engine:name, id or unique prefix of one
  ns/pod/container               Kubernetes
  x.service, x.scope, x.slice    systemd unit
  pid:1234, cgroup:/a/b          process, cgroup path below the cgroup v2 root
  state:FILE, config:FILE        a runtime's state or OCI configuration: intent only
  program:FILE                   device program: raw or hex bytes, bpftool JSON, program JSON
  host.json#web                  target in a snapshot

Exit status:
  verify  0 healthy, 1 finding, 3 something could not be read or decided, 2 usage or cannot run
  can     0 allow, 1 deny, 3 undecided, 2 usage or cannot run
  diff    0 same, 1 different, 3 undecided, 2 usage or cannot run
  others  0, 2 usage or cannot run, 3 incomplete
`;

import { Option, type OptionValues } from 'commander';
import type { CommandContext } from './context.js';
import type { ExitStatus } from './exit.js';

/** One command as the user sees it. `run` loads its implementation only when called: start-up stays short. */
export interface CommandDefinition {
  name: string;
  summary: string;
  description?: string;
  usage?: string;
  examples: readonly (readonly [line: string, meaning: string])[];
  arguments: readonly { syntax: string; description: string }[];
  options: readonly (() => Option)[];
  notes?: string;
  run(context: CommandContext, positional: readonly unknown[], options: OptionValues): Promise<ExitStatus>;
}

const TARGET = {
  syntax: '[target]',
  description: 'see "Targets" in devpolicy --help; may be left out in a snapshot with one subject',
};

/** What commander hands on for `[target]`. */
function target(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

const list: CommandDefinition = {
  name: 'list',
  summary: 'all containers, and every cgroup with a device program of its own',
  examples: [
    ['devpolicy list', ''],
    ['devpolicy list --json', 'for scripts'],
  ],
  arguments: [],
  options: [],
  run: async (context) => (await import('./commands/list.js')).runList(context),
};

const show: CommandDefinition = {
  name: 'show',
  summary: 'programs, rules, intent, what a reload would change',
  examples: [
    ['devpolicy show web', ''],
    ['devpolicy show nginx.service', 'a systemd unit'],
    ['devpolicy show web --explain', 'and which instruction decides each rule'],
    ['devpolicy show web --rules-as docker', 'the rules as options of docker run'],
    ['devpolicy show config:bundle/config.json', 'what a runtime would make of an OCI file'],
  ],
  arguments: [TARGET],
  options: [
    () =>
      new Option('--explain', 'the program and instruction that decide each rule, and what is denied by which program'),
    () =>
      new Option('--rules-as <form>', 'print the policy in the form another tool takes').choices([
        'docker',
        'systemd',
        'lxc',
        'oci',
        'v1',
      ]),
  ],
  run: async (context, [what], options) => (await import('./commands/show.js')).runShow(context, target(what), options),
};

const verify: CommandDefinition = {
  name: 'verify',
  summary: 'compare with what was intended; the cron job',
  description:
    'Compares what the kernel enforces with what was intended and with what systemd would leave after its next reload.\n' +
    'Prints nothing when all is well and standard output is no terminal.',
  examples: [
    ['devpolicy verify --all', 'every container'],
    ['devpolicy verify web db', 'some of them'],
    ['devpolicy verify --all --fail-on warning', 'excess permissions fail too'],
    ['devpolicy verify --expect expect.yaml', 'policy as a test: what a file of yours expects'],
    ['devpolicy verify --all --ignore ignore.yaml', 'without what somebody lives with until a day'],
    ['devpolicy verify --all --format junit', 'for CI; also sarif, ndjson, nagios, prometheus'],
    ['devpolicy --snapshot host.json verify --all', 'a host that was saved'],
  ],
  arguments: [{ syntax: '[target...]', description: 'what to verify' }],
  options: [
    () =>
      new Option('--all', 'every container, and every cgroup with a program of its own (the default without targets)'),
    () =>
      new Option('--fail-on <severity>', 'lowest severity that makes the exit status 1')
        .choices(['error', 'warning', 'note'])
        .default('error'),
    () =>
      new Option('--format <format>', 'how to print')
        .choices(['text', 'json', 'ndjson', 'junit', 'sarif', 'nagios', 'prometheus'])
        .default('text'),
    () => new Option('--textfile <file>', "also write metrics there, for node_exporter's textfile collector (*.prom)"),
    () =>
      new Option(
        '--expect <file>',
        'compare with what this file expects (docs/expect.md); without --all, only what it names',
      ),
    () => new Option('--ignore <file>', 'findings not to report until a day, each with a reason (docs/ignore.md)'),
    () => new Option('--expand', 'print every subject, also those with the same findings'),
  ],
  notes: `Exit status:
  0  healthy: nothing at or above --fail-on, and all of it could be read
  1  a finding at or above --fail-on (error: lost or soon lost devices, nothing restricts, about to widen)
  2  wrong usage, or it could not run at all
  3  incomplete: something could not be read, decoded or decided
  --format nagios has its guideline's: 0 OK, 1 land mine, 2 broken, 3 unknown or cannot run`,
  run: async (context, [targets], options) =>
    (await import('./commands/verify.js')).runVerify(context, targets as string[], options as never),
};

const can: CommandDefinition = {
  name: 'can',
  summary: 'one verdict, with the deciding program and instruction',
  usage: '[options] <target> <device> [access]',
  examples: [
    ['devpolicy can web /dev/null rw', 'a path in the container'],
    ['devpolicy can web c:10:200', 'by numbers; access rw'],
    ['devpolicy can web b:8:0 m', 'may it make the node?'],
    ['devpolicy can web c:1:3 rw --policy afterReload', 'after the next daemon-reload'],
    ['devpolicy can program:prog.xlated --requests -', 'many, as TSV on standard input'],
  ],
  arguments: [
    {
      syntax: '[words...]',
      description: 'target, device (c:1:3, b:8:0 or a path) and access: any of r, w, m together, or - for none',
    },
  ],
  options: [
    () =>
      new Option(
        '--requests <file>',
        'TSV lines "type major minor access" (- is standard input); the same lines come out with a fifth column',
      ),
    () =>
      new Option('--policy <which>', 'which policy to ask')
        .choices(['enforced', 'intended', 'afterReload', 'afterApply'])
        .default('enforced'),
  ],
  notes: `Exit status:
  0 allow, 1 deny, 3 undecided, 2 usage or cannot run
  with --requests: 0 all answered, 3 some undecided, 2 some malformed`,
  run: async (context, [words], options) =>
    (await import('./commands/can.js')).runCan(context, words as string[], options as never),
};

const diff: CommandDefinition = {
  name: 'diff',
  summary: 'how two containers, hosts (snapshots) or files differ',
  examples: [
    ['devpolicy diff web web2', 'two containers'],
    ['devpolicy diff good.json#web bad.json#web', 'the same container on two hosts'],
    ['devpolicy diff monday.json tuesday.json', 'two saved hosts'],
    ['devpolicy diff program:a.xlated program:b.xlated', 'two programs'],
  ],
  arguments: [
    { syntax: '<first>', description: 'a target, or a saved host' },
    { syntax: '<second>', description: 'what to compare it with' },
  ],
  options: [],
  notes: `Exit status:
  0 same, 1 different, 3 undecided, 2 usage or cannot run`,
  run: async (context, [first, second]) =>
    (await import('./commands/diff.js')).runDiff(context, first as string, second as string),
};

const decode: CommandDefinition = {
  name: 'decode',
  summary: 'bytecode to rules, listing or control-flow picture',
  examples: [
    ['devpolicy decode prog.xlated', 'bpftool prog dump xlated id 42 file prog.xlated'],
    ['devpolicy decode web --listing', 'the instructions of the programs of a container'],
    ['devpolicy decode web --cfg svg > web.svg', 'the control flow, and what each block decides'],
    ['devpolicy decode web --cfg dot | dot -Tpdf > web.pdf', 'the same, drawn by Graphviz'],
    ['bpftool prog dump xlated id 42 opcodes -j | devpolicy decode -', ''],
  ],
  arguments: [{ syntax: '[what]', description: 'a target, a program file, or - for standard input' }],
  options: [
    () => new Option('--listing', 'the instructions, as bpftool numbers them'),
    () =>
      new Option('--cfg <form>', 'a picture of the control flow: each block with its verdict and rules').choices([
        'dot',
        'svg',
      ]),
    () => new Option('--raw', 'the program alone: also what it says about requests that the kernel never asks (0:0)'),
  ],
  run: async (context, [what], options) =>
    (await import('./commands/decode.js')).runDecode(context, target(what), options),
};

const snapshot: CommandDefinition = {
  name: 'snapshot',
  summary: 'the host as a value; or a folder of captured files as a value',
  examples: [
    ['devpolicy snapshot -o host.json', 'then: devpolicy --snapshot host.json verify --all'],
    ['devpolicy snapshot --redact -o share.json', 'without names'],
    ['devpolicy snapshot --from captured/ -o case.json', 'files gathered by hand'],
  ],
  arguments: [],
  options: [
    () => new Option('-o, --output <file>', 'where to write it (default: standard output)'),
    () => new Option('--from <dir>', 'read a folder of captured files instead of this host'),
    () => new Option('--redact', 'replace names of containers, hosts, units and paths'),
  ],
  run: async (context, _positional, options) => (await import('./commands/snapshot.js')).runSnapshot(context, options),
};

const watch: CommandDefinition = {
  name: 'watch',
  summary: 'one line per change, as it happens',
  description:
    'Tells when containers appear and vanish, device programs are attached, replaced and detached, policies change, and findings appear and are cleared.\n' +
    'Ends with Ctrl-C, or when nobody reads any more.',
  examples: [
    ['devpolicy watch', 'containers'],
    ['devpolicy watch --all', 'and every cgroup with a device program of its own'],
    ['devpolicy watch --json | jq -r .change', 'for scripts: one JSON document on each line'],
  ],
  arguments: [],
  options: [
    () => new Option('--all', 'also cgroups that are no containers and have a device program'),
    () => new Option('--interval <seconds>', 'pause between two looks').default('2'),
  ],
  notes: `What is seen:
  At every interval: which cgroups there are, and their programs. When these changed, and every
  fifteenth time: everything that verify reads. What comes and goes between two looks is not seen.

Exit status:
  0 ended, 3 ended while something could not be read or decided, 2 usage or cannot run`,
  run: async (context, _positional, options) =>
    (await import('./commands/watch.js')).runWatch(context, options as never),
};

const explain: CommandDefinition = {
  name: 'explain',
  summary: 'what a finding means and how to mend it',
  examples: [
    ['devpolicy explain DP101', 'the page on the land mine'],
    ['devpolicy explain DP101 --defuse web', 'commands that defuse it without a restart; nothing is run'],
    ['devpolicy explain', 'all codes, one line each'],
  ],
  arguments: [{ syntax: '[code]', description: 'a finding code such as DP101' }],
  options: [
    () =>
      new Option(
        '--defuse <target>',
        'print the commands that keep what the next event of systemd would take away from this target, and what they would not keep',
      ),
  ],
  run: async (context, [code], options) =>
    (await import('./commands/explain.js')).runExplain(context, code as string | undefined, options),
};

const doctor: CommandDefinition = {
  name: 'doctor',
  summary: 'can this host be inspected, and if not why',
  examples: [['sudo devpolicy doctor', '']],
  arguments: [],
  options: [],
  run: async (context) => (await import('./commands/doctor.js')).runDoctor(context),
};

const report: CommandDefinition = {
  name: 'report',
  summary: 'one self-contained page of HTML',
  description:
    'Writes the host as one page: findings with cause and cure, every policy (enforced, intended, after a reload), programs. It has no script and loads nothing.',
  examples: [
    ['devpolicy report -o report.html', 'for a ticket, or for print'],
    ['devpolicy --snapshot host.json report -o report.html', 'a host that was saved'],
  ],
  arguments: [],
  options: [() => new Option('-o, --output <file>', 'where to write it (default: standard output)')],
  run: async (context, _positional, options) => (await import('./commands/report.js')).runReport(context, options),
};

const fleet: CommandDefinition = {
  name: 'fleet',
  summary: 'many hosts: equal policies grouped, outliers first',
  description:
    'Compares saved hosts: containers and units of the same name are put together by policy and findings, and the few that differ are told first, with how.',
  examples: [
    ['devpolicy fleet hosts/*.json', 'snapshots, one of each host'],
    ['devpolicy fleet hosts/*.json --json', 'for scripts'],
  ],
  arguments: [
    { syntax: '<snapshot...>', description: 'files that devpolicy snapshot wrote, or folders of captured files' },
  ],
  options: [],
  notes: `Exit status:
  0 told, 3 a snapshot, or something in one, could not be read or decided, 2 usage or none could be read`,
  run: async (context, [files]) => (await import('./commands/fleet.js')).runFleet(context, files as string[]),
};

export const COMMANDS: readonly CommandDefinition[] = [
  list,
  show,
  verify,
  can,
  diff,
  decode,
  snapshot,
  watch,
  explain,
  doctor,
  report,
  fleet,
];

import type { LossReason } from '../intent/device-allow-generation.js';
import type { Cause, ListCause, NamedCause, NamedCauseKind } from '../verify/causes/types.js';
import { fixesOfCause } from '../verify/fix.js';
import { escapeText } from './escape.js';
import { fixesText } from './fix-text.js';

/** Labelled lines about a cause: why, on what evidence, and what mends it. */
export function causeLines(cause: Cause): [label: string, text: string][] {
  const proof: [string, string][] =
    cause.evidence.length === 0 ? [] : [['Proof', cause.evidence.map(escapeText).join(' ; ')]];
  if ('parts' in cause) return listLines(cause, proof);
  return [['Why', `${NAMED[cause.kind](cause)}.`], ...proof, ['Fix', fixesText(fixesOfCause(cause))]];
}

const NAMED: Readonly<Record<NamedCauseKind, (cause: NamedCause) => string>> = {
  hook: ({ about, runtime }) =>
    `a hook (${escapeText(runtime)}) put ${joined(about)} in front of the runtime's own program; no configuration and no list of systemd's has them`,
  'leaked-programs': ({ about, runtime, version }) =>
    `${named(runtime, version)} attaches one more program at each update and takes none away (${joined(about)})`,
  'pin-gone': ({ about, runtime }) =>
    `the program is systemd's by a pin that ${escapeText(runtime)} made and that is gone: ${joined(about)}. A reload takes the program away and finds none to put in its place`,
  replaced: ({ about, runtime }) =>
    `another program (${joined(about)}, by ${escapeText(runtime)}) stands in the place of the runtime's`,
  'unit-list': ({ about }) => `the settings of ${joined(about)}`,
  'moved-node': ({ about }) => `a path in DeviceAllow= has another number now: ${joined(about)}`,
  'unit-changed': ({ about }) => `the unit's files changed since systemd read them; they say ${joined(about)}`,
};

function joined(texts: readonly string[]): string {
  return shortList(texts);
}

function named(runtime: string, version: string | null): string {
  return escapeText(`${runtime}${version === null ? '' : ` ${version}`}`);
}

function listLines(cause: ListCause, proof: [string, string][]): [label: string, text: string][] {
  const runtime = named(cause.runtime, cause.version);
  if (cause.kind === 'unknown') {
    const text = `systemd holds ${String(cause.held)} lines for ${String(cause.recorded)} recorded rules; no known version of ${escapeText(cause.runtime)} writes exactly these: the cause is unknown.`;
    return [['Why', text], ...proof];
  }
  if (cause.parts.length === 0) return [];
  const given = `systemd was given ${String(cause.held)} lines for ${String(cause.recorded)} rules.`;
  const reasons = cause.parts.map(({ reason, rules }) => `${REASONS[reason](runtime)} (${shortList(rules)}).`);
  const doubt =
    cause.versionAgrees === false
      ? [
          `The list is that of ${escapeText(cause.runtime)} ${cause.generators.map(escapeText).join(' or ')}, not of the installed ${runtime}: it was updated after the start.`,
        ]
      : [];
  return [['Why', [given, ...reasons, ...doubt].join(' ')], ...proof, ['Fix', fixesText(fixesOfCause(cause))]];
}

const REASONS: Readonly<Record<LossReason, (runtime: string) => string>> = {
  'any-major': () => 'systemd has no form for a rule of every major with one minor',
  denylist: () => 'a list that allows all and denies some cannot be told to systemd',
  'unknown-major': (runtime) => `${runtime} leaves out rules for a whole major that has no name in /proc/devices`,
  'group-stat': (runtime) => `${runtime} leaves out every group rule such as char-pts`,
  'no-dev-link': (runtime) => `${runtime} leaves out rules whose /dev/char/MAJOR:MINOR does not exist`,
  'no-dev-and-sys-link': (runtime) =>
    `${runtime} leaves out rules whose device is neither in /dev/char nor in /sys/dev/char`,
};

function shortList(rules: readonly string[]): string {
  const shown = rules.slice(0, 6).map(escapeText).join(', ');
  return rules.length > 6 ? `${shown} and ${String(rules.length - 6)} more` : shown;
}

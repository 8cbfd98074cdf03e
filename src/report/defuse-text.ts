import type { DefuseResult, Defusal } from '../verify/defuse.js';
import { regionRules } from '../verify/region-rules.js';
import type { DeviceSet } from '../policy/device-set.js';
import type { DeviceNames } from '../policy/names.js';
import { escapeText } from './escape.js';
import { shellWord } from './shell-word.js';
import { wrap } from './table.js';
import { ruleTable } from './words.js';

/**
 * Commands a person may run to keep what the next event of systemd would take away, and what they would not keep.
 * @param columns width that comments are broken to; null: they are not
 */
export function defuseText(
  name: string,
  result: DefuseResult,
  names: DeviceNames,
  columns: number | null = null,
): string {
  const text = wholeText(name, result, names);
  return columns === null ? text : text.replace(/^# \S.*$/gm, (line) => wrappedComment(line.slice(2), columns));
}

function wrappedComment(text: string, columns: number): string {
  return wrap(text, columns - 2)
    .map((line) => `# ${line}`)
    .join('\n');
}

function wholeText(name: string, result: DefuseResult, names: DeviceNames): string {
  const target = escapeText(name);
  if (result.kind === 'nothing-to-do')
    return `# ${target}: nothing that is allowed or intended would be lost: there is nothing to defuse.\n`;
  if (result.kind === 'none') return `# ${target}: no command is offered: ${escapeText(result.reason)}.\n`;
  const blocks = result.ways.map((way, index) => [
    ...(index === 0 ? [] : ['', '# Or, which keeps less:']),
    ...wayLines(target, way, names),
  ]);
  return `${blocks.flat().join('\n')}\n`;
}

const TITLES: Readonly<Record<Defusal['way'], string>> = {
  'complete-list': "completes systemd's device list of the unit",
  'no-list':
    "takes systemd's device list of the unit away; the program of the container's own runtime goes on restricting it",
};

function wayLines(target: string, way: Defusal, names: DeviceNames): string[] {
  const where =
    way.nestedIn === null ? [] : [`# Run it inside ${escapeText(way.nestedIn)}, whose systemd owns the unit.`];
  return [
    `# ${target}: ${TITLES[way.way]}.`,
    '# No restart. Simulated with the model of this systemd; it lasts until the container stops.',
    ...where,
    ...lostLines('Still lost with it (systemd has no form for these):', way.stillLost, names),
    ...lostLines('Not foretold, may be lost:', way.undecided, names),
    commandText(way),
  ];
}

function lostLines(title: string, region: DeviceSet, names: DeviceNames): string[] {
  if (region.isEmpty()) return [];
  const { rules, remainder = [] } = regionRules(region);
  return [
    `# ${title}`,
    ...ruleTable(rules, 'difference', names, { indent: 3 }).map((line) => `#${line}`),
    ...remainder.map((line) => `#   ${line}`),
  ];
}

/** One command, a word a line: a shell takes it as it stands. */
export function commandText({ unit, properties }: Pick<Defusal, 'unit' | 'properties'>): string {
  return [`systemctl set-property --runtime -- ${shellWord(unit)}`, ...properties.map(shellWord)].join(' \\\n  ');
}

import { regionRules } from '../verify/region-rules.js';
import type { Custody } from '../verify/custody.js';
import type { CustodyStep } from '../verify/custody-evidence.js';
import type { DeviceSet } from '../policy/device-set.js';
import { escapeShort } from './escape.js';
import { shortPath } from './paths.js';
import { table } from './table.js';
import { rulesInline } from './words.js';

const STATIONS = {
  asked: 'asked for',
  config: 'configuration',
  runtime: 'runtime',
  systemd: 'systemd',
  kernel: 'kernel',
} as const;

/** "lost between state.json and systemd's DeviceAllow=: c 1:3 rw"; the rules only where they are not all of the finding's. */
export function custodyStepTexts(steps: readonly CustodyStep[]): string[] {
  return steps.map(({ what, from, to, rules, remainder = [] }) => {
    const where = `${what} between ${stationText(from)} and ${stationText(to)}`;
    if (steps.length === 1) return `${where}.`;
    return `${where}: ${[rulesInline(rules, 'difference', 5), ...remainder].filter((text) => text !== '').join(' · ')}.`;
  });
}

function stationText({ station, source }: CustodyStep['from']): string {
  if (station === 'runtime') return /(^|\/)state\.json$/.test(source) ? 'state.json' : "the runtime's own list";
  return STATION_WORDS[station];
}

const STATION_WORDS = {
  asked: 'what was asked for',
  config: 'config.json',
  systemd: "systemd's DeviceAllow=",
  kernel: 'the kernel',
} as const;

/** The way of a container's devices from the request to the kernel: each station, and what it lost or added. Empty where there is only one. */
export function custodyLines({ hops, changes }: Custody): string[] {
  if (hops.length < 2) return [];
  return table(
    hops.flatMap((hop, index): string[][] => {
      const change = changes[index - 1];
      const what = change === undefined ? [unresolvedText(hop.unresolved)] : changed(change.lost, change.added);
      return what.map((words, line) => [
        line === 0 ? STATIONS[hop.name] : '',
        line === 0 ? shortPath(hop.source) : '',
        words,
      ]);
    }),
    { indent: 2 },
  );
}

/** Devices that were asked for in a way that no number is known for: by count, by a name somebody else resolves, by a path nobody looked at. */
function unresolvedText(texts: readonly string[]): string {
  if (texts.length === 0) return '';
  const more = texts.length > 3 ? `, and ${String(texts.length - 3)} more` : '';
  return `number not known: ${texts
    .slice(0, 3)
    .map((text) => escapeShort(text, 60))
    .join(', ')}${more}`;
}

function changed(lost: DeviceSet, added: DeviceSet): string[] {
  const words = [...said('without', lost), ...said('and', added)];
  return words.length === 0 ? ['same'] : words;
}

function said(word: string, region: DeviceSet): string[] {
  const asked = region.subtract(region.space.neverAsked);
  if (asked.isEmpty()) return [];
  const { rules, remainder = [] } = regionRules(asked);
  return [`${word} ${[rulesInline(rules, 'difference'), ...remainder].filter((text) => text !== '').join(' · ')}`];
}

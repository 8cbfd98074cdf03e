import { regionRules } from '../verify/region-rules.js';
import type { Custody } from '../verify/custody.js';
import type { DeviceSet } from '../policy/device-set.js';
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

/** The way of a container's devices from the request to the kernel: each station, and what it lost or added. Empty where there is only one. */
export function custodyLines({ hops, changes }: Custody): string[] {
  if (hops.length < 2) return [];
  return table(
    hops.flatMap((hop, index): string[][] => {
      const change = changes[index - 1];
      const what = change === undefined ? [''] : changed(change.lost, change.added);
      return what.map((words, line) => [
        line === 0 ? STATIONS[hop.name] : '',
        line === 0 ? shortPath(hop.source) : '',
        words,
      ]);
    }),
    { indent: 2 },
  );
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

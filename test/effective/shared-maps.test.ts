/** What programs of one list write to maps they share, for the programs after them. */
import { describe, expect, it } from 'vitest';
import { BddManager } from '../../src/bdd/manager.js';
import type { MapContents, ProgramEnvironment } from '../../src/ebpf/types.js';
import { decide } from '../../src/effective/compose-decide.js';
import { composeEffective, type EffectiveEntry } from '../../src/effective/compose.js';
import { Evaluator } from '../../src/symbolic/evaluate.js';
import { assemble, type Row } from '../kernel/assemble.js';
import { environmentWith, mapWith, programOf } from '../symbolic/agreement.js';

const LOOKUP = 1;
const UPDATE = 2;
const HELPERS = new Map([
  [LOOKUP, 'bpf_map_lookup_elem'],
  [UPDATE, 'bpf_map_update_elem'],
]);
const EXIT: Row = [0x95, 0, 0, 0];
const ALLOW: Row[] = [[0xb7, 0, 0, 1], EXIT];

function array(id: number, more: Partial<MapContents> = {}): MapContents {
  const entries = new Map([['00000000', Uint8Array.of(5, 0, 0, 0)]]);
  return mapWith({ id, type: 'array', maxEntries: 1, entries, ...more });
}

/** r7 = major, r2 = the key 0, r3 = the major, both on the stack. */
const onStack: Row[] = [
  [0x61, 0x17, 4, 0],
  [0x62, 10, -4, 0],
  [0x63, 0x7a, -8, 0],
  [0xbf, 0xa2, 0, 0],
  [0x07, 2, 0, -4],
  [0xbf, 0xa3, 0, 0],
  [0x07, 3, 0, -8],
];
const inMap = (id: number): Row[] => [
  [0x18, 0x11, 0, id],
  [0, 0, 0, 0],
];
const lookup = (id: number): Row[] => [...onStack, ...inMap(id), [0x85, 0, 0, LOOKUP], [0x55, 0, 2, 0], ...ALLOW];
const byStore = (id: number): Row[] => [...lookup(id), [0x63, 0x70, 0, 0], ...ALLOW];
const byHelper = (id: number): Row[] => [...onStack, ...inMap(id), [0xb7, 4, 0, 0], [0x85, 0, 0, UPDATE], ...ALLOW];
/** Reads, and lets only the major 8 through without looking at what it read. */
const reader = (id: number): Row[] => [
  ...lookup(id),
  [0x61, 0x02, 0, 0],
  [0x15, 7, 2, 8],
  [0x15, 2, 1, 5],
  [0x05, 0, 2, 0],
  ...ALLOW,
  [0xb7, 0, 0, 0],
  EXIT,
];

function entry(
  rows: readonly Row[],
  maps: readonly MapContents[],
  more: Partial<ProgramEnvironment> = {},
): EffectiveEntry {
  const environment = environmentWith({ helpers: HELPERS, maps: new Map(maps.map((map) => [map.id, map])), ...more });
  return { kind: 'program', id: 1, record: null as never, program: programOf([assemble(...rows)]), environment };
}

/** Verdicts on the majors 7 and 8 by `can`, then the reasons why something is undecided for all requests at once. */
function answers(...entries: EffectiveEntry[]): (string | string[])[] {
  const composed = composeEffective(new Evaluator(new BddManager()), entries, '6.18.0');
  const verdicts = [7, 8].map((major) => {
    const { verdict, reason } = decide(entries, { type: 'c', access: 2, major, minor: 1 }, '6.18.0');
    return reason ?? verdict;
  });
  return [...verdicts, composed.undecided.map(({ reason }) => reason)];
}
const UNKNOWN = ['depends:map:7', 'allow', ['depends:map:7']];
const EXACT = ['allow', 'allow', []];

describe('a map that an earlier program of the list', () => {
  it.each([
    ['stores to', byStore(7)],
    ['updates', byHelper(7)],
  ])('%s is unknown to those after it', (_, writer) => {
    expect(answers(entry(writer, [array(7)]), entry(reader(7), [array(7)]))).toEqual(UNKNOWN);
  });
  it('only reads is what the snapshot says, and so is one that only a later program writes', () => {
    expect(answers(entry(reader(7), [array(7)]), entry(reader(7), [array(7)]))).toEqual(EXACT);
    expect(answers(entry(reader(7), [array(7)]), entry(byStore(7), [array(7)]))).toEqual(EXACT);
  });
  it('does not know is not changed by it', () => {
    expect(answers(entry(byStore(8), [array(8)]), entry(reader(7), [array(7)]))).toEqual(EXACT);
  });
  it('may not write to keeps its contents', () => {
    const constant = array(7, { flags: 1 << 7, frozen: true });
    expect(answers(entry(byStore(8), [array(8), constant]), entry(reader(7), [constant]))).toEqual(EXACT);
  });
  it('hands to a helper that nobody knows is unknown', () => {
    const unknown = entry([...onStack, ...inMap(7), [0x85, 0, 0, 9], ...ALLOW], [array(7)], {
      helpers: new Map([[9, 'bpf_map_peek_elem']]),
    });
    expect(answers(unknown, entry(reader(7), [array(7)]))).toEqual(UNKNOWN);
  });
  it('of which nothing is known but its maps may have written is unknown', () => {
    const record = { mapIds: [7] } as never;
    const [seven] = answers({ kind: 'unreadable', id: 2, record, reason: 'unreadable' }, entry(reader(7), [array(7)]));
    expect(seven).toBe('depends:map:7,unreadable');
  });
});

it('the same program twice: the second run finds what the first one left', () => {
  const rows: Row[] = [...lookup(7), [0x61, 0x02, 0, 0], [0x63, 0x70, 0, 0], [0xb7, 0, 0, 0]];
  const twice = entry([...rows, [0x55, 2, 1, 5], [0xb7, 0, 0, 1], EXIT], [array(7)]);
  expect(answers(twice)).toEqual(EXACT);
  expect(answers(twice, twice)[0]).toBe('depends:map:7');
});

it('a map that only the target of a tail call writes to is unknown, too', () => {
  const target = {
    program: programOf([assemble(...byStore(7))]),
    environment: environmentWith({ helpers: HELPERS, maps: new Map([[7, array(7)]]) }),
  };
  const caller = entry(ALLOW, [mapWith({ id: 3, type: 'prog_array' })], { programs: new Map([[9, target]]) });
  expect(answers(caller, entry(reader(7), [array(7)]))).toEqual(UNKNOWN);
});

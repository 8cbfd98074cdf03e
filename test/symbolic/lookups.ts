/** Lookups of one key in one map, by evaluator and interpreter, against what plain TypeScript finds. */
import type { ByteOrder, MapContents } from '../../src/ebpf/types.js';
import type { DeviceRequest } from '../../src/policy/types.js';
import { environmentWith, mapWith } from './agreement.js';
import { numberIn } from './program-bytes.js';
import {
  ALLOW,
  call,
  DENY,
  expectVerdicts,
  LOAD_MAJOR,
  LOAD_MINOR,
  move,
  reference,
  set,
  type Row,
} from './transfer/judged.js';

export const HELPERS: ReadonlyMap<number, string> = new Map([
  [1, 'bpf_map_lookup_elem'],
  [9, 'bpf_map_peek_elem'],
]);
/** What r6 is where there is no such key; values have no more bits. */
export const ABSENT = 15;
export const START: Row[] = [LOAD_MAJOR, LOAD_MINOR, move(7, 2), move(8, 3)];
/** r6 = the first four bytes of the value of the key at fp - 24. */
export const LOOK: Row[] = [
  move(2, 10),
  [0x07, 2, 0, -24],
  ...reference(1, 1, 7),
  call(1),
  set(6, ABSENT),
  [0x15, 0, 1, 0],
  [0x61, 0x06, 0, 0],
];

/** Programs that allow where a bit of r6 is set, one for each bit. */
export const bitsOf = (rows: readonly Row[]): [bit: number, rows: Row[]][] =>
  [1, 2, 4, 8].map((bit) => [bit, [...rows, [0x45, 6, 2, bit], ...DENY, ...ALLOW]]);

export interface Lookup {
  /** Puts the key to fp - 24. */
  readonly key: readonly Row[];
  readonly map: Omit<Partial<MapContents>, 'entries'> & { type: string };
  readonly entries: readonly (readonly [key: string, value: number])[] | null;
  /** What is found, null where nothing is; or why that is not known. */
  readonly found: (request: DeviceRequest) => number | string | null;
  readonly order?: ByteOrder;
  readonly evaluatorOnly?: boolean;
}

export function expectFound({ key, map, entries, found, order = 'little', evaluatorOnly = false }: Lookup): void {
  const contents = mapWith({
    id: 7,
    ...map,
    entries: entries === null ? null : new Map(entries.map(([hex, value]) => [hex, numberIn(order, 4, BigInt(value))])),
  });
  const environment = environmentWith({ helpers: HELPERS, maps: new Map([[7, contents]]) });
  for (const [bit, rows] of bitsOf([...START, ...key, ...LOOK])) {
    const right = (request: DeviceRequest): boolean | string => {
      const value = found(request);
      return typeof value === 'string' ? value : ((value ?? ABSENT) & bit) !== 0;
    };
    expectVerdicts(rows, right, { environment, order, evaluatorOnly });
  }
}

/** The low bytes of a register as a key of a number. */
export const keyOf = (size: 1 | 2 | 4 | 8, register: number): Row[] => [
  [{ 1: 0x73, 2: 0x6b, 4: 0x63, 8: 0x7b }[size], 10 | (register << 4), -24, 0],
];

import type { HostRecord, Snapshot } from '../snapshot/types.js';
import type { PendingProgram } from './pending-types.js';

/** What may become of the programs that systemd attached for `BPFProgram=device:PIN`. */
export interface PinReading {
  /** Pins that are gone, or may be. */
  readonly missingPins: string[];
  /** Pins nobody looked for, taken to be there. */
  readonly assumedPins: string[];
  /** Ids of programs that are not attached again. */
  readonly gone: number[];
}

/** The pins of the host a unit belongs to: a guest has a bpf file system of its own, in which the same path is another pin. */
export function pinsOfHost({ host, nestedHosts }: Snapshot, nestedIn: string | null): HostRecord['bpfPins'] {
  return nestedIn === null ? host.bpfPins : (nestedHosts.find(({ key }) => key === nestedIn)?.bpfPins ?? null);
}

/**
 * Pinned programs are not kept over a reload but read again from bpffs: one whose pin is gone is not attached again. Which program it was is certain only
 * where one program on the level can be it. Where nobody looked at bpffs at all (files captured by hand) the pins are taken to be there, as their writer
 * left them, and named as taken.
 * @param pinned paths that the unit's files name
 * @param nestedIn key of the guest the unit belongs to; null: the host
 */
export function pinReadings(
  snapshot: Snapshot,
  nestedIn: string | null,
  pinned: readonly string[],
  programs: readonly PendingProgram[],
): PinReading[] {
  const stays: PinReading = { missingPins: [], assumedPins: [], gone: [] };
  const pins = pinsOfHost(snapshot, nestedIn);
  if (pins === null && snapshot.scope !== 'host') return [{ ...stays, assumedPins: [...pinned] }];
  const state = (path: string): boolean | null =>
    pins === null ? null : (pins.find((pin) => pin.path === path)?.present ?? null);
  const missing = pinned.filter((path) => state(path) === false);
  const unknown = pinned.filter((path) => state(path) === null);
  const candidates = programs.filter(({ name }) => name !== 'sd_devices').map(({ id }) => id);
  const leave = (count: number, paths: string[]): PinReading[] =>
    candidates.length <= count
      ? [{ ...stays, missingPins: paths, gone: candidates }]
      : candidates.map((id) => ({ ...stays, missingPins: paths, gone: [id] }));
  const certain = missing.length === 0 ? [stays] : leave(missing.length, missing);
  return unknown.length === 0
    ? certain
    : [...certain, ...leave(missing.length + unknown.length, [...missing, ...unknown])];
}

/** What becomes of a program's record before it is evaluated. */
import { describe, expect, it } from 'vitest';
import { emptySnapshot } from '../../src/collect/empty.js';
import { ProgramLoader } from '../../src/effective/compose-programs.js';
import type { ProgramRecord, Snapshot } from '../../src/snapshot/types.js';
import { EXIT, join, mov } from '../ebpf/bytes.js';
import { tailCallInstruction } from '../symbolic/program-bytes.js';

const base64 = (...parts: readonly Uint8Array[]): string => Buffer.from(join(...parts)).toString('base64');

function record(id: number, changes: Partial<ProgramRecord> = {}): ProgramRecord {
  return {
    id,
    tag: null,
    name: '',
    loadedAtNs: null,
    loadedAt: null,
    uid: 0,
    gplCompatible: true,
    btfId: null,
    jited: true,
    mapIds: [],
    functionCount: 1,
    xlated: base64(mov(0, 1), EXIT),
    unreadable: null,
    helpers: {},
    freplaced: null,
    ...changes,
  };
}

function loader(...programs: ProgramRecord[]): ProgramLoader {
  const snapshot: Snapshot = { ...emptySnapshot('little'), programs };
  return new ProgramLoader(snapshot);
}

describe('a program that is there', () => {
  it('is decoded once', () => {
    const programs = loader(record(7));
    const loaded = programs.get(7);
    expect(loaded).toMatchObject({ kind: 'program', id: 7, record: { id: 7 } });
    expect(programs.get(7)).toBe(loaded);
  });
  it('may be replaced in part only if it has BTF', () => {
    const freplaced = (changes: Partial<ProgramRecord>): string | null => {
      const loaded = loader(record(7, changes)).get(7);
      return loaded.kind === 'program' ? loaded.environment.freplaced : null;
    };
    for (const btfId of [null, 1, 12]) {
      expect(freplaced({ btfId, freplaced: 'unknown' })).toBe('unknown');
      expect(freplaced({ btfId, freplaced: 'yes' })).toBe('yes');
      expect(freplaced({ btfId, freplaced: null })).toBe('no');
    }
    expect(freplaced({ btfId: 0, freplaced: 'unknown' })).toBe('no');
  });
  it('may tail-call itself', () => {
    const slots = { key: base64(new Uint8Array(4)), value: base64(Uint8Array.of(7, 0, 0, 0)) };
    const snapshot: Snapshot = {
      ...emptySnapshot('little'),
      programs: [record(7, { xlated: base64(mov(0, 1), tailCallInstruction, EXIT), mapIds: [3] })],
      maps: [
        {
          id: 3,
          type: 'prog_array',
          name: 'next',
          keySize: 4,
          valueSize: 4,
          maxEntries: 1,
          flags: 0,
          frozen: false,
          entries: [slots],
          asOf: null,
        },
      ],
    };
    const loaded = new ProgramLoader(snapshot).get(7);
    expect(loaded.kind === 'program' && loaded.environment.programs.get(7)?.program).toBe(
      loaded.kind === 'program' && loaded.program,
    );
  });
});

describe('a program that cannot be evaluated', () => {
  it.each<[string, Partial<ProgramRecord>, string]>([
    ['nothing was read', { xlated: null, unreadable: 'EPERM' }, 'unreadable'],
    ['no instructions were read', { xlated: '' }, 'unreadable'],
    ['half an instruction', { xlated: base64(mov(0, 1).slice(0, 4)) }, 'undecodable'],
    ['an instruction there is not', { xlated: base64(Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0), EXIT) }, 'undecodable'],
  ])('%s', (_name, changes, reason) => {
    const programs = loader(record(7, changes));
    const loaded = programs.get(7);
    expect(loaded).toMatchObject({ kind: 'unreadable', id: 7, reason, record: { id: 7 } });
    expect(programs.get(7)).toBe(loaded);
  });
  it('is not in the snapshot', () => {
    expect(loader(record(7)).get(8)).toEqual({ kind: 'unreadable', id: 8, reason: 'unreadable', record: null });
  });
});

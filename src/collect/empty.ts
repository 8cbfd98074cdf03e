import type { ProgramRecord, Snapshot } from '../snapshot/types.js';
import { SNAPSHOT_SCHEMA, SNAPSHOT_VERSION } from '../snapshot/types.js';
import { TOOL } from './tool.js';

/** A program of which nothing is known but its id: where readers of programs begin. */
export function emptyProgram(id: number): ProgramRecord {
  return {
    id,
    tag: null,
    name: '',
    loadedAtNs: null,
    loadedAt: null,
    uid: null,
    gplCompatible: null,
    btfId: null,
    jited: null,
    mapIds: [],
    functionCount: null,
    xlated: null,
    unreadable: null,
    helpers: {},
    freplaced: null,
  };
}

/** A snapshot in which nothing is known: where readers of files begin, and put what the file says. */
export function emptySnapshot(byteOrder: 'little' | 'big'): Snapshot {
  return {
    schema: SNAPSHOT_SCHEMA,
    schemaVersion: [...SNAPSHOT_VERSION],
    tool: TOOL,
    collectedAt: null,
    bootTimeNs: null,
    scope: 'targets',
    subject: null,
    host: {
      kernelRelease: null,
      machine: null,
      byteOrder,
      hostname: null,
      bootId: null,
      cgroupLayout: null,
      cgroupMount: null,
      kptrRestrict: null,
      bpfJitHarden: null,
      bpfJitEnable: null,
      perfEventParanoid: null,
      unprivilegedBpfDisabled: null,
      capEff: null,
      systemd: null,
      runtimes: {},
      procDevices: null,
      devChar: null,
      deviceLinks: { devChar: null, devBlock: null, sysDevChar: null, sysDevBlock: null },
      bpfPins: null,
      clockSynchronised: null,
      v1Devices: [],
      containerisedBy: null,
    },
    cgroups: [],
    programs: [],
    maps: [],
    containers: [],
    units: [],
    nodes: [],
    nestedHosts: [],
    vanished: 0,
    problems: [],
  };
}

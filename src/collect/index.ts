/** The collect room: everything that reads a host, or files captured from one, into a Snapshot. */
import { InputError } from '../errors.js';
import { parseSnapshot, MAX_SNAPSHOT_LENGTH } from '../snapshot/parse.js';
import type { Snapshot } from '../snapshot/types.js';
import { fileFailure, isMissing, readRegularFile } from './files.js';
import type { ProgramFileOptions } from './program-file.js';
import { MAX_PROGRAM_FILE, snapshotOfProgram } from './program-file.js';

export { snapshotFromDirectory } from './from-dir.js';
export { machineByteOrder, snapshotOfProgram, type ProgramFileOptions } from './program-file.js';
export { readConfigFile, readStateFile } from './source-file.js';

/**
 * Reads a saved snapshot.
 * @throws InputError if the file cannot be read, is no snapshot or a newer one
 */
export function readSnapshotFile(path: string): Snapshot {
  return parseSnapshot(readInput(path, MAX_SNAPSHOT_LENGTH).toString('utf8'), path);
}

/**
 * Reads a program file (see snapshotOfProgram).
 * @throws InputError if the file cannot be read or holds no program
 */
export function readProgramFile(path: string, options: ProgramFileOptions = {}): Snapshot {
  return snapshotOfProgram(readInput(path, MAX_PROGRAM_FILE), path, options);
}

/**
 * Reads a regular file that the user named, whole.
 * @throws InputError if it does not exist, is no regular file, or has more than `maxBytes`
 */
export function readInput(path: string, maxBytes: number): Buffer {
  try {
    return readRegularFile(path, maxBytes);
  } catch (error) {
    throw new InputError(`${path}: ${isMissing(error) ? 'no such file' : fileFailure(error).failed}`);
  }
}

export { collectSnapshot, type CollectOptions } from './collect.js';
export { cgroupOfPid, resolveDevicePath, type DeviceRoot } from './lookups.js';
export { MarkReader, sameMarks, type Marks } from './marks.js';

import type { ProgramRecord } from '../snapshot/types.js';

/** Why a program could not be used, from the loader's word and what the collector recorded. */
export function unreadableText(reason: string, record: ProgramRecord | null): string {
  if (record === null) return 'the kernel lists it, but it could not be opened (it may have gone meanwhile)';
  if (reason === 'undecodable') return 'its bytes are no program this version can decode';
  return record.unreadable ?? 'its instructions could not be read';
}

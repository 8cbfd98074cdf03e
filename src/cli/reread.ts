import { setTimeout as sleep } from 'node:timers/promises';

/** systemd attaches its new program before it detaches the old one: what is found must still be there after this long. */
export const REREAD_AFTER_MS = 200;
const MOST_READS = 4;

/**
 * Reads until two reads after one another say the same, four times at most; the last one counts.
 * @param told what a read says, in a form that can be compared; "": nothing that must be read again to be believed
 */
export async function readUntilSame<T>(read: () => Promise<T>, told: (value: T) => string): Promise<T> {
  let value = await read();
  for (let reads = 1; reads < MOST_READS && told(value) !== ''; reads++) {
    await sleep(REREAD_AFTER_MS);
    const again = await read();
    const same = told(again) === told(value);
    value = again;
    if (same) break;
  }
  return value;
}

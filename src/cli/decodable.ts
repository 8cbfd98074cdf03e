import { DecodeError } from '../ebpf/decode-error.js';
import { decode } from '../ebpf/decode.js';
import type { ByteOrder } from '../ebpf/types.js';
import { InputError } from '../errors.js';
import type { Snapshot } from '../snapshot/types.js';

/**
 * A program the user brings must decode: a typing error or the wrong byte order is told at once. (Programs of a host that do not decode are
 * `unreadable` there, which is no mistake of the user's.)
 * @throws InputError
 */
export function checkDecodable(snapshot: Snapshot, name: string): void {
  const order = snapshot.host.byteOrder;
  for (const { xlated } of snapshot.programs) {
    if (xlated === null) continue;
    const bytes = Buffer.from(xlated, 'base64');
    const failure = failureOf(bytes, order);
    if (failure === null) continue;
    const other: ByteOrder = order === 'little' ? 'big' : 'little';
    const hint =
      failureOf(bytes, other) === null ? `in the other byte order it decodes: try --byte-order ${other}` : failure.hint;
    throw new InputError(`${name}: ${failure.message}`, hint);
  }
}

function failureOf(bytes: Uint8Array, order: ByteOrder): DecodeError | null {
  try {
    decode(bytes, order);
    return null;
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

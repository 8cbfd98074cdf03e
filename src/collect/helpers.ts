import { LIMITS, errorCode, readRegularFile } from './files.js';
import type { NativeFailure, NativeProgramInfo } from './native.js';

/** BPF_JMP | BPF_CALL. */
const CALL = 0x85;
const LOAD_IMMEDIATE = 0x18;
/** bpf_tail_call: the only helper whose number the dump keeps (bpf_insn_prepare_dump). */
const TAIL_CALL = 12;

/**
 * The immediates of calls of helpers and kernel functions in translated instructions: the helper's address less that of `__bpf_call_base`. Zero means the kernel did not say.
 */
export function callImmediates(
  infos: Iterable<NativeProgramInfo | NativeFailure>,
  byteOrder: 'little' | 'big',
): Set<number> {
  const immediates = new Set<number>();
  for (const info of infos) {
    if ('errno' in info || info.xlated === null) continue;
    const code = Buffer.from(info.xlated.buffer, info.xlated.byteOffset, info.xlated.byteLength);
    for (let at = 0; at + 8 <= code.length; at += 8) {
      if (code[at] === LOAD_IMMEDIATE) {
        at += 8;
        continue;
      }
      // Source register 0 is a helper, 1 a function of the program, 2 a kernel function; the dump gives 0 and 2 the same immediate.
      const registers = code[at + 1] ?? 0;
      if (code[at] !== CALL || (byteOrder === 'little' ? registers >> 4 : registers & 0xf) === 1) continue;
      const immediate = byteOrder === 'little' ? code.readInt32LE(at + 4) : code.readInt32BE(at + 4);
      if (immediate !== 0 && immediate !== TAIL_CALL) immediates.add(immediate);
    }
  }
  return immediates;
}

/**
 * Names of helpers by call immediate, through kallsyms. Empty where kallsyms cannot be read or hides addresses; kallsyms, a hundred thousand lines,
 * is only read if there is something to name.
 */
export function helperNames(immediates: ReadonlySet<number>, path: string): Map<number, string> {
  if (immediates.size === 0) return new Map();
  try {
    return namesIn(readRegularFile(path, LIMITS.database).toString('latin1'), immediates);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return new Map();
  }
}

/** As helperNames, for the text of kallsyms: lines "ffffffff81234560 T name". */
export function namesIn(kallsyms: string, immediates: ReadonlySet<number>): Map<number, string> {
  const names = new Map<number, string>();
  const base = /^([0-9a-f]{8,16}) \w __bpf_call_base$/m.exec(kallsyms)?.[1];
  if (base === undefined || /^0+$/.test(base)) return names;
  for (const immediate of immediates) {
    const address = BigInt.asUintN(64, BigInt(`0x${base}`) + BigInt(immediate));
    const symbol = symbolAt(kallsyms, address.toString(16).padStart(base.length, '0'));
    if (symbol !== null) names.set(immediate, symbol);
  }
  return names;
}

/** The function at exactly that address. Where several names share it (aliases) the helper's own is the one that begins with bpf_. */
function symbolAt(kallsyms: string, address: string): string | null {
  const found: string[] = [];
  for (let at = kallsyms.indexOf(`${address} `); at >= 0; at = kallsyms.indexOf(`${address} `, at + 1)) {
    if (at > 0 && kallsyms[at - 1] !== '\n') continue;
    const line = /^[0-9a-f]+ [tTwW] ([^\s]+)/.exec(kallsyms.slice(at, at + 512));
    if (line?.[1] !== undefined) found.push(line[1]);
  }
  return found.find((name) => name.startsWith('bpf_')) ?? found[0] ?? null;
}

/** The type data (BTF) that the kernel asks for where functions have more than five arguments: how many each has. Documentation/bpf/btf.rst. */
const KIND = { int: 1, ptr: 2, func: 12, funcProto: 13 } as const;
const INT = 1;
const VOID_POINTER = 2;

export interface FunctionType {
  readonly name: string;
  /** Slot of its first instruction. */
  readonly slot: number;
  /** "context", or so many numbers. */
  readonly takes: 'context' | number;
}

export interface TypeData {
  readonly btf: Uint8Array;
  /** struct bpf_func_info of each function: first instruction and type. */
  readonly functions: Uint8Array;
}

/** All functions are static and return an int. */
export function typeData(functions: readonly FunctionType[]): TypeData {
  const strings = ['', 'int', 'argument', ...functions.map(({ name }) => name)];
  const offsetOf = (text: string): number =>
    strings.slice(0, strings.indexOf(text)).reduce((sum, each) => sum + each.length + 1, 0);
  const kind = (number: number, count = 0): number => (number << 24) | count;
  const types: number[] = [offsetOf('int'), kind(KIND.int), 4, (1 << 24) | 32, 0, kind(KIND.ptr), 0];
  const records: number[] = [];
  functions.forEach(({ name, slot, takes }, i) => {
    const count = takes === 'context' ? 1 : takes;
    const argument = [offsetOf('argument'), takes === 'context' ? VOID_POINTER : INT];
    types.push(0, kind(KIND.funcProto, count), INT, ...Array.from({ length: count }, () => argument).flat());
    const prototype = 3 + 2 * i;
    types.push(offsetOf(name), kind(KIND.func), prototype);
    records.push(slot, prototype + 1);
  });
  const text = Buffer.from(strings.map((each) => `${each}\0`).join(''));
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  const words = Buffer.from(Uint32Array.from(types).buffer);
  [24, 0, words.length, words.length, text.length].forEach((value, i) => header.writeUInt32LE(value, 4 + 4 * i));
  return { btf: Buffer.concat([header, words, text]), functions: Buffer.from(Uint32Array.from(records).buffer) };
}

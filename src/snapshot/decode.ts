import { InputError } from '../errors.js';

/**
 * Combinators that turn untrusted JSON into typed values. A decoder either returns a fresh value that holds nothing but what was
 * asked for, or throws an InputError that names the place ("programs[3].tag: expected a string, found a number"). Values are never
 * echoed: they may be long or hold control characters. Objects read from JSON are only asked for their own properties.
 */
export type Decoder<T> = (value: unknown, path: string) => T;

/** Ends decoding: `value` at `path` is not what it must be. */
export function mismatch(path: string, expected: string, value: unknown): never {
  throw new InputError(`${path === '' ? 'document' : path}: expected ${expected}, found ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'number' && !Number.isInteger(value) ? 'a fraction' : `a ${typeof value}`;
}

/** A string of at most `maxLength` UTF-16 units. */
export function string(maxLength = 65_536): Decoder<string> {
  return (value, path) => {
    if (typeof value !== 'string') mismatch(path, 'a string', value);
    if (value.length > maxLength) throw new InputError(`${path}: longer than ${String(maxLength)} characters`);
    return value;
  };
}

/** Bytes as standard base64 with padding. */
export function base64(maxLength: number = 64 << 20): Decoder<string> {
  const text = string(maxLength);
  return (value, path) => {
    const encoded = text(value, path);
    if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) mismatch(path, 'base64', value);
    return encoded;
  };
}

/** An integer in [min, max]; by default any that a double holds exactly. */
export function integer(min: number = Number.MIN_SAFE_INTEGER, max: number = Number.MAX_SAFE_INTEGER): Decoder<number> {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) mismatch(path, 'an integer', value);
    if (value < min || value > max) throw new InputError(`${path}: ${String(value)} is out of range`);
    return value;
  };
}

export const boolean: Decoder<boolean> = (value, path) => {
  if (typeof value !== 'boolean') mismatch(path, 'true or false', value);
  return value;
};

/** null, or what `decoder` takes; a missing property counts as null, so that files written before a field existed stay readable. */
export function nullable<T>(decoder: Decoder<T>): Decoder<T | null> {
  return (value, path) => (value === null || value === undefined ? null : decoder(value, path));
}

/** What `decoder` takes; `value` where the property is missing or null. */
export function fallback<T>(decoder: Decoder<T>, missing: () => T): Decoder<T> {
  return (value, path) => (value === null || value === undefined ? missing() : decoder(value, path));
}

/** One of the given strings. */
export function literal<const T extends string>(...allowed: T[]): Decoder<T> {
  return (value, path) => {
    const found = allowed.find((candidate) => candidate === value);
    return found ?? mismatch(path, allowed.map((candidate) => `"${candidate}"`).join(' or '), value);
  };
}

export function array<T>(element: Decoder<T>, maxLength = 1_000_000): Decoder<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) mismatch(path, 'an array', value);
    if (value.length > maxLength) throw new InputError(`${path}: more than ${String(maxLength)} elements`);
    return value.map((item, index) => element(item, `${path}[${String(index)}]`));
  };
}

/** A map with free keys. The result has no prototype: a key such as "__proto__" is a key like any other. */
export function record<T>(element: Decoder<T>, maxKeys = 100_000): Decoder<Record<string, T>> {
  return (value, path) => {
    const entries = Object.entries(plainObject(value, path));
    if (entries.length > maxKeys) throw new InputError(`${path}: more than ${String(maxKeys)} keys`);
    const result = Object.create(null) as Record<string, T>;
    for (const [key, item] of entries) result[key] = element(item, `${path}[${JSON.stringify(key.slice(0, 80))}]`);
    return result;
  };
}

/** An object with at least the given properties. Others are left out: a later minor version may add some. */
export function object<T extends object>(fields: { [K in keyof T]-?: Decoder<T[K]> }): Decoder<T> {
  const keys = Object.keys(fields) as (keyof T & string)[];
  return (value, path) => {
    const source = plainObject(value, path);
    const result: Partial<T> = {};
    for (const key of keys) result[key] = fields[key](property(source, key), path === '' ? key : `${path}.${key}`);
    return result as T;
  };
}

/** A union told apart by the string property `tag`. */
export function tagged<T extends object>(tag: keyof T & string, cases: Record<string, Decoder<T>>): Decoder<T> {
  return (value, path) => {
    const kind = property(plainObject(value, path), tag);
    if (typeof kind !== 'string' || !Object.hasOwn(cases, kind))
      mismatch(`${path}.${tag}`, Object.keys(cases).join(', '), kind);
    return cases[kind]!(value, path);
  };
}

/** `value` as an object that is no array. */
export function plainObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) mismatch(path, 'an object', value);
  return value as Record<string, unknown>;
}

/** The object's own property, or undefined. */
export function property(source: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(source, key) ? source[key] : undefined;
}

import { InputError } from '../../errors.js';
import type { IncusConfigSource } from '../../snapshot/types.js';

/** A value of the small part of YAML that Incus and LXD write: maps and text; lists are skipped. */
type Yaml = string | Map<string, Yaml>;

const KEPT = /^(security\.|raw\.lxc$|linux\.|nvidia\.)/;

/**
 * Reads an instance's configuration as `incus config show` prints it and backup.yaml holds it (there below `instance:` or `container:`).
 * @throws InputError if it is not laid out so
 */
export function parseIncusConfig(content: string, path: string): IncusConfigSource {
  const document = parseYaml(content);
  const instance =
    ['instance', 'container'].map((key) => document.get(key)).find((value) => value instanceof Map) ?? document;
  const config = mapOf(instance.get('expanded_config') ?? instance.get('config'));
  const devices = mapOf(instance.get('expanded_devices') ?? instance.get('devices'));
  if (config === null && devices === null) throw new InputError('neither config nor devices');
  const kept = textsOf(config ?? new Map<string, Yaml>(), (key) => KEPT.test(key));
  const privileged = kept['security.privileged'];
  return {
    kind: 'incus-config',
    path,
    privileged: privileged === undefined ? null : ['true', '1', 'yes', 'on'].includes(privileged.toLowerCase()),
    config: kept,
    devices: [...(devices ?? [])].map(([name, options]) => ({
      name,
      options: textsOf(mapOf(options) ?? new Map<string, Yaml>(), () => true),
    })),
  };
}

function mapOf(value: Yaml | undefined): Map<string, Yaml> | null {
  return value instanceof Map ? value : null;
}

function textsOf(map: Map<string, Yaml>, keep: (key: string) => boolean): Record<string, string> {
  const result = Object.create(null) as Record<string, string>;
  for (const [key, value] of map) if (typeof value === 'string' && keep(key)) result[key] = value;
  return result;
}

interface Line {
  indent: number;
  text: string;
}

/** Block maps, plain and quoted scalars, block scalars ("|"). Depth is bounded by the indentation of a bounded file. */
function parseYaml(content: string): Map<string, Yaml> {
  const lines = content
    .split('\n')
    .map((raw) => ({ indent: raw.length - raw.trimStart().length, text: raw.trimEnd().trimStart() }))
    .filter((line, index, all) => line.text !== '' || index < all.length - 1);
  return parseMap(lines, { next: 0 }, 0, 0);
}

const MAX_DEPTH = 20;

function parseMap(lines: Line[], at: { next: number }, indent: number, depth: number): Map<string, Yaml> {
  if (depth > MAX_DEPTH) throw new InputError('nested too deeply');
  const result = new Map<string, Yaml>();
  for (let line = lines[at.next]; line !== undefined; line = lines[at.next]) {
    if (line.text === '' || line.text.startsWith('#') || line.text === '---') {
      at.next++;
      continue;
    }
    if (line.indent < indent) break;
    const entry = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^\s:"'-][^:]*):(?:\s+(.*))?$/.exec(line.text);
    at.next++;
    if (line.indent > indent || entry === null) continue; // a list, or a line of a scalar that is wrapped: nothing that is needed
    const [, key = '', rest = ''] = entry;
    result.set(scalar(key), valueAfter(rest, lines, at, indent, depth));
  }
  return result;
}

function valueAfter(rest: string, lines: Line[], at: { next: number }, indent: number, depth: number): Yaml {
  if (/^[|>][-+]?\d?$/.test(rest)) return blockScalar(lines, at, indent);
  if (rest !== '') return rest === '{}' ? new Map<string, Yaml>() : scalar(rest);
  const following = lines[at.next];
  return following !== undefined && following.indent > indent ? parseMap(lines, at, following.indent, depth + 1) : '';
}

function blockScalar(lines: Line[], at: { next: number }, indent: number): string {
  const parts: string[] = [];
  for (
    let line = lines[at.next];
    line !== undefined && (line.text === '' || line.indent > indent);
    line = lines[at.next]
  ) {
    parts.push(line.text);
    at.next++;
  }
  return parts.join('\n').trimEnd();
}

function scalar(text: string): string {
  if (text.startsWith('"') && text.endsWith('"') && text.length > 1) {
    try {
      return String(JSON.parse(text));
    } catch {
      return text.slice(1, -1);
    }
  }
  if (text.startsWith("'") && text.endsWith("'") && text.length > 1) return text.slice(1, -1).replaceAll("''", "'");
  return text;
}

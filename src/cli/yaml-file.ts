import { parseAllDocuments } from 'yaml';
import { readInput } from '../collect/index.js';
import { InputError } from '../errors.js';

const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Reads a file of ours: YAML 1.2, of which JSON is a part. Nothing in it can name code or refer to itself: no custom tags, no aliases, no merge keys, no
 * key twice. Mappings come as Map.
 * @throws InputError with file and line
 */
export function readYamlFile(path: string): unknown {
  const text = Buffer.from(readInput(path, MOST_BYTES)).toString('utf8');
  const documents = parseAllDocuments(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    logLevel: 'silent',
  });
  const [document, ...more] = Array.isArray(documents) ? documents : [];
  if (document === undefined) throw new InputError(`${path}: nothing in it`);
  if (more.length > 0) throw new InputError(`${path}: more than one document`);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const line = problem.linePos?.[0].line;
    const [what = ''] = problem.message.split('\n');
    throw new InputError(
      `${path}${line === undefined ? '' : `:${String(line)}`}: ${what.replace(/ at line \d+, column \d+:?$/, '')}`,
    );
  }
  return valueOf(document, path);
}

/** Mappings as Map, so that a key such as "__proto__" is a key like any other. */
function valueOf(
  document: { toJS: (options: { mapAsMap: boolean; maxAliasCount: number }) => unknown },
  path: string,
): unknown {
  try {
    return document.toJS({ mapAsMap: true, maxAliasCount: 0 });
  } catch (error) {
    throw new InputError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

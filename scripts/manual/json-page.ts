import type { Manual } from './pages.js';
import { heading, item, page, paragraphs, type PageHead } from './roff.js';

/** A JSON Schema as far as a manual page shows it. */
export interface SchemaFile {
  /** "verify.schema.json" */
  file: string;
  schema: {
    title?: string;
    description?: string;
    properties?: Record<string, { type?: string | string[]; const?: unknown; description?: string }>;
    required?: string[];
  };
}

const ABOUT = `With --json commands print one JSON document, and verify --format ndjson one on each line. Each names its schema and
its schemaVersion [major, minor]: within a major version properties are only added. Equal input gives equal bytes.

The schemas (JSON Schema 2020-12) are installed beside the documentation; this page lists what each document has at its top.`;

/** devpolicy.json(5), from the schemas that the tests validate against. */
export function jsonPage(schemas: readonly SchemaFile[], release: Pick<PageHead, 'date' | 'version'>): Manual {
  const head = {
    name: 'devpolicy.json',
    section: 5,
    about: 'documents that devpolicy prints and reads',
    ...release,
  } as const;
  const body = [heading('description'), ...paragraphs(ABOUT), ...schemas.flatMap(schemaSection)];
  return { file: 'devpolicy.json.5', text: page(head, [...body, heading('see also'), '.BR devpolicy (1)']) };
}

function schemaSection({ file, schema }: SchemaFile): string[] {
  const about = [schema.title ?? '', schema.description ?? ''].filter((text) => text !== '').join('. ');
  const required = new Set(schema.required ?? []);
  return [
    heading(file),
    ...paragraphs(about.replace(/\.?$/, '.').replaceAll('`', '')),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
      const type =
        property.const === undefined ? [property.type ?? []].flat().join(' or ') : JSON.stringify(property.const);
      const may = required.has(name) ? '' : ', may be absent';
      return item(
        name,
        [`${type}${may}`, property.description ?? '']
          .filter((text) => text !== '')
          .map((text) => `${text}.`)
          .join(' '),
      );
    }),
  ];
}

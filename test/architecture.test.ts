/**
 * The fences between the rooms of src/, read from the imports themselves. See ARCHITECTURE.md for what each room is.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '../src');

/** What a room may import besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  snapshot: ['errors'],
  bdd: ['errors'],
  ebpf: ['errors'],
  collect: ['errors', 'snapshot'],
  policy: ['errors', 'snapshot', 'bdd', 'ebpf'],
  symbolic: ['errors', 'snapshot', 'bdd', 'ebpf', 'policy'],
  intent: ['errors', 'snapshot', 'bdd', 'ebpf', 'policy'],
  effective: ['errors', 'snapshot', 'bdd', 'ebpf', 'policy', 'symbolic', 'intent'],
  verify: ['errors', 'snapshot', 'bdd', 'ebpf', 'policy', 'symbolic', 'intent', 'effective'],
  pipeline: ['errors', 'snapshot', 'bdd', 'ebpf', 'policy', 'symbolic', 'intent', 'effective', 'verify'],
  report: ['errors', 'snapshot', 'bdd', 'ebpf', 'policy', 'symbolic', 'intent', 'effective', 'verify'],
  index: ['*'],
  cli: ['*'],
};

/** Only these rooms touch the outside world. */
const MAY_USE_NODE = new Set(['collect', 'cli']);
/** Parts of Node.js that are plain computation. */
const PURE_NODE = new Set(['node:buffer']);

interface Import {
  file: string;
  line: number;
  /** Path below src/ of an import inside the project, else the module's name. */
  target: string;
  inside: boolean;
  typeOnly: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();
const imports = files.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Expression | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const inside = specifier.text.startsWith('.');
    const target = inside ? normalize(join(dirname(file), specifier.text)).replace(/\.js$/, '.ts') : specifier.text;
    found.push({
      file,
      line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1,
      target,
      inside,
      typeOnly,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, isTypeOnly(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal, true);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  return (
    clause.name === undefined &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.every((each) => each.isTypeOnly)
  );
}

function roomOf(file: string): string {
  const [first = ''] = file.split('/');
  return first.replace(/\.ts$/, '');
}

const at = ({ file, line, target }: Import): string => `src/${file}:${String(line)} imports ${target}`;

test('the parser sees the imports', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(imports.some((each) => each.file === 'cli/program.ts' && each.target === 'commander')).toBe(true);
  expect(imports.some((each) => each.file === 'cli/program.ts' && each.inside)).toBe(true);
});

test('every file belongs to a room that has a rule', () => {
  expect([...new Set(files.map(roomOf))].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
});

test('a room imports only from the rooms to its left', () => {
  const forbidden = imports.filter(({ file, target, inside }) => {
    const allowed = MAY_IMPORT[roomOf(file)] ?? [];
    return inside && roomOf(target) !== roomOf(file) && !allowed.includes('*') && !allowed.includes(roomOf(target));
  });
  expect(forbidden.map(at)).toEqual([]);
});

test('every import inside the project points at a file that is there', () => {
  const known = new Set(files);
  expect(imports.filter(({ target, inside }) => inside && !known.has(target)).map(at)).toEqual([]);
});

test('no file reaches itself through imports', () => {
  const edges = new Map<string, string[]>();
  for (const { file, target, inside, typeOnly } of imports) {
    // Types vanish when compiled: only what is loaded at run time can loop.
    if (inside && !typeOnly) edges.set(file, [...(edges.get(file) ?? []), target]);
  }
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (file: string, path: string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  expect(cycles).toEqual([]);
});

test('only collect and cli touch the outside world', () => {
  const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));
  const forbidden = imports.filter(
    ({ file, target, inside }) =>
      !inside && builtins.has(target) && !PURE_NODE.has(target) && !MAY_USE_NODE.has(roomOf(file)),
  );
  expect(forbidden.map(at)).toEqual([]);
});

test('process, fetch and timers are used by collect and cli alone', () => {
  const uses = files
    .filter((file) => !MAY_USE_NODE.has(roomOf(file)))
    .filter((file) =>
      usesGlobals(file, new Set(['process', 'fetch', 'setTimeout', 'setInterval', 'console', 'require'])),
    );
  expect(uses).toEqual([]);
});

function usesGlobals(file: string, names: ReadonlySet<string>): boolean {
  const source = ts.createSourceFile(file, readFileSync(join(SRC, file), 'utf8'), ts.ScriptTarget.Latest, true);
  let found = false;
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && names.has(node.text) && isReference(node)) found = true;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The name stands for the global itself: not a property, not a member's name. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isNewExpression(parent) || ts.isCallExpression(parent)) return parent.expression === node;
  return false;
}

test('the only packages used are commander and yaml, in cli; types may come from others', () => {
  const packages = imports.filter(
    ({ target, inside, typeOnly }) => !inside && !typeOnly && !target.startsWith('node:'),
  );
  expect(
    packages
      .filter(({ file, target }) => !(roomOf(file) === 'cli' && (target === 'commander' || target === 'yaml')))
      .map(at),
  ).toEqual([]);
});

describe('the interpreter is a second opinion', () => {
  /** What both may stand on: bytes to typed instructions, and nothing that says what an instruction does. */
  const SHARED = new Set([
    'errors.ts',
    'ebpf/types.ts',
    'ebpf/opcodes.ts',
    'ebpf/decode.ts',
    'ebpf/decode-error.ts',
    'ebpf/instruction-forms.ts',
    'ebpf/build-instruction.ts',
    'ebpf/check-flow.ts',
    'policy/types.ts',
    'policy/variables.ts',
  ]);

  function reachable(roots: readonly string[]): Set<string> {
    const seen = new Set<string>();
    const queue = [...roots];
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      for (const each of imports) if (each.file === file && each.inside && !each.typeOnly) queue.push(each.target);
    }
    return seen;
  }

  test('it shares with the evaluator the decoder, the opcode table and types, and nothing else', () => {
    const interpreter = reachable(files.filter((file) => file.startsWith('ebpf/interpreter/')));
    const evaluator = reachable(files.filter((file) => file.startsWith('symbolic/')));
    expect(interpreter.size).toBeGreaterThan(2);
    expect(evaluator.size).toBeGreaterThan(5);
    expect([...interpreter].filter((file) => evaluator.has(file) && !SHARED.has(file))).toEqual([]);
  });
});

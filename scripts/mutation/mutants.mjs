// Small changes to a TypeScript source, each of which some test should notice. Positions are offsets into the text.
import ts from 'typescript';

const OPERATORS = new Map(
  Object.entries({
    '+': '-',
    '-': '+',
    '*': '+',
    '/': '*',
    '%': '*',
    '<<': '>>',
    '>>': '<<',
    '>>>': '<<',
    '&': '|',
    '|': '&',
    '^': '&',
    '<': '<=',
    '<=': '<',
    '>': '>=',
    '>=': '>',
    '===': '!==',
    '!==': '===',
    '&&': '||',
    '||': '&&',
  }),
);
/** Operations of decision diagrams and bit vectors, and what they are taken for. */
const CALLS = new Map(
  Object.entries({
    and: 'or',
    or: 'and',
    xor: 'and',
    andAll: 'orAll',
    orAll: 'andAll',
    exists: 'forall',
    forall: 'exists',
    signExtend: 'zeroExtend',
    asIntN: 'asUintN',
    asUintN: 'asIntN',
  }),
);
const CONSTANTS = new Map(Object.entries({ TRUE: 'FALSE', FALSE: 'TRUE' }));

/** [{ start, end, text, what, line, scope }]: replace start..end by text; scope is the offset of the innermost function's body, or -1. */
export function mutantsOf(source, fileName) {
  const file = ts.createSourceFile(fileName, source, ts.ScriptTarget.Latest, true);
  const found = [];
  const scopes = [];
  const add = (node, text, start = node.getStart(file), end = node.getEnd()) => {
    const line = file.getLineAndCharacterOfPosition(start).line + 1;
    const was = source.slice(start, end).replaceAll(/\s+/g, ' ').slice(0, 60);
    found.push({
      start,
      end,
      text,
      line,
      scope: scopes.at(-1) ?? -1,
      what: `${was} -> ${text === '' ? '(removed)' : text.slice(0, 60)}`,
    });
  };
  const visit = (node) => {
    if (
      ts.isTypeNode(node) ||
      ts.isImportDeclaration(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node)
    )
      return;
    const opens = ts.isFunctionLike(node) && node.body !== undefined;
    if (opens) scopes.push(node.body.getStart(file));
    mutate(node, file, source, add);
    ts.forEachChild(node, visit);
    if (opens) scopes.pop();
  };
  visit(file);
  return found;
}

function mutate(node, file, source, add) {
  const text = (part) => source.slice(part.getStart(file), part.getEnd());
  if (ts.isBinaryExpression(node)) {
    const { operatorToken } = node;
    const other = OPERATORS.get(operatorToken.getText(file));
    if (other !== undefined) add(operatorToken, other);
  } else if (
    ts.isPrefixUnaryExpression(node) &&
    [ts.SyntaxKind.ExclamationToken, ts.SyntaxKind.TildeToken].includes(node.operator)
  ) {
    add(node, text(node.operand));
  } else if (ts.isIfStatement(node)) {
    add(node.expression, 'false');
  } else if (ts.isConditionalExpression(node)) {
    add(node.condition, `!(${text(node.condition)})`);
  } else if (
    ts.isNumericLiteral(node) &&
    ts.isExpression(node) &&
    !ts.isPropertyAssignment(node.parent?.parent ?? node)
  ) {
    add(node, String(Number(node.text) + 1));
  } else if (ts.isBigIntLiteral(node)) {
    add(node, `${BigInt(node.text.replace(/n$/, '')) + 1n}n`);
  } else if (node.kind === ts.SyntaxKind.TrueKeyword && !ts.isLiteralTypeNode(node.parent)) {
    add(node, 'false');
  } else if (node.kind === ts.SyntaxKind.FalseKeyword && !ts.isLiteralTypeNode(node.parent)) {
    add(node, 'true');
  } else if (
    ts.isIdentifier(node) &&
    CONSTANTS.has(node.text) &&
    ts.isExpression(node) &&
    !ts.isPropertyAccessExpression(node.parent)
  ) {
    add(node, CONSTANTS.get(node.text));
  } else if (ts.isCallExpression(node)) {
    const callee = node.expression;
    const name = ts.isPropertyAccessExpression(callee) ? callee.name : null;
    const other = name === null ? undefined : CALLS.get(name.text);
    if (other !== undefined) add(name, other);
  } else if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression)) {
    add(node, '');
  }
}

/** The source with a note at the start of every function with a block body: which scopes a test runs through. */
export function withNotes(source, fileName, note) {
  const file = ts.createSourceFile(fileName, source, ts.ScriptTarget.Latest, true);
  const edits = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body !== undefined) {
      const start = node.body.getStart(file);
      if (ts.isBlock(node.body)) edits.push({ at: start + 1, text: note(start) });
      else
        edits.push({ at: start, text: `(${note(start).replace(/;$/, '')}, ` }, { at: node.body.getEnd(), text: ')' });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  // Inserted from the back; at one place the closing parenthesis of an inner function comes before that of the outer one either way.
  edits.sort((a, b) => b.at - a.at);
  let result = source;
  for (const { at, text } of edits) result = result.slice(0, at) + text + result.slice(at);
  return result;
}

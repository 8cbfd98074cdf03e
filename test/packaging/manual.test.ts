import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { manualPages } from '../../scripts/manual.js';
import { escapeRoff } from '../../scripts/manual/roff.js';
import { buildProgram } from '../../src/cli/program.js';
import { fakeIo } from '../cli/fake-io.js';

const ROOT = path.join(import.meta.dirname, '../..');
const pages = new Map(manualPages(ROOT).map(({ file, text }) => [file, text]));
const program = buildProgram(fakeIo(), () => undefined);
const shown = program
  .createHelp()
  .visibleCommands(program)
  .filter((command) => command.name() !== 'help');

test('a page for the program, for each command, and for the documents', () => {
  const wanted = ['devpolicy.1', ...shown.map((command) => `devpolicy-${command.name()}.1`), 'devpolicy.json.5'];
  expect([...pages.keys()].sort()).toEqual(wanted.sort());
});

test.each(shown.map((command) => [command.name(), command] as const))(
  '%s: every option, choice and argument is told',
  (name, command) => {
    const text = pages.get(`devpolicy-${name}.1`) ?? '';
    for (const option of command.options) {
      expect(text).toContain(`.B ${escapeRoff(option.flags)}\n`);
      for (const choice of option.argChoices ?? []) expect(text).toContain(escapeRoff(choice));
    }
    for (const argument of command.registeredArguments) expect(text).toContain(escapeRoff(argument.name()));
  },
);

test('no hidden command is told', () => {
  for (const text of pages.values()) expect(text).not.toMatch(/^\.BR? (?:devpolicy\\-)?complete\b/m);
});

test('the page of the documents names every schema', () => {
  const schemas = readdirSync(path.join(ROOT, 'docs/schemas')).filter((name) => name.endsWith('.schema.json'));
  for (const schema of schemas) expect(pages.get('devpolicy.json.5')).toContain(escapeRoff(schema.toUpperCase()));
});

test('every line that begins with a dot is a macro of man', () => {
  const known = /^\.(TH|SH|PP|TP|B|BR|I|RI|RS|RE|nf|fi)( |$)/;
  for (const [file, text] of pages)
    for (const line of text.split('\n')) if (line.startsWith('.')) expect(line, file).toMatch(known);
});

test('what is special to roff is literal', () => {
  expect(escapeRoff(".x\n'y\\n-z")).toBe('\\&.x\n\\(aqy\\en\\-z');
});

test('completion scripts are there for three shells', () => {
  for (const file of ['devpolicy.bash', '_devpolicy', 'devpolicy.fish'])
    expect(existsSync(path.join(ROOT, 'completions', file))).toBe(true);
});

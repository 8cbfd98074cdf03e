import { InputError } from '../../errors.js';
import { pageText } from '../../report/finding-page.js';
import { toJsonText } from '../../report/json.js';
import type { FindingPage } from '../../report/run-facts.js';
import { table } from '../../report/table.js';
import type { CommandContext } from '../context.js';
import { EXIT_OK, type ExitStatus } from '../exit.js';
import { readFindingPages } from '../finding-pages.js';
import { suggest } from '../suggest.js';

export interface ExplainOptions {
  /** A target: print what to run for it in place of the page. */
  defuse?: string;
}

/** Prints the page of one finding code, all codes with their titles, or the commands that defuse a land mine. */
export async function runExplain(
  context: CommandContext,
  code: string | undefined,
  options: ExplainOptions = {},
): Promise<ExitStatus> {
  const pages = readFindingPages();
  if (options.defuse !== undefined) {
    if (code !== undefined && !DEFUSABLE.has(code.toUpperCase()))
      throw new InputError(`${code} has nothing to defuse`, 'devpolicy explain DP101 --defuse TARGET');
    return (await import('./defuse.js')).runDefuse(context, options.defuse);
  }
  if (code === undefined) {
    listCodes(context, pages);
    return EXIT_OK;
  }
  const page = pages.find((each) => each.code === code.toUpperCase());
  if (page === undefined) throw unknownCode(code, pages);
  const { io, globals, style } = context;
  io.out(
    globals.json === true
      ? toJsonText({ schema: 'devpolicy/explain', schemaVersion: [1, 0], ...page })
      : pageText(page.text, style, io.columns),
  );
  return EXIT_OK;
}

/** What systemd's list will take away, and what it has taken away. */
const DEFUSABLE: ReadonlySet<string> = new Set(['DP101', 'DP102']);

function listCodes({ io, globals, style }: CommandContext, pages: readonly FindingPage[]): void {
  if (globals.json === true) {
    const codes = pages.map(({ code, title, severity }) => ({ code, severity, title }));
    io.out(toJsonText({ schema: 'devpolicy/explain', schemaVersion: [1, 0], codes }));
    return;
  }
  const rows = pages.map(({ code, severity, title }) => [code, severity, title]);
  io.say(`${table(rows, { decorate: (cell, _row, column) => (column === 0 ? style.bold(cell) : cell) }).join('\n')}\n`);
}

function unknownCode(code: string, pages: readonly FindingPage[]): InputError {
  const near = suggest(
    code.toUpperCase(),
    pages.map((each) => each.code),
  );
  return new InputError(
    `there is no finding "${code}"`,
    near.length > 0 ? `did you mean ${near.join(', ')}? All codes: devpolicy explain` : 'all codes: devpolicy explain',
  );
}

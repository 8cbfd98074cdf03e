import type { Option, OptionValues } from 'commander';
import type { CommandContext } from './context.js';
import type { ExitStatus } from './exit.js';

/** One command as the user sees it. `run` loads its implementation only when called: start-up stays short. */
export interface CommandDefinition {
  name: string;
  summary: string;
  description?: string;
  usage?: string;
  examples: readonly (readonly [line: string, meaning: string])[];
  arguments: readonly { syntax: string; description: string }[];
  options: readonly (() => Option)[];
  notes?: string;
  run(context: CommandContext, positional: readonly unknown[], options: OptionValues): Promise<ExitStatus>;
}

const explain: CommandDefinition = {
  name: 'explain',
  summary: 'what a finding means and how to mend it',
  examples: [
    ['devpolicy explain DP101', 'the page on the land mine'],
    ['devpolicy explain', 'all codes, one line each'],
  ],
  arguments: [{ syntax: '[code]', description: 'a finding code such as DP101' }],
  options: [],
  run: async (context, [code]) =>
    (await import('./commands/explain.js')).runExplain(context, code as string | undefined),
};

export const COMMANDS: readonly CommandDefinition[] = [explain];

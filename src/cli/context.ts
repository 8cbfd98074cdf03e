import { COLOUR, PLAIN, type Style } from '../report/style.js';
import type { CommandIo } from './io.js';
import type { GlobalOptions } from './options.js';

/** What every command gets: the outside world, the global flags, and the style they imply. */
export interface CommandContext {
  io: CommandIo;
  globals: GlobalOptions;
  style: Style;
}

export function createContext(io: CommandIo, globals: GlobalOptions): CommandContext {
  return { io, globals, style: wantsColour(io, globals) ? COLOUR : PLAIN };
}

/**
 * --color wins; then NO_COLOR (any value that is not empty, no-color.org); then CLICOLOR_FORCE and CLICOLOR (bixense.com/clicolors); TERM=dumb has none, any
 * other terminal has it.
 */
function wantsColour(io: CommandIo, globals: GlobalOptions): boolean {
  if (globals.color !== 'auto') return globals.color === 'always';
  const { environment } = io;
  if ((environment['NO_COLOR'] ?? '') !== '') return false;
  if (!['', '0'].includes(environment['CLICOLOR_FORCE'] ?? '')) return true;
  return io.outIsTerminal && environment['CLICOLOR'] !== '0' && environment['TERM'] !== 'dumb';
}

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

/** --color wins; else NO_COLOR (any non-empty value, no-color.org) and TERM=dumb turn colour off; else a terminal has it. */
function wantsColour(io: CommandIo, globals: GlobalOptions): boolean {
  if (globals.color !== 'auto') return globals.color === 'always';
  const { environment } = io;
  if ((environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb') return false;
  return io.outIsTerminal;
}

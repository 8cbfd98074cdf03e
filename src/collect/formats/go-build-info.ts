/** What `go version -m` prints of a program, as far as it is needed. */
export interface GoBuildInfo {
  /** -X main.version=..., or the version of the main module. */
  version: string | null;
  /** Module path to version; of a replaced module, the replacement's. */
  modules: Map<string, string>;
}

/** First bytes of the section .go.buildinfo (Go's debug/buildinfo). */
const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
/** Flag: the strings follow behind the header, each with its length before it (Go 1.18 and later). */
const INLINE = 2;
const HEADER_SIZE = 32;
const MAX_LENGTH = 1 << 20;

/**
 * Finds the build information in an executable's bytes.
 * @returns null if there is none: no Go program, or one built with Go before 1.18
 */
export function readBuildInfo(program: Buffer): GoBuildInfo | null {
  for (let at = program.indexOf(MAGIC); at >= 0; at = program.indexOf(MAGIC, at + 1)) {
    const flags = program[at + 15] ?? 0;
    if (at % 16 !== 0 || (flags & INLINE) === 0) continue;
    const version = stringAt(program, at + HEADER_SIZE);
    const modules = version === null ? null : stringAt(program, version.end);
    if (version?.text.startsWith('go') === true && modules !== null) return parseModules(modules.text);
  }
  return null;
}

function stringAt(bytes: Buffer, start: number): { text: string; end: number } | null {
  let length = 0;
  let at = start;
  for (let shift = 0; shift <= 28; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) return null;
    length += (byte & 0x7f) * 2 ** shift;
    if ((byte & 0x80) === 0) break;
  }
  if (length > MAX_LENGTH || at + length > bytes.length) return null;
  return { text: bytes.toString('utf8', at, at + length), end: at + length };
}

/** Lines "mod PATH VERSION", "dep PATH VERSION", "=> PATH VERSION" (replaces the one before) and "build -ldflags=...", with 16 bytes of marks around. */
function parseModules(text: string): GoBuildInfo {
  const modules = new Map<string, string>();
  let main: string | null = null;
  let last: string | null = null;
  for (const line of text.split('\n')) {
    const [kind, path = '', version = ''] = line.split('\t');
    if (kind?.endsWith('mod') === true && main === null) main = version;
    if (kind === 'dep') {
      modules.set(path, version);
      last = path;
    } else if (kind === '=>' && last !== null) modules.set(last, version);
  }
  const linked = /-X[ =]'?(?:main|[^\s'=]*\/version)\.[vV]ersion=([^\s'"\\]+)/.exec(text)?.[1];
  const version = linked ?? main;
  return {
    version: version === null || version === '(devel)' || version === '' ? null : version.replace(/^v/, ''),
    modules,
  };
}

import { accessMask, toInt32, type CompiledPolicy, type CompiledRule } from './compiled.js';
import { builtIn, isWholeRange, type OciRule } from './oci-rule.js';
import { inRange, type Version, type VersionRange } from './version.js';

/**
 * Dialects of crun (src/libcrun/ebpf.c, cgroup-resources.c). Every dialect emits its built-ins backwards, then the OCI list backwards,
 * first match wins: built-ins cannot be denied, and among OCI rules the last one wins. The default is always deny.
 */
export interface CrunDialect {
  readonly range: VersionRange;
  readonly test: CompiledRule['test'];
  /** Is 10:200 (tun) among the built-ins? */
  readonly tun: boolean;
  /** Since 1.18 the end mark of the built-in table is emitted too: "c 0:0, no access: allow". The kernel never asks for it. */
  readonly sentinel: boolean;
}

export const CRUN_DIALECTS: readonly CrunDialect[] = [
  { range: { before: '0.19' }, test: 'overlap', tun: true, sentinel: false },
  { range: { from: '0.19', before: '1.5' }, test: 'subset', tun: true, sentinel: false },
  { range: { from: '1.5', before: '1.18' }, test: 'subset', tun: false, sentinel: false },
  { range: { from: '1.18', before: '1.20' }, test: 'subset', tun: false, sentinel: true },
  { range: { from: '1.20' }, test: 'subset', tun: true, sentinel: true },
];

const BUILT_INS: readonly OciRule[] = [
  'c *:* m',
  'b *:* m',
  'c 1:3 rwm',
  'c 1:8 rwm',
  'c 1:7 rwm',
  'c 5:0 rwm',
  'c 1:5 rwm',
  'c 1:9 rwm',
  'c 5:1 rwm',
  'c 136:* rwm',
  'c 5:2 rwm',
].map(builtIn);
const TUN = builtIn('c 10:200 rwm');

export function crunDialect(version: Version): CrunDialect {
  const dialect = CRUN_DIALECTS.find(({ range }) => inRange(version, range));
  if (dialect === undefined) throw new RangeError('the dialects of crun leave no gap');
  return dialect;
}

export function crunBuiltIns(dialect: CrunDialect): OciRule[] {
  return dialect.tun ? [...BUILT_INS, TUN] : [...BUILT_INS];
}

/** The program of a dialect for an OCI list. Never refuses a rule: unknown type letters are taken for "c", unknown access letters for none. */
export function compileCrun(list: readonly OciRule[], dialect: CrunDialect): CompiledPolicy {
  const rules: CompiledRule[] = dialect.sentinel
    ? [{ type: 'c', major: 0, minor: 0, access: 0, test: dialect.test, allow: true }]
    : [];
  for (const rule of [...crunBuiltIns(dialect).toReversed(), ...list.toReversed()]) {
    rules.push(compileCrunRule(rule, dialect.test));
    if (rule.type.startsWith('a') && isWholeRange(rule)) break;
  }
  return { rules, defaultAllow: false };
}

/** One block of crun's program. */
export function compileCrunRule(rule: OciRule, test: CompiledRule['test']): CompiledRule {
  return {
    type: rule.type.startsWith('a') ? 'any' : rule.type.startsWith('b') ? 'b' : 'c',
    major: crunNumber(rule.major),
    minor: crunNumber(rule.minor),
    access: crunMask(rule.access),
    test,
    allow: rule.allow,
  };
}

/** crun keeps numbers in an int and tests only those that are not negative there: 2147483648 becomes a wildcard. */
function crunNumber(value: number | null): number | null {
  if (value === null) return null;
  const kept = toInt32(value);
  return kept < 0 ? null : kept;
}

function crunMask(letters: string): number {
  return (
    accessMask(
      Array.from(letters)
        .filter((letter) => 'rwm'.includes(letter))
        .join(''),
    ) ?? 0
  );
}

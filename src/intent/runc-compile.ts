import { accessMask, toInt32, type CompiledPolicy, type CompiledRule } from './compiled.js';
import { isWholeRange, type OciRule } from './oci-rule.js';
import { emulate, emulatorErrorText, type EmulatedState, type IneffectiveRule } from './runc-emulator.js';
import { inRange, type Version, type VersionRange } from './version.js';

/** How a generation of runc turns its list into a program. Containerd's cgroup2 package is a copy of the first one. */
export interface RuncGeneration {
  readonly name: 'rc10-rc90' | 'rc91-rc93' | 'rc94-rc95' | '1.0.0 and later';
  readonly range: VersionRange;
  readonly test: 'overlap' | 'subset';
  /** The emulator of 1.0.0, or the list backwards: last rule first, first match wins. */
  readonly method: 'emulator' | 'reversed';
}

export const RUNC_GENERATIONS: readonly RuncGeneration[] = [
  { name: 'rc10-rc90', range: { before: '1.0.0-rc91' }, test: 'overlap', method: 'reversed' },
  { name: 'rc91-rc93', range: { from: '1.0.0-rc91', before: '1.0.0-rc94' }, test: 'overlap', method: 'reversed' },
  { name: 'rc94-rc95', range: { from: '1.0.0-rc94', before: '1.0.0' }, test: 'subset', method: 'reversed' },
  { name: '1.0.0 and later', range: { from: '1.0.0' }, test: 'subset', method: 'emulator' },
];

export function runcGeneration(version: Version): RuncGeneration {
  const generation = RUNC_GENERATIONS.find(({ range }) => inRange(version, range));
  if (generation === undefined) throw new RangeError('the generations of runc leave no gap');
  return generation;
}

export interface CompiledList {
  readonly compiled: CompiledPolicy;
  /** What the emulator was left with; null for generations without one. */
  readonly state: EmulatedState | null;
  readonly ineffective: readonly IneffectiveRule[];
}

/** The program a generation writes for a list (built-ins included), or why it refuses the list. */
export function compileRunc(rules: readonly OciRule[], generation: RuncGeneration): CompiledList | { error: string } {
  if (generation.method === 'reversed') return compileReversed(rules, generation.test);
  const emulated = emulate(rules);
  if ('error' in emulated) return { error: emulatorErrorText(emulated.error) };
  return { compiled: fromState(emulated.state), state: emulated.state, ineffective: emulated.ineffective };
}

/** Exceptions never overrule each other (all have the same verdict), so their order has no meaning. */
export function fromState(state: EmulatedState): CompiledPolicy {
  return {
    defaultAllow: state.defaultAllow,
    rules: state.exceptions.map(({ type, major, minor, access }) => ({
      type,
      major: major === null ? null : toInt32(major),
      minor: minor === null ? null : toInt32(minor),
      access,
      test: 'subset',
      allow: !state.defaultAllow,
    })),
  };
}

function compileReversed(rules: readonly OciRule[], test: CompiledRule['test']): CompiledList | { error: string } {
  const compiled: CompiledRule[] = [];
  for (const rule of rules.toReversed()) {
    if (rule.type !== 'a' && rule.type !== 'b' && rule.type !== 'c')
      return { error: `invalid device type "${rule.type}"` };
    const access = accessMask(rule.access);
    if (access === null) return { error: `unknown device access "${rule.access}"` };
    compiled.push({
      type: rule.type === 'a' ? 'any' : rule.type,
      major: rule.major === null ? null : toInt32(rule.major),
      minor: rule.minor === null ? null : toInt32(rule.minor),
      access,
      test,
      allow: rule.allow,
    });
    // An "a" rule without numbers and with rwm is an unconditional exit: what was listed before it is never emitted.
    if (rule.type === 'a' && isWholeRange(rule)) break;
  }
  return { compiled: { rules: compiled, defaultAllow: false }, state: null, ineffective: [] };
}

import { formatAccess } from '../policy/rule-text.js';
import type { Range } from '../policy/types.js';
import type { DecidingBranch, DecidingInstruction, RequestField } from '../verify/deciding.js';
import type { TurningField } from '../verify/turning.js';

/** What decided, as a sentence about the request: "major is 1, not 136"; "" where it is about nothing of the request. */
export function decidingSentence({ branch, turning }: DecidingInstruction): string {
  const named = branch === null ? '' : branchSentence(branch);
  if (turning === null) return named;
  const jump = named === '' ? turning.jump.map(turningText) : [named];
  const parts = [...jump, ...turning.value.map(turningText)];
  if (parts.length > 0) return parts.join(', and ');
  return branch === null ? 'whatever the request' : '';
}

/** Every value after "not" would have gone the other way, the rest of the request being as it is. */
function turningText({ name, value, same, other }: TurningField): string {
  const field = { name } as RequestField;
  const is = `${name} is ${valueText(field, value)}`;
  const isOne = (ranges: readonly Range[] | null): boolean => ranges?.length === 1 && ranges[0]?.[0] === ranges[0]?.[1];
  const [sameCount, otherCount] = [same?.length ?? Infinity, other?.length ?? Infinity];
  if (isOne(same) && !isOne(other)) return is;
  if (other !== null && otherCount <= FEW && (isOne(other) || otherCount < sameCount))
    return `${is}, not ${valuesText(field, other).join(' or ')}`;
  if (same !== null && sameCount <= FEW) return `${is}, one of ${valuesText(field, same).join(', ')}`;
  return `${is}, and other values go both ways`;
}

/** Most intervals of a list in a sentence. */
const FEW = 6;

function valuesText(field: RequestField, ranges: readonly Range[]): string[] {
  const word = (value: number): string => valueText(field, value);
  return ranges.flatMap(([low, high]) => {
    if (low === high) return [word(low)];
    return field.name === 'access' || high === low + 1
      ? Array.from({ length: high - low + 1 }, (_, i) => word(low + i))
      : [`${word(low)}-${word(high)}`];
  });
}

/** A branch as a sentence about the request: "major is 1, not 136"; "" where it is about nothing of the request. */
export function branchSentence(branch: DecidingBranch): string {
  const { field, otherField, left, right } = branch;
  if (field?.name === 'access&mask' && otherField?.name === 'access' && right !== null)
    return maskSentence(branch, field.mask, right);
  if (field?.name === 'access&mask' && right === 0 && otherField === null) {
    const shares = branch.jmp === 'ne' ? branch.taken : !branch.taken;
    return `the access ${shares ? 'has some' : 'has none'} of ${formatAccess(field.mask)}`;
  }
  if (field === null || left === null || right === null || field.name === 'access&mask' || field.name === 'access_type')
    return '';
  if (otherField !== null) return '';
  // A signed comparison with a negative number: what is printed would not be what was compared.
  if (SIGNED.has(branch.jmp) && right > 0x7fffffff) return '';
  return comparison(branch, field, left, right);
}

const SIGNED: ReadonlySet<string> = new Set(['sgt', 'sge', 'slt', 'sle']);

/** `r1 = r3 & mask; if r1 != r3`: does the rule cover every letter that is asked for? */
function maskSentence({ jmp, taken }: DecidingBranch, mask: number, access: number): string {
  const differs = jmp === 'ne' ? taken : !taken;
  return differs
    ? `access ${formatAccess(access)} is more than ${formatAccess(mask)}`
    : `access ${formatAccess(access)} is within ${formatAccess(mask)}`;
}

function comparison({ jmp, taken }: DecidingBranch, field: RequestField, left: number, right: number): string {
  const value = valueText(field, left);
  const other = valueText(field, right);
  switch (jmp) {
    case 'ne':
      return taken ? `${field.name} is ${value}, not ${other}` : `${field.name} is ${value}`;
    case 'eq':
      return taken ? `${field.name} is ${value}` : `${field.name} is ${value}, not ${other}`;
    case 'gt':
    case 'sgt':
      return `${field.name} is ${value}, ${taken ? '' : 'not '}above ${other}`;
    case 'lt':
    case 'slt':
      return `${field.name} is ${value}, ${taken ? '' : 'not '}below ${other}`;
    case 'ge':
    case 'sge':
      return `${field.name} is ${value}, ${taken ? 'at least' : 'below'} ${other}`;
    case 'le':
    case 'sle':
      return `${field.name} is ${value}, ${taken ? 'at most' : 'above'} ${other}`;
    case 'set':
      return `${field.name} is ${value}, which has ${taken ? 'some' : 'none'} of the bits 0x${right.toString(16)}`;
  }
}

const BLOCK = 1;
const CHARACTER = 2;

function valueText(field: RequestField, value: number): string {
  if (field.name === 'type') return value === BLOCK ? 'b' : value === CHARACTER ? 'c' : String(value);
  if (field.name === 'access' && value <= 7) return formatAccess(value);
  return String(value);
}

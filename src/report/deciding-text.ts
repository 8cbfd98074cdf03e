import { formatAccess } from '../policy/rule-text.js';
import type { DecidingBranch, RequestField } from '../verify/deciding.js';

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
  return comparison(branch, field, left, right);
}

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

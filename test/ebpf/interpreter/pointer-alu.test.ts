/** Arithmetic with addresses, as far as it leads to an address again. */
import { describe, expect, it } from 'vitest';
import { computePointerAlu } from '../../../src/ebpf/interpreter/pointer-alu.js';
import { known, unknownScalar } from '../../../src/ebpf/interpreter/scalar.js';
import { addressReasons, asScalar, pointer, reasonsOf, type Value } from '../../../src/ebpf/interpreter/value.js';
import type { AluOp } from '../../../src/ebpf/types.js';
import { ALU_OPS } from '../../symbolic/alu-reference.js';
import { machineWith, mapOf } from './machines.js';

const MAP: Value = { kind: 'map', mapId: 7 };
const ELEMENT: Value = { kind: 'element', memory: 'value:7:00' };
const CODE: Value = { kind: 'code', slot: 3 };
const UID: Value = unknownScalar(['depends:uid']);
const OPAQUE: Value = { kind: 'opaque', points: 7, reasons: ['depends:map:7'] };
const SOMEWHERE: Value = { kind: 'pointer', memory: 'stack:0', offset: null, reasons: ['depends:gid'] };
const compute = (op: AluOp, left: Value, right: Value): Value | null =>
  computePointerAlu(machineWith({ maps: [mapOf('array', {})] }), op, left, right);

const rows: [op: AluOp, left: Value, right: Value, result: Value | null][] = [
  ['add', pointer('stack:0', -8), known(3n), pointer('stack:0', -5)],
  ['add', pointer('stack:0', -8), known(-3n), pointer('stack:0', -11)],
  ['add', known(3n), pointer('stack:0', -8), pointer('stack:0', -5)],
  ['sub', pointer('stack:0', -8), known(3n), pointer('stack:0', -11)],
  ['sub', pointer('stack:0', -8), known(-3n), pointer('stack:0', -5)],
  ['add', pointer('stack:0', -8), UID, { ...SOMEWHERE, reasons: ['depends:uid'] }],
  ['sub', SOMEWHERE, UID, { ...SOMEWHERE, reasons: ['depends:gid', 'depends:uid'] }],
  ['add', SOMEWHERE, known(1n), SOMEWHERE],
  ['sub', pointer('stack:0', -8), pointer('stack:0', -20), known(12n)],
  ['sub', pointer('stack:0', -20), pointer('stack:0', -8), known(-12n)],
  ['sub', pointer('stack:0', 0), pointer('stack:1', 0), null],
  ['sub', pointer('array:7', 8), pointer('array:7', 0), known(8n)],
  ['sub', pointer('percpu:7', 8), pointer('percpu:7', 0), null],
  ['sub', pointer('percpu:17:01000000', 4), pointer('percpu:17:01000000', 0), known(4n)],
  ['sub', SOMEWHERE, pointer('stack:0', 0), null],
  ['sub', pointer('stack:0', 0), SOMEWHERE, null],
  ['sub', known(3n), pointer('stack:0', -8), null],
  ['add', pointer('stack:0', 0), pointer('stack:0', 0), null],
  ['add', MAP, known(304n), pointer('array:7', 0)],
  ['add', MAP, UID, null],
  ['add', ELEMENT, known(56n), pointer('value:7:00', 0)],
  ['add', ELEMENT, UID, null],
  ['add', OPAQUE, UID, { ...OPAQUE, reasons: ['depends:map:7', 'depends:uid'] }],
  ['add', OPAQUE, known(8n), OPAQUE],
  ['add', known(8n), OPAQUE, OPAQUE],
  ['add', CODE, known(8n), null],
  ['sub', OPAQUE, pointer('stack:0', 0), null],
];
it.each(rows)('%s of %o and %o', (op, left, right, result) => {
  expect(compute(op, left, right)).toEqual(result);
});
it.each(ALU_OPS.filter((op) => op !== 'add' && op !== 'sub'))('%s makes a number of it', (op) => {
  expect(compute(op, pointer('stack:0', -8), known(3n))).toBeNull();
});

describe('a value used as a number', () => {
  it.each<[string, Value, readonly string[], readonly string[]]>([
    ['an address', pointer('context', 0), ['address'], ['address']],
    ['an address somewhere', SOMEWHERE, ['depends:gid'], ['depends:gid']],
    ['a map', MAP, ['address'], ['address']],
    ['an element', ELEMENT, ['address'], ['address']],
    ['code', CODE, ['address'], ['address']],
    ['an address that is not modelled', OPAQUE, ['depends:map:7'], ['depends:map:7']],
    ['a number', known(5n), [], ['kernel-memory']],
    ['an unknown number', UID, ['depends:uid'], ['depends:uid']],
  ])('%s has its reasons, and others as an address', (_, value, asNumber, asAddress) => {
    expect([reasonsOf(value), addressReasons(value)]).toEqual([asNumber, asAddress]);
    expect(asScalar(value)).toEqual(value.kind === 'scalar' ? value : unknownScalar(asNumber));
  });
});

/** What an evaluation keeps beside its states: programs, maps and room in them, the context, and how requests end. */
import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE, type Ref } from '../../src/bdd/manager.js';
import type { ByteOrder, MapContents, ProgramEnvironment } from '../../src/ebpf/types.js';
import { majorVariable, TYPE_VARIABLE } from '../../src/policy/variables.js';
import { constant, constantValue } from '../../src/symbolic/bitvector.js';
import { Inputs } from '../../src/symbolic/inputs.js';
import { Machine } from '../../src/symbolic/machine.js';
import { ALL_BITS } from '../../src/symbolic/word.js';
import { NO_ENVIRONMENT } from '../ebpf/captures.js';
import { bitOfRequest, environmentWith, mapWith } from './agreement.js';
import { hexKey, words } from './program-bytes.js';
import { ALLOW, arrayOf, DENY, GRID, programOf } from './transfer/judged.js';

function machineWith(
  environment: ProgramEnvironment = NO_ENVIRONMENT,
  order: ByteOrder = 'little',
  fixed?: Map<number, boolean>,
): Machine {
  const manager = new BddManager();
  return new Machine(manager, new Inputs(manager), programOf(ALLOW, order), environment, 'test', fixed);
}
const withMaps = (...maps: MapContents[]): ProgramEnvironment =>
  environmentWith({ maps: new Map(maps.map((map) => [map.id, map])) });

describe('programs of an evaluation', () => {
  it('are entered once', () => {
    const machine = machineWith();
    const [own] = machine.programs;
    expect(machine.add(own!.program, own!.environment)).toBe(0);
    const other = programOf(DENY);
    expect([machine.add(other, NO_ENVIRONMENT), machine.add(other, NO_ENVIRONMENT)]).toEqual([1, 1]);
    expect(machine.add(programOf(DENY), NO_ENVIRONMENT)).toBe(2);
    expect(machine.programs.map(({ program }) => program)).toEqual([own!.program, other, programOf(DENY)]);
  });
  it('know the maps of all of them, each by the first that has it', () => {
    const [first, second] = [arrayOf(7, [1]), arrayOf(8, [2])];
    const machine = machineWith(withMaps(first));
    expect([machine.map(7), machine.map(8)]).toEqual([first, null]);
    machine.add(programOf(DENY), withMaps(arrayOf(7, [9]), second));
    expect([machine.map(7), machine.map(8), machine.map(9)]).toEqual([first, second, null]);
    expect(machine.image(8)?.contents).toBe(second);
    expect(machine.image(8)).toBe(machine.image(8));
  });
});

describe('what is in memory at the start', () => {
  it('of the values of a map: what was read, else what depends on it; of all else nothing that is known', () => {
    const machine = machineWith(withMaps(arrayOf(7, [30, 31])));
    const slot = machine.initialSlot(machine.regions.get('values', 7), 1);
    expect(constantValue(slot.word.need(ALL_BITS).slice(0, 32))).toBe(31n);
    expect(slot.written).toEqual([TRUE, TRUE, TRUE, TRUE, FALSE, FALSE, FALSE, FALSE]);
    const unknown = (region: ReturnType<typeof machine.regions.get>, index: number): string => {
      const { written, reason } = machine.initialSlot(region, index);
      expect(written.every((where) => where === FALSE)).toBe(true);
      return reason;
    };
    expect(unknown(machine.regions.get('values', 7), 2)).toBe('depends:map:7');
    expect(unknown(machine.regions.get('values', 9), 0)).toBe('depends:map:9');
    expect(unknown(machine.regions.get('stack', 7), 1)).toBe('uninitialised');
    expect(unknown(machine.regions.get('key', 7), 1)).toBe('uninitialised');
  });
  it('room for new elements of a hash map begins behind those that were read, one behind the other', () => {
    const hash = mapWith({
      id: 5,
      type: 'hash',
      valueSize: 12,
      entries: new Map([
        [hexKey(1), words(1, 2, 3)],
        [hexKey(2), words(1, 2, 3)],
      ]),
    });
    const machine = machineWith(withMaps(hash, { ...hash, id: 6 }));
    expect([1, 2, 3].map(() => machine.newElement(5))).toEqual([32, 48, 64]);
    expect(machine.newElement(6)).toBe(32);
  });
});

describe('the context', () => {
  it.each(['little', 'big'] as const)('is three words: access and type, major, minor (%s endian)', (order) => {
    const { context, manager } = machineWith(NO_ENVIRONMENT, order);
    expect(context.length).toBe(96);
    for (const request of GRID) {
      const bytes = Buffer.alloc(12);
      const { type, access, major, minor } = request;
      [(access << 16) | (type === 'b' ? 1 : 2), major, minor].forEach((word, i) =>
        order === 'little' ? bytes.writeUInt32LE(word, 4 * i) : bytes.writeUInt32BE(word, 4 * i),
      );
      const bits = [...bytes].flatMap((byte) => Array.from({ length: 8 }, (_, k) => ((byte >> k) & 1) === 1));
      expect(context.map((bit) => manager.evaluate(bit, bitOfRequest(request)))).toEqual(bits);
    }
  });
  it('has the bits that are fixed, and the evaluation those requests only', () => {
    const fixed = new Map([
      [majorVariable(0), true],
      [majorVariable(3), false],
      [TYPE_VARIABLE, true],
    ]);
    const { context, manager, everything } = machineWith(NO_ENVIRONMENT, 'little', fixed);
    expect([context[32], context[35], context[34]]).toEqual([TRUE, FALSE, manager.variable(majorVariable(2))]);
    const [one, three, type] = [majorVariable(0), majorVariable(3), TYPE_VARIABLE].map((variable) =>
      manager.variable(variable),
    );
    expect(everything).toBe(manager.andAll([one!, manager.not(three!), type!]));
  });
});

describe('how requests end', () => {
  const endOf = (machine: Machine) => {
    const { manager } = machine;
    const character = manager.variable(TYPE_VARIABLE);
    return { manager, character, block: manager.not(character) };
  };
  const valueWhere = (machine: Machine, where: Ref): bigint | null =>
    constantValue(
      machine.retval!.map((bit) =>
        machine.manager.and(bit, where) === FALSE ? FALSE : machine.manager.isSubset(where, bit) ? TRUE : bit,
      ),
    );

  it('adds up', () => {
    const machine = machineWith();
    const { character, block } = endOf(machine);
    machine.finish(character, TRUE, null);
    expect([machine.finished, machine.returned, machine.retval]).toEqual([character, character, null]);
    machine.finish(block, FALSE, constant(32, 5n));
    expect([machine.finished, machine.returned]).toEqual([TRUE, character]);
    expect(valueWhere(machine, block)).toBe(5n);
    const before = machine.retvalAtEntry();
    expect(before.length).toBe(32);
    machine.retval!.forEach((bit, i) => {
      expect(machine.manager.and(bit, character)).toBe(machine.manager.and(before[i]!, character));
    });
  });
  it('with the return value as it was found, after one that set it', () => {
    const machine = machineWith();
    const { manager, character, block } = endOf(machine);
    machine.finish(character, TRUE, constant(32, 0xffff_fff3n));
    machine.finish(block, TRUE, null);
    expect(valueWhere(machine, character)).toBe(0xffff_fff3n);
    machine.retval!.forEach((bit, i) => {
      expect(manager.and(bit, block)).toBe(manager.and(machine.retvalAtEntry()[i]!, block));
    });
  });
  it('where it is not known how, with either result, and told once', () => {
    for (const kernelRelease of ['5.10.0', '6.12.0']) {
      const machine = machineWith(environmentWith({ kernelRelease }));
      const { manager, character } = endOf(machine);
      const told: [Ref, string][] = [];
      machine.observer = { arrive: () => undefined, branch: () => undefined, abandon: (...what) => told.push(what) };
      machine.abandon(character, 'helper:x', constant(32, 5n));
      expect(told).toEqual([[character, 'helper:x']]);
      expect(machine.finished).toBe(character);
      const unknown = manager.support(machine.returned).filter((variable) => variable !== TYPE_VARIABLE);
      expect(unknown.map((variable) => machine.inputs.reasonOf(variable))).toEqual(['helper:x']);
      // A kernel without bpf_set_retval leaves what is known of the return value.
      const bits = machine.retval!.map((bit) => manager.and(bit, character));
      const isKnown = bits.map((bit) => bit === FALSE || bit === character);
      expect(new Set(isKnown)).toEqual(new Set([kernelRelease === '5.10.0']));
    }
  });
  it('all of them with either result, whatever was finished before', () => {
    const fixed = new Map([[majorVariable(0), true]]);
    const machine = machineWith(environmentWith({ kernelRelease: '5.10.0' }), 'little', fixed);
    const { manager, character } = endOf(machine);
    machine.finish(manager.and(machine.everything, character), TRUE, constant(32, 5n));
    machine.abandonAll('budget');
    expect([machine.finished, machine.retval]).toEqual([machine.everything, null]);
    const unknown = manager.support(machine.returned).filter((variable) => variable !== majorVariable(0));
    expect(unknown.map((variable) => machine.inputs.reasonOf(variable))).toEqual(['budget']);
  });
});

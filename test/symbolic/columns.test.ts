import { describe, expect, it } from 'vitest';
import { BddManager, FALSE, TRUE } from '../../src/bdd/manager.js';
import { Columns } from '../../src/symbolic/columns.js';
import { Random } from '../property/random.js';

/** Columns over variables 0 to count - 1, variable k is bit (count - 1 - k) of a row's number. */
function columnsOf(m: BddManager, count: number): Columns {
  return new Columns(count, (k, ifTrue, ifFalse) => m.node(k, ifFalse, ifTrue));
}

describe.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('a column of a table of %i variables', (count) => {
  it('becomes the function that has its value in each row', () => {
    const [m, random] = [new BddManager(), new Random(count)];
    const columns = columnsOf(m, count);
    const rows = Array.from({ length: 2 ** count }, (_, row) => row);
    for (let round = 0; round < 30; round++) {
      const percent = random.pick([3, 50, 97]);
      // Parts of a column may be the same.
      const period = random.pick([2 ** count, 32, 8]);
      const part = Array.from({ length: period }, () => (random.chance(percent) ? 1 : 0));
      const column = rows.map((row) => part[row % period]!);
      const f = columns.diagram((row) => column[row]!);
      expect(rows.map((row) => (m.evaluate(f, (k) => ((row >> (count - 1 - k)) & 1) === 1) ? 1 : 0))).toEqual(column);
    }
  });

  it('of zeros or ones is constant', () => {
    const columns = columnsOf(new BddManager(), count);
    expect(columns.diagram(() => 0)).toBe(FALSE);
    expect(columns.diagram(() => 1)).toBe(TRUE);
  });
});

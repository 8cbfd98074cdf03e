/** The order in which waiting states are continued. */
import { describe, expect, it } from 'vitest';
import { calleePlace, comparePlaces, type Place } from '../../src/symbolic/place.js';
import { Schedule, type Pending } from '../../src/symbolic/schedule.js';
import type { MachineState } from '../../src/symbolic/state.js';
import { Random } from '../property/random.js';

/** The schedule never looks into states. */
const entry = (place: Place): Pending => ({ place, position: place.length, state: {} as MachineState });

describe('places', () => {
  it.each<[Place, Place]>([
    [
      [0, 0, 3],
      [0, 0, 4],
    ],
    [
      [0, 0, 9],
      [0, 0, 10],
    ],
    [
      [0, 1, 9],
      [1, 0, 0],
    ],
    [
      [0, 0, 3],
      [0, 0, 3, 0, 12, 0, 0, 12],
    ],
    [
      [0, 0, 3, 0, 12, 0, 0, 12],
      [0, 0, 4],
    ],
    [
      [0, 0, 3, 0, 12, 0, 0, 14],
      [0, 0, 3, 1, 12, 0, 0, 12],
    ],
    [[], [0]],
  ])('%j comes before %j', (a, b) => {
    expect(comparePlaces(a, b)).toBeLessThan(0);
    expect(comparePlaces(b, a)).toBeGreaterThan(0);
    expect(comparePlaces(a, [...a])).toBe(0);
  });
  it('inside a call begin with that of the call', () => {
    expect(calleePlace([0, 0, 3], 2, 12)).toEqual([0, 0, 3, 2, 12]);
  });
});

describe('waiting states', () => {
  it('are none at first', () => {
    const schedule = new Schedule();
    expect([schedule.pop(), schedule.at([0]), schedule.pop()]).toEqual([undefined, undefined, undefined]);
  });
  it('are found by their place until they come out', () => {
    const schedule = new Schedule();
    const [first, second] = [entry([1, 2]), entry([12])];
    schedule.push(second);
    schedule.push(first);
    expect([schedule.at([1, 2]), schedule.at([12]), schedule.at([1])]).toEqual([first, second, undefined]);
    expect(schedule.at([1, 2])).toBe(first);
    expect([schedule.pop(), schedule.at([1, 2]), schedule.at([12])]).toEqual([first, undefined, second]);
    expect([schedule.pop(), schedule.at([12]), schedule.pop()]).toEqual([second, undefined, undefined]);
  });
  it.each([1, 2, 3, 4, 5, 6, 7])('come out in the order of their places, while others come: %i', (seed) => {
    const random = new Random(seed);
    const schedule = new Schedule();
    let waiting: Place[] = [];
    for (let i = 0; i < 300; i++) {
      if (random.below(5) < 3) {
        const place = Array.from({ length: 1 + random.below(3) }, () => random.below(12));
        if (schedule.at(place) !== undefined) continue;
        schedule.push(entry(place));
        waiting = [...waiting, place].sort(comparePlaces);
      } else {
        expect(schedule.pop()?.place).toEqual(waiting.shift());
      }
    }
    for (const place of waiting) expect(schedule.pop()?.place).toEqual(place);
    expect(schedule.pop()).toBeUndefined();
  });
});

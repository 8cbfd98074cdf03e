import { comparePlaces, type Place } from './place.js';
import type { MachineState } from './state.js';

export interface Pending {
  readonly place: Place;
  readonly position: number;
  state: MachineState;
}

/** States that wait to be continued, at most one per place; the first place comes out first. A binary heap with an index by place. */
export class Schedule {
  readonly #heap: Pending[] = [];
  readonly #byPlace = new Map<string, Pending>();

  at(place: Place): Pending | undefined {
    return this.#byPlace.get(place.join());
  }

  push(entry: Pending): void {
    this.#byPlace.set(entry.place.join(), entry);
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (comparePlaces(heap[parent]!.place, entry.place) <= 0) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  pop(): Pending | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    this.#byPlace.delete(first.place.join());
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(entry: Pending): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && comparePlaces(heap[child + 1]!.place, heap[child]!.place) < 0) child++;
      if (comparePlaces(heap[child]!.place, entry.place) >= 0) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = entry;
  }
}

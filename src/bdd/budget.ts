/** What a computation may cost. Limits are relative to the moment `BddManager.withBudget` is called; absent means no further limit. */
export interface BddBudget {
  /** New nodes. */
  readonly nodes?: number;
  /** Elementary steps of the recursive operations; deterministic, unlike time. */
  readonly steps?: number;
  /** Wall-clock milliseconds; a last resort, because results then depend on the machine. */
  readonly milliseconds?: number;
}

/** A limit was reached. The manager stays usable: nothing half-made is kept. */
export class BddBudgetError extends Error {
  override readonly name: string = 'BddBudgetError';
  readonly limit: 'nodes' | 'steps' | 'time';
  constructor(limit: 'nodes' | 'steps' | 'time') {
    super(`decision diagram budget exceeded: ${limit}`);
    this.limit = limit;
  }
}

/** A value that is worked out when it is first asked for: one verdict must not wait for the exact evaluation of four policies. */
export function lazily<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Durations for people: the two largest units, "6 d 4 h", "3 min 20 s", "0.2 s". Seconds in, never negative. */
export function formatAge(seconds: number): string {
  const total = Math.max(0, seconds);
  if (total < 10) return `${(Math.floor(total * 10) / 10).toString()} s`;
  const whole = Math.floor(total);
  const units: [string, number][] = [
    ['d', 86400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => whole >= size);
  const [name, size] = units[first] ?? ['s', 1];
  const next = units[first + 1];
  const head = `${String(Math.floor(whole / size))} ${name}`;
  if (next === undefined) return head;
  const rest = Math.floor((whole % size) / next[1]);
  return rest === 0 ? head : `${head} ${String(rest)} ${next[0]}`;
}

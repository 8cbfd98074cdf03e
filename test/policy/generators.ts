import fc from 'fast-check';
import {
  ACCESS_NAMES,
  type AccessName,
  type DeviceRequest,
  type DeviceRule,
  type Range,
} from '../../src/policy/types.js';

/** Numbers that meet one another often, with the ends of the fields among them. */
export const MAJORS: readonly number[] = [0, 1, 2, 3, 7, 8, 255, 256, 4094, 4095];
export const MINORS: readonly number[] = [0, 1, 2, 3, 4, 5, 127, 128, 1048574, 1048575];

const NAMES = ACCESS_NAMES.map(({ name }) => name);

function range(numbers: readonly number[]): fc.Arbitrary<Range> {
  const end = fc.constantFrom(...numbers);
  return fc.oneof(
    { weight: 3, arbitrary: end.map((n): Range => [n, n]) },
    { weight: 2, arbitrary: fc.tuple(end, end).map(([a, b]): Range => [Math.min(a, b), Math.max(a, b)]) },
    { weight: 1, arbitrary: fc.constant<Range>([0, numbers.at(-1)!]) },
  );
}

/** Accesses in the fixed order; mostly what letters say, sometimes any set. */
const access: fc.Arbitrary<AccessName[]> = fc.oneof(
  fc.constantFrom<AccessName[]>(['-', 'm'], ['-', 'r'], ['-', 'w'], ['-', 'r', 'w', 'rw'], [...NAMES]),
  fc.subarray([...NAMES], { minLength: 1 }),
);

export const rule: fc.Arbitrary<DeviceRule> = fc.record({
  type: fc.constantFrom('b' as const, 'c' as const),
  major: range(MAJORS),
  minor: range(MINORS),
  access,
});

/** As `rule`, sometimes with a mask on a field. */
export const maskedRule: fc.Arbitrary<DeviceRule> = fc
  .record({
    rule,
    major: fc.option(maskOf(0xfff), { nil: undefined, freq: 5 }),
    minor: fc.option(maskOf(0xfffff), { nil: undefined, freq: 5 }),
  })
  .map(({ rule: plain, major, minor }) => ({
    ...plain,
    ...(major === undefined ? {} : { majorMask: major }),
    ...(minor === undefined ? {} : { minorMask: minor }),
  }));

function maskOf(max: number): fc.Arbitrary<{ mask: number; value: number }> {
  return fc.tuple(fc.integer({ min: 1, max }), fc.nat(max)).map(([mask, value]) => ({ mask, value: value & mask }));
}

/** What a list of rules means, without any diagram. */
export function matches(rules: readonly DeviceRule[], request: DeviceRequest): boolean {
  const name = ACCESS_NAMES.find(({ access: value }) => value === request.access)?.name;
  return rules.some(
    (each) =>
      each.type === request.type &&
      name !== undefined &&
      each.access.includes(name) &&
      within(each.major, each.majorMask, request.major) &&
      within(each.minor, each.minorMask, request.minor),
  );
}

function within([low, high]: Range, mask: { mask: number; value: number } | undefined, number: number): boolean {
  return number >= low && number <= high && (mask === undefined || (number & mask.mask) === mask.value);
}

/** Every request over the numbers above and their neighbours, all five accesses. */
export function* requests(): Generator<DeviceRequest> {
  const around = (numbers: readonly number[], max: number): number[] =>
    [...new Set(numbers.flatMap((n) => [n - 1, n, n + 1]))].filter((n) => n >= 0 && n <= max);
  for (const type of ['b', 'c'] as const)
    for (const major of around(MAJORS, 4095))
      for (const minor of around(MINORS, 1048575))
        for (const { access: value } of ACCESS_NAMES) yield { type, major, minor, access: value };
}

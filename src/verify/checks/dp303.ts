import type { Evidence } from '../types.js';
import type { Check, CheckInput } from './check.js';

/** A program that reads maps: exact for the contents that were read, at that time. */
export const DP303: Check = { code: 'DP303', severity: 'note', run };

function run({ snapshot, analysis: { programs } }: CheckInput): Evidence[] {
  return programs.flatMap((program): Evidence[] => {
    const maps = snapshot.maps.filter((map) => program.record?.mapIds.includes(map.id) === true);
    if (maps.length === 0) return [];
    // Frozen maps that programs cannot write are constants.
    const changing = maps.filter((map) => !map.frozen);
    if (changing.length === 0) return [];
    const asOf = changing.map((map) => map.asOf ?? '').sort()[0] ?? '';
    return [
      {
        rules: [],
        witness: null,
        programs: [program.id],
        sources: changing.map(({ id, name }) => `map ${String(id)} ${name}`.trimEnd()),
        ...(asOf === '' ? {} : { asOf }),
      },
    ];
  });
}

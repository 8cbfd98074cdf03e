/** Exit statuses, frozen. `verify` 0, 1, 2, 3; `can` 0 allow, 1 deny, 3 undecided, 2; `diff` 0 same, 1 differ, 3 undecided, 2; others 0, 2, 3. */
export const EXIT_OK = 0;
/** verify: a finding at or above --fail-on. can: deny. diff: different. */
export const EXIT_FINDING = 1;
/** Wrong usage, or it could not run at all. */
export const EXIT_CANNOT = 2;
/** Something could not be read, decoded or decided. */
export const EXIT_INCOMPLETE = 3;

export type ExitStatus = 0 | 1 | 2 | 3;

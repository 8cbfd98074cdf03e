import { unexpected } from '../expected.js';
import type { Check } from './check.js';

/** An expectations file wants it denied, and it is allowed. */
export const DP502: Check = { code: 'DP502', severity: 'error', run: (input) => unexpected(input, 'forbidden') };

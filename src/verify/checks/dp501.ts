import { unexpected } from '../expected.js';
import type { Check } from './check.js';

/** An expectations file wants it allowed, and it is denied. */
export const DP501: Check = { code: 'DP501', severity: 'error', run: (input) => unexpected(input, 'required') };

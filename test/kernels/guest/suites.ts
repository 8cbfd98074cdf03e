/** All suites, in the order in which they run. */
import { arithmetic } from './arithmetic.js';
import { capabilities } from './capabilities.js';
import { composition } from './composition.js';
import { extensions } from './extensions.js';
import { hybrid } from './hybrid.js';
import { instructions } from './instructions.js';
import { programs } from './programs.js';
import { query } from './query.js';
import { randomSuite } from './random-programs.js';
import type { Suite } from './suite.js';

export const SUITES: readonly Suite[] = [
  query,
  capabilities,
  instructions,
  arithmetic,
  composition,
  extensions,
  programs,
  randomSuite,
  hybrid,
];

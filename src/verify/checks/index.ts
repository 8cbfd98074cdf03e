import type { Check } from './check.js';
import { DP101 } from './dp101.js';
import { DP102 } from './dp102.js';
import { DP103 } from './dp103.js';
import { DP104 } from './dp104.js';
import { DP105 } from './dp105.js';
import { DP106 } from './dp106.js';
import { DP107 } from './dp107.js';
import { DP108 } from './dp108.js';
import { DP109 } from './dp109.js';
import { DP110 } from './dp110.js';
import { DP111 } from './dp111.js';
import { DP201 } from './dp201.js';
import { DP202 } from './dp202.js';
import { DP203 } from './dp203.js';
import { DP204 } from './dp204.js';
import { DP205 } from './dp205.js';
import { DP206 } from './dp206.js';
import { DP207 } from './dp207.js';
import { DP208 } from './dp208.js';
import { DP301 } from './dp301.js';
import { DP302 } from './dp302.js';
import { DP303 } from './dp303.js';
import { DP304 } from './dp304.js';
import { DP305 } from './dp305.js';
import { DP306 } from './dp306.js';
import { DP307 } from './dp307.js';
import { DP401 } from './dp401.js';
import { DP501 } from './dp501.js';
import { DP502 } from './dp502.js';

/** Every check, in the order of the codes. Adding one: a file here, a page in docs/findings, a test in test/verify/checks. */
export const CHECKS: readonly Check[] = [
  DP101,
  DP102,
  DP103,
  DP104,
  DP105,
  DP106,
  DP107,
  DP108,
  DP109,
  DP110,
  DP111,
  DP201,
  DP202,
  DP203,
  DP204,
  DP205,
  DP206,
  DP207,
  DP208,
  DP301,
  DP302,
  DP303,
  DP304,
  DP305,
  DP306,
  DP307,
  DP401,
  DP501,
  DP502,
];

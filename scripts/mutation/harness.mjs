// Stands in for 'vitest' in bundled tests: collects the tests, and runs those that are asked for, one after another, until the first failure.
import { chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
export const expect = Object.assign((value, message) => chai.expect(value, message), chai.expect);

const tests = [];
const path = [];
let before = [];

function format(name, row) {
  let index = 0;
  return name.replaceAll(/%[sidjo]/g, () => String(row[index++]));
}
function each(define) {
  return (rows) =>
    (name, body, ...rest) => {
      for (const row of rows) {
        const values = Array.isArray(row) ? row : [row];
        define(format(name, values), () => body(...values), ...rest);
      }
    };
}
export function describe(name, body) {
  path.push(name);
  const outer = before;
  before = [...before];
  body();
  before = outer;
  path.pop();
}
describe.each = each(describe);
export function it(name, body) {
  const test = typeof body === 'function' ? body : () => undefined;
  const hooks = before;
  // The number tells apart tests of different files that have the same name.
  tests.push({ name: [String(tests.length), ...path, name].join(' > '), run: test, hooks });
}
it.each = each(it);
export const test = it;
export function beforeAll(hook) {
  let done;
  before.push(() => (done ??= Promise.resolve(hook())));
}
export const beforeEach = (hook) => before.push(hook);
export const afterAll = () => undefined;
export const afterEach = () => undefined;

/** With a list of names: runs these and exits 1 at the first failure. Without: runs all, and prints for each its time and the scopes it ran through. */
async function main() {
  const asked = process.env.MUTATION_TESTS === undefined ? null : JSON.parse(process.env.MUTATION_TESTS);
  const scopes = (globalThis.__scopes = new Set());
  const atLoad = [...scopes];
  for (const { name, run, hooks } of asked === null
    ? tests
    : asked.map((wanted) => tests.find((test) => test.name === wanted))) {
    scopes.clear();
    const started = performance.now();
    try {
      for (const hook of hooks) await hook();
      await run();
    } catch (error) {
      console.log(JSON.stringify({ name, failure: String(error?.message ?? error).slice(0, 300) }));
      process.exit(1);
    }
    if (asked === null)
      console.log(JSON.stringify({ name, ms: performance.now() - started, scopes: [...scopes, ...atLoad] }));
  }
  process.exit(0);
}
setImmediate(main);

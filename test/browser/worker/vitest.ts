// What test files import of vitest, in a worker: its own runner and matchers, without the parts that need its page.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';
import { format } from '@vitest/pretty-format';
import { getCurrentTest } from '@vitest/runner';
import * as chai from 'chai';

export { afterAll, afterEach, beforeAll, beforeEach, describe, test } from '@vitest/runner';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
chai.use(({ Assertion }) => {
  // Snapshots are written in Node; here they are compared.
  Assertion.addMethod('toThrowErrorMatchingInlineSnapshot', function (expected: string) {
    const thrown = errorOf(this._obj, chai.util.flag(this, 'promise'));
    chai.expect(`[${thrown}]`).to.equal(expected.replace(/^`|`$/g, '').trim());
  });
  Assertion.addMethod('toMatchInlineSnapshot', function (expected: string) {
    chai.expect(textOf(this._obj)).to.equal(unindented(expected));
  });
});

/** Of a function that throws; of a promise chai hands in what it was rejected with. */
function errorOf(value: unknown, promise: unknown): unknown {
  if (promise === 'rejects' || typeof value !== 'function') return value;
  try {
    value();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

/** As vitest writes snapshots. */
const textOf = (value: unknown): string =>
  format(value, { escapeString: false, printBasicPrototype: false, printFunctionName: false });

function unindented(text: string): string {
  const lines = text.replace(/^\n|\n\s*$/g, '').split('\n');
  const indent = Math.min(...lines.filter(Boolean).map((line) => /^ */.exec(line)![0].length));
  return lines.map((line) => line.slice(indent)).join('\n');
}

const bare = (value: unknown, message?: string) => {
  const test = getCurrentTest();
  const assertion = chai.expect(value, message);
  if (test) chai.util.flag(assertion, 'vitest-test', test);
  return assertion;
};
export const expect = Object.assign(
  bare,
  chai.expect,
  Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT) as object,
);
Reflect.set(globalThis, GLOBAL_EXPECT, expect);
setState({ assertionCalls: 0 }, expect as never);

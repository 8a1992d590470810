import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Ends the run with one line that a program can read: `N passed, N failed`, counted over tests. */
export default class CountReporter implements Reporter {
  // The default reporter prints its summary in onTestRunEnd as well, and comes first in the list of reporters.
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    let passed = 0;
    let skipped = 0;
    // An error outside of all tests fails the run, so it has to show in the count.
    let failed = unhandled.length;
    for (const module of modules) {
      let failedInside = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failedInside += 1;
        else skipped += 1;
      }
      // A file that does not even load has no tests to fail.
      failed += failedInside > 0 || module.ok() ? failedInside : 1;
    }
    // Nothing ran at all: the setup failed, or no file has the name that was asked for.
    if (modules.length === 0) failed = Math.max(failed, 1);
    const skips = skipped > 0 ? `, ${skipped} skipped` : '';
    process.stdout.write(`\n${passed} passed, ${failed} failed${skips}\n`);
  }
}

// A worker that runs a test file: a message with its path in, its results out.
import { type Suite, startTests, type Task, type VitestRunner } from '@vitest/runner';
import { getFullName } from '@vitest/runner/utils';
import { notInBrowsers } from '../not_in_browsers.ts';

export interface Result {
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly message: string;
}

const files = import.meta.glob<unknown>([
  '/test/tensor/ops/*.test.ts',
  '/test/dpt/parity.test.ts',
  '/test/browser/worker/wrong.ts',
  '/test/support/device_setup.ts',
]);

const runner: VitestRunner = {
  config: {
    root: '/',
    setupFiles: ['/test/support/device_setup.ts'],
    name: 'worker',
    passWithNoTests: false,
    testNamePattern: new RegExp(`^(?!.*(${notInBrowsers.source}))`),
    allowOnly: false,
    sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
    chaiConfig: undefined,
    maxConcurrency: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  },
  importFile: (path) => files[path]?.(),
};

addEventListener('message', async ({ data: path }: MessageEvent<string>) => {
  const [file] = await startTests([path], runner);
  const results = file ? testsOf(file) : [];
  // A file that does not load has no tests to fail.
  if (file?.result?.errors?.length) results.push(resultOf(file));
  postMessage(results);
});

function testsOf(suite: Suite): Result[] {
  return suite.tasks.flatMap((task) => (task.type === 'suite' ? testsOf(task) : [resultOf(task)]));
}

function resultOf(task: Task): Result {
  const { result, mode } = task;
  const skipped = mode === 'skip' || result?.state === 'skip';
  const state = skipped ? 'skipped' : result?.state === 'pass' ? 'passed' : 'failed';
  const message = result?.errors?.map((error) => error.message).join('\n') ?? '';
  return { name: getFullName(task, ' > '), state, message };
}

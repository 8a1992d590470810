// requestDevice: an adapter without driver or root, each time a fresh one; a process that ends by itself; errors with a remedy.
// Not covered: the remedies for other platforms, and real GPUs unless the machine has one.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { mayHaveVulkanDriver } from '../../packages/tensor/src/node/vulkan_drivers.ts';
import { requestAdapter, requestDevice } from '../../packages/tensor/src/node.ts';
import { testDevice } from '../support/device.ts';

afterEach(() => vi.unstubAllEnvs());

test('the device of the tests computes, with all that the adapter offers', async () => {
  const device = await testDevice();
  const { adapter } = await requestAdapter();
  expect(device.limits.maxBufferSize).toBe(adapter.limits.maxBufferSize);
  expect(device.features.has('shader-f16')).toBe(adapter.features.has('shader-f16'));
});

test('each call finds a fresh adapter', async () => {
  const lines: string[] = [];
  const first = await requestDevice({ log: (line) => lines.push(line) });
  const second = await requestDevice({
    requiredLimits: { maxComputeInvocationsPerWorkgroup: 128 },
  });
  expect(first.device).not.toBe(second.device);
  expect(lines).toEqual([`WebGPU adapter: ${first.description}`]);
  expect(/software/.test(first.description)).toBe(first.software);
  await Promise.all([first.close(), second.close()]);
});

test('describe says what to ask of the adapter', async () => {
  const gpu = await requestDevice({ describe: ({ info }) => ({ label: `on ${info.device}` }) });
  expect(gpu.device.label).toBe(`on ${gpu.adapter.info.device}`);
  await gpu.close();
});

test('close waits for the work in flight, and may be called twice', async () => {
  const gpu = await requestDevice();
  const { device } = gpu;
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
  const buffer = device.createBuffer({ size: 16, usage });
  device.queue.writeBuffer(buffer, 0, new Uint32Array([1, 2, 3, 4]));
  let done = false;
  void device.queue.onSubmittedWorkDone().then(() => {
    done = true;
  });
  await Promise.all([gpu.close(), gpu.close()]);
  expect(done).toBe(true);
  expect((await device.lost).reason).toBe('destroyed');
});

describe('DPT_ADAPTER', () => {
  test.each([
    ['software', true],
    ['hardware', false],
  ])('%s', async (value, software) => {
    vi.stubEnv('DPT_ADAPTER', value);
    const found = await requestAdapter().catch((error: Error) => error);
    // Which of the two a machine has is its own affair.
    if (found instanceof Error) expect(found.name).toBe('NoAdapterError');
    else expect(found.software).toBe(software);
  });

  test('is checked', async () => {
    vi.stubEnv('DPT_ADAPTER', 'gpu');
    await expect(requestAdapter()).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: DPT_ADAPTER is 'gpu'; it can be hardware, software or auto.]`,
    );
  });
});

test.runIf(process.platform === 'linux')('a Vulkan driver is found by its description', () => {
  const home = mkdtempSync(join(tmpdir(), 'dpt-drivers-'));
  const empty = join(home, 'empty');
  vi.stubEnv('XDG_DATA_DIRS', empty);
  const without = mayHaveVulkanDriver(); // whether this machine has one outside
  vi.stubEnv('XDG_DATA_DIRS', `${empty}:${home}`);
  mkdirSync(join(home, 'vulkan', 'icd.d'), { recursive: true });
  expect(mayHaveVulkanDriver()).toBe(without);
  writeFileSync(join(home, 'vulkan', 'icd.d', 'lvp_icd.x86_64.json'), '{}');
  expect(mayHaveVulkanDriver()).toBe(true);
  rmSync(home, { recursive: true });
});

const runFile = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
// Translated once, where it finds the packages: some thirty processes run it.
const leaveEarly = join(root, '.cache', 'leave_early.mjs');
beforeAll(() =>
  build({
    entryPoints: [join(root, 'test', 'support', 'leave_early.ts')],
    outfile: leaveEarly,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  }),
);
// Drivers speak here too: Mesa about limits and folders, and Dawn about a loader without a driver or with one that is too
// old, before the packaged one is taken.
const harmless =
  /^(Warning: max\w+ artificially reduced .*|Warning: vkCreateInstance.*|Warning: Vulkan \S+ required\.|error: XDG_RUNTIME_DIR .*| - While initializing adapter .*| {4}at \w+ \(.*\/dawn\/native\/vulkan\/.*\)|\s*)$/;

async function leave(args: string[] = [], env: Record<string, string> = {}) {
  // execFile rejects when the process ends with another code than 0, or by a signal.
  const { stdout, stderr } = await runFile(process.execPath, [leaveEarly, ...args], {
    env: { ...process.env, ...env },
    timeout: 240_000,
  });
  return { stdout, noise: stderr.split('\n').filter((line) => !harmless.test(line)) };
}

describe('a process with work in flight ends by itself', () => {
  test('20 times of 20', async () => {
    const ten = async () => {
      for (let run = 0; run < 10; run += 1) {
        const { stdout, noise } = await leave();
        expect(noise).toEqual([]);
        expect(stdout).toMatch(/\(.*\)\n$/);
      }
    };
    await Promise.all([ten(), ten()]);
  });

  test.each(['destroy', 'exit'])('after %s', async (how) => {
    for (let run = 0; run < 3; run += 1) expect((await leave([how])).noise).toEqual([]);
  });

  test.runIf(process.platform === 'linux')(
    'without the driver that this process inherited',
    async () => {
      const { stdout, noise } = await leave([], {
        VK_DRIVER_FILES: '',
        VK_ICD_FILENAMES: '',
        LD_LIBRARY_PATH: '',
      });
      expect(noise).toEqual([]);
      expect(stdout).toMatch(/\(.*\)\n$/);
    },
  );

  test.runIf(process.platform === 'linux')('naming the driver that gave no adapter', async () => {
    const missing = { VK_DRIVER_FILES: '/nowhere.json', VK_ICD_FILENAMES: '/nowhere.json' };
    await expect(leave([], missing)).rejects.toThrow(
      'requestAdapter: no WebGPU adapter: the driver set in VK_DRIVER_FILES (/nowhere.json) gives none that Dawn accepts.',
    );
  });
});

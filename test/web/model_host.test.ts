// The device of the page's worker, whose loss is said by a stand-in: it comes back once, whoever asks for it meanwhile, and a visitor
// who stops that is obeyed. In a browser whose GPU process is killed: image.test.ts and others.
import { afterEach, expect, test, vi } from 'vitest';
import type { GpuState } from '../../apps/web/src/worker/gpu.ts';
import { ModelHost } from '../../apps/web/src/worker/model_host.ts';

afterEach(() => vi.unstubAllGlobals());

/** A host on stand-in devices, of which the first so many after the first are not there to be had. */
function makeHost(failures = 0) {
  const devices: { readonly device: GPUDevice; lose(): void }[] = [];
  const features = new Set<string>();
  const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };
  let left = failures;
  const requestDevice = async (): Promise<GPUDevice> => {
    let lose = (): void => {};
    const lost = new Promise((resolve) => {
      lose = () => resolve({ reason: 'unknown', message: 'by the test' });
    });
    const device = { features, limits, lost, addEventListener() {}, destroy() {} };
    devices.push({ device: device as unknown as GPUDevice, lose });
    return device as unknown as GPUDevice;
  };
  const requestAdapter = async () =>
    devices.length > 0 && left-- > 0 ? null : { features, limits, info: {}, requestDevice };
  const gpu = { requestAdapter, getPreferredCanvasFormat: () => 'rgba8unorm' };
  vi.stubGlobal('navigator', { gpu });
  const said: GpuState[] = [];
  const host = new ModelHost({ gpu: (state) => said.push(state), model: () => {} });
  const states = () => said.map(({ state }) => state);
  return { host, devices, said, states };
}

/** Until the host has heard of it, and no longer: its pauses are short. */
async function lose({
  device,
  lose,
}: ReturnType<typeof makeHost>['devices'][number]): Promise<void> {
  lose();
  await device.lost;
}

test('a device that is lost comes back once, for all who ask meanwhile', async () => {
  // The adapter is away for the first two questions, which are one try.
  const { host, devices, states } = makeHost(2);
  const first = await host.gpu();
  await lose(devices[0]!);
  await expect(host.gpu()).rejects.toMatchObject({ code: 'device-lost' });
  expect(states()).toEqual(['opening', 'ready', 'lost', 'lost']);
  const asked = await Promise.all([host.gpu(), host.gpu()]);
  await expect.poll(states).toEqual(['opening', 'ready', 'lost', 'lost', 'ready']);
  expect(devices.length).toBe(2);
  expect(asked[0]).not.toBe(first);
  expect(new Set([...asked, await host.gpu()]).size).toBe(1);
});

test('a visitor who stops it has no device until he asks again', async () => {
  const { host, devices, said, states } = makeHost();
  await host.gpu();
  await lose(devices[0]!);
  const asked = host.gpu();
  host.stopRecovery();
  await expect(asked).rejects.toMatchObject({ code: 'device-lost' });
  await expect.poll(states).toEqual(['opening', 'ready', 'lost', 'failed']);
  expect(said.at(-1)).toMatchObject({
    failure: { message: expect.stringContaining('was stopped') },
  });
  expect(devices.length).toBe(1);
  await host.reopen();
  expect(states().slice(4)).toEqual(['opening', 'ready']);
  expect(devices.length).toBe(2);
});

// The webcam, with everything that takes time in a worker: the page hands over frames and a canvas and stays free. This file
// is the page, and, loaded as a worker, the worker.   npx vite examples/pages → ?webcam_worker
import { DepthPredictor, type LiveDepth, loadDpt } from '@dpt-webgpu/dpt';
import { httpSource, openCheckpoint } from '@dpt-webgpu/loaders';
import { Context } from '@dpt-webgpu/tensor';

type ToWorker = { readonly canvas: OffscreenCanvas } | { readonly frame: VideoFrame };
interface FromWorker {
  readonly text: string;
}

if ('document' in globalThis) await page();
else worker();

async function page(): Promise<void> {
  const status = document.getElementById('status')!;
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = true;
  video.srcObject = stream;
  await video.play();
  const canvas = document.body.appendChild(document.createElement('canvas'));
  const thread = new Worker(new URL('./webcam_worker.ts', import.meta.url), { type: 'module' });
  const offscreen = canvas.transferControlToOffscreen();
  thread.postMessage({ canvas: offscreen } satisfies ToWorker, [offscreen]);

  // One frame at a time: the next goes out when the last one is shown, so none wait in a queue and none are old.
  thread.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
    status.textContent = data.text;
    video.requestVideoFrameCallback(() => {
      const frame = new VideoFrame(video);
      thread.postMessage({ frame } satisfies ToWorker, [frame]);
    });
  });
  thread.addEventListener('error', ({ message }) => {
    status.textContent = `Error: ${message}`;
  });
}

function worker(): void {
  const say = (text: string): void => postMessage({ text } satisfies FromWorker);
  let drawing: Promise<(frame: VideoFrame) => Promise<void>> | undefined;
  addEventListener('message', async ({ data }: MessageEvent<ToWorker>) => {
    if ('canvas' in data) {
      drawing = prepare(data.canvas, say);
      await drawing;
      say('Ready.');
      return;
    }
    const draw = await drawing!;
    await draw(data.frame).finally(() => data.frame.close());
  });
}

async function prepare(canvas: OffscreenCanvas, say: (text: string) => void) {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error('There is no WebGPU in this worker.');
  const device = await adapter.requestDevice();
  const errors: string[] = [];
  device.addEventListener('uncapturederror', ({ error }) => errors.push(error.message));
  const file = new URL('../../models/dpt_tiny.safetensors', import.meta.url);
  const { model } = await loadDpt(await openCheckpoint(await httpSource(file.href)), {
    context: new Context(device),
  });
  const predictor = new DepthPredictor(model);
  const screen = canvas.getContext('webgpu')!;
  let live: LiveDepth | undefined;
  let frames = 0;

  return async (frame: VideoFrame): Promise<void> => {
    const { displayWidth: width, displayHeight: height } = frame;
    if (live?.width !== width || live.height !== height) {
      live?.dispose();
      live = await predictor.live({ width, height }, { size: 112, texture: 'rgba8unorm' });
      [canvas.width, canvas.height] = [width, height];
      // The canvas is a storage texture itself, so the map is written where it is shown.
      screen.configure({ device, format: 'rgba8unorm', usage: GPUTextureUsage.STORAGE_BINDING });
    }
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    live.encode(encoder, frame, screen.getCurrentTexture());
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    const ms = (performance.now() - start).toFixed(0);
    say(
      `${++frames} frames of ${width}×${height}, ${ms} ms; ${errors.length} errors ${errors[0] ?? ''}`,
    );
  };
}

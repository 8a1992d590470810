import type { DPTModel, Size } from '@dpt-webgpu/dpt';
import { plan } from '@dpt-webgpu/tensor';
import type { GpuInfo } from './gpu.ts';
import { inputSize } from './input_size.ts';
import type { Needs } from './model_calls.ts';

/** Of a photo on the device: the texture with its smaller copies, and the pixels as the network takes them. */
const BYTES_PER_PIXEL = 4 * (4 / 3) + 4;

/** A photo as cameras make them, three by two, for models that are asked about before a photo is there. */
export const TYPICAL_PHOTO: Size = { width: 1536, height: 1024 };

/** What of a device decides. */
export type Limits = Pick<GpuInfo, 'largestBuffer' | 'budget'>;

/** Weights and intermediates of one run, against what the device has. */
export function needsOf(
  planned: DPTModel,
  photo: Size,
  size: number,
  square: boolean,
  { largestBuffer, budget }: Limits,
): Needs {
  const network = inputSize(planned.config.image, photo, { size, square });
  const { weights } = planned;
  const run = plan(
    weights.context,
    { image: [1, network.height, network.width, 3] },
    ({ image }) => ({ depth: planned.forward(image) }),
  );
  const largest = Math.max(run.largestBinding, weights.largestBinding);
  const bytes = run.bytes + weights.bytes + photo.width * photo.height * BYTES_PER_PIXEL;
  return {
    size,
    width: network.width,
    height: network.height,
    bytes,
    largestBuffer: largest,
    available: budget,
    fits: largest <= largestBuffer && bytes <= budget,
  };
}

/** The largest smaller size that fits, in steps of the model's grid; none where not even the smallest does. */
export function smallerThatFits(
  planned: DPTModel,
  photo: Size,
  size: number,
  square: boolean,
  info: Limits,
): Needs | undefined {
  const { multiple } = planned.config.image;
  let low = 2;
  let high = Math.floor((size - 1) / multiple);
  let found: Needs | undefined;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const needs = needsOf(planned, photo, middle * multiple, square, info);
    if (needs.fits) {
      found = needs;
      low = middle + 1;
    } else high = middle - 1;
  }
  return found;
}

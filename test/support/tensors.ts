import { expect } from 'vitest';
import { Context } from '../../packages/tensor/src/context.ts';
import type { ContextOptions, MemoryUse } from '../../packages/tensor/src/context_options.ts';
import type { Dtype } from '../../packages/tensor/src/dtype.ts';
import { type Shape, sizeOf } from '../../packages/tensor/src/shape.ts';
import type { Tensor } from '../../packages/tensor/src/tensor.ts';
import type { Nd } from '../reference/nd.ts';
import { testDevice } from './device.ts';

/** A context whose outputs hold NaN before an op runs, so that a value nobody wrote is seen. */
class PoisoningContext extends Context {
  override empty(shape: Shape, dtype: Dtype = 'f32', name = 'tensor'): Tensor {
    const tensor = super.empty(shape, dtype, name);
    if (tensor.storage.hasBuffer && dtype !== 'u32') poison(tensor);
    return tensor;
  }
}

/** Fills a tensor with NaN. */
export function poison(tensor: Tensor): void {
  const NAN = tensor.dtype === 'f16' ? 0x7e007e00 : 0x7fc00000;
  const words = new Uint32Array(Math.ceil(tensor.bytes / 4)).fill(NAN);
  tensor.context.device.queue.writeBuffer(tensor.buffer, 0, words);
}

/** `memory()` but for the number of pipelines, which are kept for good. */
export function bytesIn(context: Context): Omit<MemoryUse, 'pipelines'> {
  const { pipelines: _, ...bytes } = context.memory();
  return bytes;
}

export async function testContext(options: ContextOptions = {}): Promise<Context> {
  return new PoisoningContext(await testDevice(), options);
}

/** Uniform numbers from a seed: mulberry32, the same everywhere. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normal values around `mean` with deviation `std`, exact in f16 when asked, so that storage adds no error. */
export function randomNd(
  shape: Shape,
  {
    seed,
    mean = 0,
    std = 1,
    dtype = 'f32',
  }: { seed: number; mean?: number; std?: number; dtype?: Dtype },
): Nd {
  const next = random(seed);
  const data = Float64Array.from({ length: sizeOf(shape) }, () => {
    const radius = Math.sqrt(-2 * Math.log(next() + 1e-12));
    const value = Math.fround(mean + std * radius * Math.cos(2 * Math.PI * next()));
    // Eleven significant bits fit both types; the range used here is far inside that of f16.
    return dtype === 'f16' ? toElevenBits(value) : value;
  });
  return { shape, data };
}

function toElevenBits(value: number): number {
  if (value === 0) return 0;
  const step = 2 ** Math.max(Math.floor(Math.log2(Math.abs(value))) - 10, -24);
  return Math.round(value / step) * step;
}

/** The same values on the device. */
export function upload(context: Context, nd: Nd, dtype: Dtype = 'f32', name = 'tensor'): Tensor {
  return context.tensor(Float32Array.from(nd.data), nd.shape, dtype, name);
}

/**
 * max |actual − expected| ≤ tolerance · std(expected), shapes equal, every value finite.
 * The deviation is the scale because outputs of norms and softmax have means that say nothing about rounding.
 */
export async function expectClose(actual: Tensor, expected: Nd, tolerance: number): Promise<void> {
  expect(actual.shape).toEqual(expected.shape);
  expectValuesClose(await actual.read(), expected.data, tolerance);
}

export function expectValuesClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(actual.length).toBe(expected.length);
  const { worst, at, std } = compare(actual, expected);
  const allowed = tolerance * (std || 1);
  if (worst <= allowed) return;
  expect.fail(
    `differs by ${worst} at ${at} (${actual[at]} for ${expected[at]}); allowed ${allowed} = ${tolerance} × std ${std}`,
  );
}

/** Largest difference (infinite where a value is not finite), where, and the deviation of what was expected. */
export function compare(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): { worst: number; at: number; std: number; mean: number } {
  let worst = 0;
  let at = 0;
  let total = 0;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    const error = Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
    total += error;
    if (error > worst) {
      worst = error;
      at = i;
    }
    sum += expected[i]!;
    squares += expected[i]! ** 2;
  }
  const n = expected.length;
  const std = Math.sqrt(Math.max(squares / n - (sum / n) ** 2, 0));
  return { worst, at, std, mean: total / n };
}

/**
 * Dtypes to test on this device: f16 where it has that, and f32 but for `npm run test:f16`, which comes after a run in f32.
 * A variant whose lanes hand each other values is tested in f32 there, too: drivers have different numbers of them.
 */
export function dtypesOf(context: Context, variant = ''): ('f32' | 'f16')[] {
  if (!context.capabilities.f16) return ['f32'];
  const f32WasTested = process.env.DPT_REQUIRED_FEATURES && !/shuffle|subgroup/.test(variant);
  return f32WasTested ? ['f16'] : ['f32', 'f16'];
}

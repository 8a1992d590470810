import { expect } from 'vitest';
import { type DepthSettings, depthSettings } from '../../packages/dpt/src/index.ts';
import type { Context } from '../../packages/tensor/src/context.ts';
import type { Tensor } from '../../packages/tensor/src/tensor.ts';
import { type Golden, golden } from './golden.ts';

export const settingsTensor = (context: Context, settings: DepthSettings = {}): Tensor =>
  context.tensor(depthSettings(settings), [8], 'f32', 'settings');

/** A golden tensor as f32 on the device. */
export function goldenTensor(context: Context, name: string | Golden): Tensor {
  const { shape, data } = typeof name === 'string' ? golden(name) : name;
  return context.tensor(Float32Array.from(data), shape, 'f32', 'map');
}

/** Whole numbers 0…255 as u32 on the device. */
export function goldenLevels(context: Context, name: string): Tensor {
  const { shape, data } = golden(name);
  return context.tensor(Uint32Array.from(data), shape, 'u32', 'levels');
}

/** Pixels [h, w, 3] as R G B A on the device. */
export function goldenPixels(context: Context, name: string): Tensor {
  const { shape, data } = golden(name);
  const words = Uint32Array.from({ length: data.length / 3 }, (_, i) => {
    const [r = 0, g = 0, b = 0] = data.subarray(3 * i, 3 * i + 3);
    return r + g * 256 + b * 65_536 + 255 * 2 ** 24;
  });
  return context.tensor(words, shape.slice(0, 2), 'u32', 'pixels');
}

export async function readWords(tensor: Tensor): Promise<Uint32Array> {
  return new Uint32Array((await tensor.readBytes()).buffer);
}

/** Every difference at most `allowed`; a value that is not finite differs by infinity, but for equal infinities. */
export function expectWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  allowed: number,
): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  let at = 0;
  for (let i = 0; i < expected.length; i++) {
    if (actual[i] === expected[i]) continue;
    const difference = Math.abs(actual[i]! - expected[i]!);
    const error = Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
    if (error <= worst) continue;
    worst = error;
    at = i;
  }
  if (worst > allowed) {
    expect.fail(
      `differs by ${worst} at ${at} (${actual[at]} for ${expected[at]}); allowed ${allowed}`,
    );
  }
}

/** Every difference at most `allowed` times the expected value. */
export function expectWithinRelative(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  allowed: number,
): void {
  const ratios = Array.from(expected, (value, i) => actual[i]! / value);
  expectWithin(ratios, new Float64Array(expected.length).fill(1), allowed);
}

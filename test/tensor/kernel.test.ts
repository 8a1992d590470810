// kernel: folding of workgroups; specialising a shader; a kernel whose shader comes from elsewhere, at once and recorded; two of
// one name; pipelines shared and tried again. Not here: layouts against shaders (kernels.test.ts).
import { describe, expect, test } from 'vitest';
import type { Context } from '../../packages/tensor/src/context.ts';
import {
  defineKernel,
  FOLD,
  foldWorkgroups,
  kernels,
  pipelinesOf,
  specialise,
} from '../../packages/tensor/src/kernel.ts';
import { add } from '../../packages/tensor/src/ops/elementwise.ts';
import { record } from '../../packages/tensor/src/recording.ts';
import type { Tensor } from '../../packages/tensor/src/tensor.ts';
import { testDevice } from '../support/device.ts';
import { bytesIn, testContext } from '../support/tensors.ts';
import { watchDevice } from '../support/watch_device.ts';

describe('foldWorkgroups', () => {
  test.each([
    { n: 0, grid: [0, 1] },
    { n: 1, grid: [1, 1] },
    { n: 65_535, grid: [65_535, 1] },
    { n: 65_536, grid: [FOLD, 2] },
    { n: 65_537, grid: [FOLD, 3] },
    { n: FOLD * 65_535, grid: [FOLD, 65_535] },
  ])('$n', ({ n, grid }) => {
    expect(foldWorkgroups(n, 65_535, 'linear')).toEqual(grid);
    expect(grid[0]! * grid[1]!).toBeGreaterThanOrEqual(n);
  });

  test('more than there can be', () => {
    expect(() =>
      foldWorkgroups(FOLD * 65_535 + 1, 65_535, 'linear'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[DptError: linear: 2147450881 workgroups are more than this device runs at once (2147450880).]`,
    );
  });
});

const scaleSource = (factor: string): string => /* wgsl */ `
  alias T = f32;
override OFFSET: f32 = 0.0;
struct Params { size: u32, factor: f32, sign: i32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  y[i] = T(f32(x[i]) * ${factor} * f32(params.sign) + OFFSET);
}`;

function makeScale(factor: string) {
  const kernel = defineKernel('scale', {
    reads: ['x'],
    writes: ['y'],
    params: { size: 'u32', factor: 'f32', sign: 'i32' },
    source: scaleSource(factor),
  });
  return (x: Tensor, { sign = 1, offset = 0, size = x.size } = {}): Tensor => {
    const y = x.context.empty(x.shape, x.dtype, x.name);
    kernel.dispatch(
      { x, y },
      {
        types: { T: x.dtype },
        overrides: { OFFSET: offset },
        params: { size, factor: 2.5, sign },
        workgroups: Math.ceil(x.size / 64),
      },
    );
    return y;
  };
}
const values = (context: Context): Tensor => context.tensor(new Float32Array([1, -2, 3]), [3]);

describe('a kernel with a shader of its own', () => {
  const scale = makeScale('params.factor');

  test('runs at once and recorded', async () => {
    const context = await testContext();
    const y = scale(values(context), { sign: -1, offset: 1 });
    expect(await y.read()).toEqual(new Float32Array([-1.5, 6, -6.5]));
    using recording = await record(context, { x: [3] }, ({ x }) => ({ y: scale(x) }));
    const outputs = recording.run({ x: new Float32Array([1, -2, 3]) });
    expect(await outputs.y.read()).toEqual(new Float32Array([2.5, -5, 7.5]));
    expect(recording.trace.steps[0]!.label).toBe('scale');
  });

  test('is not one of the shaders of this package', () => {
    expect(kernels.has('scale')).toBe(false);
    expect(kernels.has('elementwise')).toBe(true);
  });

  test('may have the name of another', async () => {
    const context = await testContext();
    const square = makeScale('f32(x[i])');
    expect(await square(values(context)).read()).toEqual(new Float32Array([1, 4, 9]));
    expect(await scale(values(context)).read()).toEqual(new Float32Array([2.5, -5, 7.5]));
  });

  test('aliases that the shader does not have', () => {
    const shader = { shader: 'scale', text: 'fn f() {}' };
    expect(() => specialise(shader, { T: 'f16' })).toThrowErrorMatchingInlineSnapshot(
      `[DptError: scale: the shader has no "alias T = …;".]`,
    );
  });
});

test('specialise replaces aliases, and enables f16 where one needs it', () => {
  const kernel = kernels.get('elementwise')!;
  expect(specialise(kernel, {})).toContain('alias A = f32;');
  const f32 = specialise(kernel, { A: 'vec4<f32>', V: 'vec4<f32>' });
  expect(f32).toContain('alias A = vec4<f32>;');
  expect(f32).toContain('alias B = f32;');
  expect(f32).not.toContain('enable f16;');
  expect(specialise(kernel, { Y: 'vec4<f16>' })).toMatch(/^enable f16;/);
});

describe('pipelines', () => {
  test('are made once per device and specialisation', async () => {
    const [a, b] = [await testContext(), await testContext()];
    const scale = makeScale('params.factor');
    const watch = watchDevice(await testDevice());
    scale(values(a));
    expect(watch.calls.get('createComputePipeline')).toBe(1);
    scale(values(a), { sign: -1 });
    scale(values(b));
    (await record(b, { x: [3] }, ({ x }) => ({ y: scale(x) }))).dispose();
    expect(watch.calls.get('createComputePipeline')).toBe(1);
    scale(values(a), { offset: 2 });
    expect(watch.calls.get('createComputePipeline')).toBe(2);
    expect(watch.calls.has('createComputePipelineAsync')).toBe(false);
    expect(pipelinesOf(a)).toBe(pipelinesOf(b));
  });

  test('that failed are tried again', async () => {
    const context = await testContext();
    const device = await testDevice();
    const scale = makeScale('params.factor');
    const forward = ({ x }: { x: Tensor }) => ({ y: scale(add(x, x)) });
    const before = bytesIn(context);
    Object.defineProperty(device, 'createComputePipelineAsync', {
      value: () => Promise.reject(new Error('out of memory')),
      configurable: true,
    });
    try {
      await expect(record(context, { x: [3] }, forward)).rejects.toThrow('out of memory');
    } finally {
      Reflect.deleteProperty(device, 'createComputePipelineAsync');
    }
    expect(bytesIn(context)).toEqual(before);
    using recording = await record(context, { x: [3] }, forward);
    const { y } = recording.run({ x: new Float32Array([1, 2, 3]) });
    expect(await y.read()).toEqual(new Float32Array([5, 10, 15]));
  });
});

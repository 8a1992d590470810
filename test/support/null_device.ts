import { expect } from 'vitest';
import {
  type DispatchOptions,
  type Kernel,
  kernels,
  type Params,
  specialise,
} from '../../packages/tensor/src/kernel.ts';
import { type NodeGpu, requestDevice } from '../../packages/tensor/src/node.ts';
import { attentionUnits } from '../../packages/tensor/src/ops/matrix_units.ts';

let opened: Promise<NodeGpu> | undefined;

/**
 * A device of Dawn's null backend: it checks shaders and pipelines with every feature that Dawn knows, also those that no
 * adapter at hand has, and computes nothing.
 */
export async function nullDevice(): Promise<GPUDevice> {
  opened ??= requestDevice({
    software: 'auto',
    toggles: ['backend=null', 'allow_unsafe_apis'],
    describe: ({ features }) => ({ requiredFeatures: [...features] as GPUFeatureName[] }),
  });
  return (await opened).device;
}

/** That it has nothing against the text of a kernel, nor against its constants. */
export async function expectCompiles(
  kernel: Pick<Kernel<string, string, Params>, 'shader' | 'text'>,
  { types = {}, overrides = {} }: Pick<DispatchOptions<Params>, 'types' | 'overrides'>,
): Promise<void> {
  const device = await nullDevice();
  const module = device.createShaderModule({ code: specialise(kernel, types) });
  expect((await module.getCompilationInfo()).messages.map(({ message }) => message)).toEqual([]);
  const constants = overrides as Record<string, number>;
  const compute = { module, entryPoint: 'main', constants };
  await device.createComputePipelineAsync({ layout: 'auto', compute });
}

/** A kernel of attention on matrix units, for matrices of that side and heads of d, in both types of storage. */
export async function expectAttentionCompiles(
  shader: string,
  side: 16 | 8,
  d: number,
): Promise<void> {
  for (const T of ['f32', 'f16'] as const) {
    const units = attentionUnits(side, T);
    await expectCompiles(kernels.get(shader)!, {
      types: { T, ...units.types },
      overrides: { D4: d / 4, ...units.overrides },
    });
  }
}

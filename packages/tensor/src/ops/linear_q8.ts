import { defineKernel } from '../kernel.ts';
import type { Variant } from '../variants.ts';
import { epilogueParams, paramsBehindActivation } from './epilogue.ts';

const layout = {
  reads: ['x', 'weight', 'bias', 'scale', 'residual', 'scales'],
  writes: ['y'],
  params: { M: 'u32', N: 'u32', K: 'u32' },
} as const;

const tiled = defineKernel('linear_q8_tiled', layout);
const shuffle = defineKernel('linear_q8_shuffle', {
  ...layout,
  params: { ...layout.params, ...epilogueParams },
});
const registers = defineKernel('linear_q8_registers', {
  ...layout,
  params: { ...layout.params, ...paramsBehindActivation },
});
const plain = defineKernel('linear_q8', layout);

/** As the kernels of `linear`. */
export const linearQ8Kernels = {
  linear_q8_tiled: { kernel: tiled, tile: [64, 64], shared: true, size: { TX: 8, TY: 8 } },
  linear_q8_shuffle: { kernel: shuffle, tile: [16, 32], shared: true, size: { LANES: 8 } },
  linear_q8_shuffle_4: { kernel: shuffle, tile: [16, 16], shared: true, size: { LANES: 4 } },
  linear_q8_registers: { kernel: registers, tile: [8, 8], shared: false, size: {} },
  linear_q8: { kernel: plain, tile: [1, 1], shared: false, size: {} },
} as const;

interface Case {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** For weights that are int8; N is a multiple of four for all of them. */
export const linearQ8Variants: readonly (Variant<Case> & {
  readonly name: keyof typeof linearQ8Kernels;
})[] = [
  // For GPUs. Not measured on one yet.
  {
    name: 'linear_q8_tiled',
    fits: ({ K }) => K % 4 === 0,
    pays: ({ device, M }) => !device.software && M >= 32,
  },
  // As linear_shuffle: for drivers that run 8 lanes in one vector of the processor, and not for SwiftShader's 4.
  // lavapipe, 325 rows, CPU ms for those of linear_q8_registers: 384 → 1536 42 for 51, 1536 → 384 38 for 48, and one pipeline
  // of 0.9 s for one of 3.3 s or more per epilogue.
  {
    name: 'linear_q8_shuffle',
    fits: ({ device }) => device.subgroupSize >= 8,
    pays: ({ device, M }) => device.software && M > 8,
  },
  {
    name: 'linear_q8_shuffle_4',
    fits: ({ device }) => device.subgroupSize >= 4,
    pays: () => false,
  },
  { name: 'linear_q8_registers', fits: () => true, pays: ({ M }) => M >= 2 },
  { name: 'linear_q8', fits: () => true },
];

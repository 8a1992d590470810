import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { expectShape, shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import { parentOf } from './naming.ts';
import type { Size } from './resize.ts';

/** Windows of a grid of tokens, and which bias each pair inside gets. */
export interface WindowAttentionOptions {
  /** How many; C / heads is a multiple of 4, at most 128. */
  readonly heads: number;
  /** H and W of the tokens. */
  readonly grid: Size;
  /** h and w of a window; they divide the grid. */
  readonly window: Size;
  /** How far the windows start inside the grid, which goes on at its start; less than the window. 0: at its edge. */
  readonly shift: Size;
  /** [(2h − 1)(2w − 1), heads], f32: added to a score, by row and column of the query minus those of the key. */
  readonly table: Tensor;
  /** [heads] or [heads, 1, 1], f32: exp of it, at most 100, multiplies the cosine of q and k. */
  readonly logitScale: Tensor;
}

const layout = {
  reads: ['qkv', 'table', 'logit_scale'],
  writes: ['y'],
  params: {
    B: 'u32',
    H: 'u32',
    W: 'u32',
    heads: 'u32',
    d4: 'u32',
    window_h: 'u32',
    window_w: 'u32',
    shift_h: 'u32',
    shift_w: 'u32',
  },
} as const;
/**
 * `blocksOf` a window: those of 64 queries that have a workgroup, or of 4 in a row or of 1 that have a thread.
 * `knows`: d may be compiled in. `row`: d values of a thread.
 */
const kernels = {
  window_attention_tiled: {
    kernel: defineKernel('window_attention_tiled', layout),
    blocksOf: ([h, w]: Size) => Math.ceil((h * w) / 64),
    shared: true,
    knows: true,
    row: undefined,
  },
  window_attention_registers: {
    kernel: defineKernel('window_attention_registers', layout),
    blocksOf: ([h, w]: Size) => h * Math.ceil(w / 4),
    shared: false,
    knows: false,
    row: (d: number) => `array<f32, ${d}>`,
  },
  window_attention: {
    kernel: defineKernel('window_attention', layout),
    blocksOf: ([h, w]: Size) => h * w,
    shared: false,
    knows: true,
    row: (d: number) => `array<vec4f, ${d / 4}>`,
  },
};

export const windowAttentionVariants: readonly (Variant<{
  readonly window: Size;
  readonly d: number;
}> & { readonly name: keyof typeof kernels })[] = [
  // As attention_tiled, for GPUs; not measured on one yet.
  {
    name: 'window_attention_tiled',
    fits: ({ d }) => d <= 64,
    pays: ({ window, device }) => !device.software && window[0] * window[1] >= 32,
  },
  // 4 queries × 8 keys a step. The stages of tiny-256, heads of 32, busy machine of two cores, against the plain kernel:
  //   64², 3 heads, windows of 16, shifted   SwiftShader 332 ms for 1603 ms   lavapipe 178 ms for 328 ms
  //   32², 6 heads, windows of 16, shifted   SwiftShader 200 ms for 921 ms    lavapipe 39 ms for 191 ms
  //   16², 12 heads, one window              SwiftShader 140 ms for 404 ms    lavapipe 19 ms for 103 ms
  //   8², 24 heads, one window               SwiftShader 20 ms for 31 ms      lavapipe 4 ms for 15 ms
  // 24², 8 heads, windows of 12, where every fourth key is past the end: 137 ms for 400 ms, 40 ms for 49 ms.
  // These with four channels a step; with one SwiftShader takes a third less and lavapipe the same.
  // Not measured on GPUs, where four rows of o are most of a thread's registers; see attention_registers.
  {
    name: 'window_attention_registers',
    fits: () => true,
    pays: ({ window, device }) => device.software && window[1] >= 2,
  },
  { name: 'window_attention', fits: () => true },
];

/**
 * SwinV2's attention inside windows, softmax(exp(min(logitScale, ln 100)) · cos(q, k) + bias + mask) · v.
 *   qkv [B, H·W, 3C] → [B, H·W, C]
 *
 * q, k and v lie in that order along the last axis, each with its heads one after the other. The result lies where the
 * queries lie: nothing is rolled or cut. The mask is −100 between tokens that a shift brought into one window from
 * opposite ends of the grid.
 */
export function windowAttention(
  qkv: Tensor,
  { heads, grid, window, shift, table, logitScale }: WindowAttentionOptions,
): Tensor {
  const [B, N, C3] = qkv.dims('B N 3C') as [number, number, number];
  const [H, W] = grid;
  const [h, w] = window;
  const d = C3 / 3 / heads;
  if (!Number.isInteger(d) || d % 4 !== 0 || d > 128 || d < 4) {
    throw invalidArgument(
      `windowAttention: ${qkv.name} ${shapeText(qkv.shape)} has ${d} channels for each of ${heads} heads; it must be a multiple of 4 up to 128.`,
    );
  }
  if (N !== H * W) {
    throw invalidArgument(
      `windowAttention: ${qkv.name} ${shapeText(qkv.shape)} has ${N} tokens; a grid of ${H}×${W} has ${H * W}.`,
    );
  }
  const fits = (side: number, length: number, by: number): boolean =>
    length >= 1 && side % length === 0 && Number.isInteger(by) && by >= 0 && by < length;
  if (!fits(H, h, shift[0]) || !fits(W, w, shift[1])) {
    throw invalidArgument(
      `windowAttention: windows of ${h}×${w} shifted by ${shift[0]}, ${shift[1]} on a grid of ${H}×${W}; windows must divide the grid and be larger than their shift.`,
    );
  }
  expectShape('windowAttention', table, [(2 * h - 1) * (2 * w - 1), heads]);
  expectShape('windowAttention', logitScale.reshape([logitScale.size]), [heads]);
  if (table.dtype !== 'f32' || logitScale.dtype !== 'f32') {
    throw invalidArgument(
      `windowAttention: ${table.name} is ${table.dtype} and ${logitScale.name} ${logitScale.dtype}; both must be f32.`,
    );
  }

  const { context, dtype } = qkv;
  const y = context.empty([B, N, C3 / 3], dtype, `${parentOf(qkv)}.values`);
  const name = chooseVariant(context, 'window_attention', windowAttentionVariants, {
    window,
    d,
  }) as keyof typeof kernels;
  const { kernel, blocksOf, shared, knows, row } = kernels[name];
  const blocks = B * heads * (N / (h * w)) * blocksOf(window);
  kernel.dispatch(
    { qkv, table, logit_scale: logitScale, y },
    {
      types: { T: dtype, ...(row && { Row: row(d) }) },
      overrides: knows ? { D4: context.capabilities.software ? 0 : d / 4 } : {},
      params: {
        B,
        H,
        W,
        heads,
        d4: d / 4,
        window_h: h,
        window_w: w,
        shift_h: shift[0],
        shift_w: shift[1],
      },
      workgroups: shared ? blocks : Math.ceil(blocks / 64),
      label: `window_attention ${parentOf(qkv)}`,
    },
  );
  return y;
}

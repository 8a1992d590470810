import type { DPTModel, Size } from '@dpt-webgpu/dpt';
import { plan, type Trace } from '@dpt-webgpu/tensor';
import type { GpuInfo } from '../gpu.ts';
import { boxOf } from './boxes.ts';
import { type Box, type BoxPlan, boxes, type InsightFacts } from './insight_calls.ts';
import { blockWindows } from './window_attention.ts';

const boxOfLabel = (label: string): Box => boxOf(label.slice(label.indexOf(' ') + 1));

type Planned = Omit<InsightFacts, 'model' | 'photo' | 'reducedFrom' | 'size' | 'levels'>;

/** Names are at most so many parts long. */
const DEEPEST = 7;

/** Everything that is known of a run before it: names, shapes, and what each box takes. */
export function planOf(planned: DPTModel, { width, height }: Size): Planned {
  const trace = planModel(planned, { width, height }, false);
  const { patch } = planned.config.patchEmbed;
  const grid = [height / patch, width / patch] as const;
  const { kept } = planModel(planned, { width, height }, false, everyName(planned, width, height));
  // The picture itself is the input, not something that the model made.
  const tensors = Object.entries(kept)
    .filter(([name]) => !/^(encoder|reassemble|fusion)(\.(blocks|stages))?$/.test(name))
    .map(([name, { shape, dtype }]) => ({ name, shape: [...shape], dtype }));
  const blocks = tensors
    .map(({ name }) => name)
    .filter((name) => /^encoder(\.\w+)*\.blocks\.\d+$/.test(name));
  const attention = attentionOf(planned, { width, height });
  const tokens = kept[blocks[0] ?? '']?.shape[1] ?? grid[0] * grid[1];
  return {
    width,
    height,
    grid,
    blocks,
    attention,
    windows: blockWindows(planned, grid),
    readout: tokens === grid[0] * grid[1] + 1 ? 1 : 0,
    features: kept[blocks[0] ?? '']?.shape[2] ?? 1,
    tensors,
    plan: boxPlans(trace),
    planBytes: trace.bytes,
  };
}

export function planModel(
  planned: DPTModel,
  { width, height }: Size,
  attentionWeights: boolean,
  keep: readonly string[] = [],
): Trace {
  return plan(
    planned.weights.context,
    { image: [1, height, width, 3] },
    ({ image }) => ({ depth: planned.forward(image) }),
    { keep, attentionWeights },
  );
}

/** Patterns that match something: a pattern without a match is an error. */
function everyName(planned: DPTModel, width: number, height: number): string[] {
  const patterns = Array.from({ length: DEEPEST }, (_, i) =>
    Array(i + 1)
      .fill('*')
      .join('.'),
  );
  return patterns.filter((pattern) => {
    try {
      planModel(planned, { width, height }, false, [pattern]);
      return true;
    } catch {
      return false;
    }
  });
}

export const weightsName = (block: string): string => `${block}.attention.weights`;

function attentionOf(planned: DPTModel, size: Size): InsightFacts['attention'] {
  try {
    const name = weightsName('encoder.blocks.0');
    const { kept } = planModel(planned, size, true, [name]);
    const [, heads = 1, tokens = 1] = kept[name]!.shape;
    return { heads, tokens, bytes: kept[name]!.bytes };
  } catch {
    // SwinV2 attends within windows: there is no one map of all tokens.
    return undefined;
  }
}

/**
 * The size that was asked for, or the largest smaller one at which the attention of one block can be kept. Half of the
 * memory is left to everybody else.
 */
export async function sizeForAttention(
  planned: DPTModel,
  networkAt: (size: number) => Size,
  asked: number,
  info: GpuInfo,
  pause: () => Promise<void>,
): Promise<number> {
  const { multiple } = planned.config.image;
  const fits = (size: number): boolean => attentionFits(planned, networkAt(size), info);
  if (asked <= 2 * multiple || fits(asked)) return asked;
  // In steps below what was asked for; the smallest is run whatever it takes.
  let low = 1;
  let high = Math.max(low, Math.floor(asked / multiple) - 2);
  while (low < high) {
    await pause();
    const middle = (low + high) >> 1;
    if (fits(asked - middle * multiple)) high = middle;
    else low = middle + 1;
  }
  return asked - low * multiple;
}

function attentionFits(planned: DPTModel, size: Size, info: GpuInfo): boolean {
  const attention = attentionOf(planned, size);
  if (!attention) return true;
  const keep = [weightsName('encoder.blocks.0')];
  const { bytes, largestBinding } = planModel(planned, size, true, keep);
  return largestBinding <= info.largestBuffer && bytes + planned.weights.bytes <= info.budget / 2;
}

function boxPlans(trace: Trace): BoxPlan[] {
  const alive = trace.steps.map((_, step) =>
    trace.intermediates.reduce(
      (sum, { life }) => (life.first <= step && step <= life.last ? sum + life.bytes : sum),
      0,
    ),
  );
  const weights = new Map<Box, Map<object, number>>(boxes.map((box) => [box, new Map()]));
  const found = new Map<Box, { dispatches: number; peakBytes: number }>(
    boxes.map((box) => [box, { dispatches: 0, peakBytes: 0 }]),
  );
  trace.steps.forEach((step, i) => {
    const box = boxOfLabel(step.label);
    const entry = found.get(box)!;
    entry.dispatches++;
    entry.peakBytes = Math.max(entry.peakBytes, alive[i]!);
    for (const tensor of step.reads) {
      if (!tensor || tensor.storage.virtual) continue;
      weights.get(box)!.set(tensor.storage, tensor.storage.bytes);
    }
  });
  return boxes.map((box) => ({
    box,
    ...found.get(box)!,
    weightBytes: [...weights.get(box)!.values()].reduce((a, b) => a + b, 0),
  }));
}

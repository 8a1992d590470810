import type { DPTModel } from '@dpt-webgpu/dpt';
import { plan, type Trace } from '@dpt-webgpu/tensor';
import { messageOf } from '../errors.ts';
import { OnnxGraph } from './graph.ts';
import { Sizes, type TracedSize } from './sizes.ts';
import { translate } from './translate.ts';

/**
 * Sides follow from rows and columns by factors that these grids tell apart: even and odd, high and wide, none that a
 * model was trained at, where resizes are left out, and none so large that a device would run other kernels.
 */
export const openSizes: readonly TracedSize[] = [
  { batch: 1, grid: [11, 16] },
  { batch: 1, grid: [12, 19] },
  { batch: 2, grid: [17, 14] },
  { batch: 1, grid: [14, 21] },
  { batch: 3, grid: [19, 17] },
  { batch: 1, grid: [22, 13] },
];

/** The graph of a model, at the sizes that it is traced at: `pixel_values` [batch, 3, height, width] → `depth` [batch, height, width]. */
export function modelGraph(model: DPTModel, sizes: readonly TracedSize[]): OnnxGraph {
  const { patch } = model.config.patchEmbed;
  const { context } = model.weights;
  const traces: Trace[] = sizes.map(({ batch, grid: [rows, columns] }) =>
    plan(context, { image: [batch, rows * patch, columns * patch, 3] }, ({ image }) => ({
      depth: model.forward(image),
    })),
  );
  const graph = new OnnxGraph();
  const isFixed = sizes.every(({ grid }) => grid.every((side, i) => side === sizes[0]!.grid[i]));
  const [rows, columns] = sizes[0]!.grid;
  const sides = isFixed ? [rows * patch, columns * patch] : ['height', 'width'];
  const pixels = graph.input('pixel_values', ['batch', 3, ...sides]);
  try {
    const depth = translate(traces, graph, new Sizes(graph, sizes, pixels, patch), pixels);
    graph.output(depth, 'depth', ['batch', ...sides]);
  } catch (cause) {
    throw new Error(`This model cannot be written as ONNX: ${messageOf(cause)}.`, { cause });
  }
  return graph;
}

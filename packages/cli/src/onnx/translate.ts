import type { Tensor, Trace } from '@dpt-webgpu/tensor';
import { attention, attention_relative, window_attention } from './attention.ts';
import { type Call, Emitter, type Operand, type Step, sidesOf } from './emitter.ts';
import type { OnnxGraph } from './graph.ts';
import {
  bicubic_resize,
  bilinear_resize,
  conv2d,
  conv2d_resized,
  copy_rows,
  elementwise,
  layer_norm,
  linear,
  patch_merge,
  patchify,
  pixel_shuffle,
  swiglu,
} from './ops.ts';
import type { Sizes } from './sizes.ts';

/** By the names of shaders, longer names first. */
const operators: Readonly<Record<string, (t: Emitter, call: Call) => void>> = {
  attention_relative,
  attention,
  bicubic_resize,
  bilinear_resize,
  conv2d_resized,
  conv2d,
  copy_rows,
  elementwise,
  layer_norm,
  linear,
  patch_merge,
  patchify,
  pixel_shuffle,
  swiglu,
  window_attention,
};

/**
 * Writes the steps of a model, traced at one or several sizes, as nodes of a graph. `pixels` is the graph's input
 * [B, 3, H, W]; returns the name of the depth [B, H, W].
 */
export function translate(
  traces: readonly Trace[],
  graph: OnnxGraph,
  sizes: Sizes,
  pixels: string,
): string {
  const [first] = traces as [Trace, ...Trace[]];
  const t = new Emitter(graph, sizes);
  t.input(operandOf(traces.map(({ inputs }) => inputs.image!)), pixels);
  first.steps.forEach((step, i) => {
    const same = traces.map(({ steps }) => steps[i]!);
    if (same.some((other) => !other || opOf(other) !== opOf(step))) {
      throw new Error(`${step.label}: which steps run depends on the size of the picture`);
    }
    operators[opOf(step)]!(t, callOf(same));
  });
  if (traces.some(({ steps }) => steps.length !== first.steps.length)) {
    throw new Error('how many steps run depends on the size of the picture');
  }
  return t.plain(operandOf(traces.map(({ outputs }) => outputs.depth!)));
}

/** Variants of an op, `linear_registers`, differ in how they compute, not in what. */
function opOf({ kernel: { shader } }: Step): string {
  const names = Object.keys(operators);
  const op = names.find((name) => shader === name || shader.startsWith(`${name}_`));
  if (!op) throw new Error(`there is no ONNX operator for the kernel ${shader}`);
  return op;
}

function callOf(steps: readonly Step[]): Call {
  const [step] = steps as [Step, ...Step[]];
  const names = Object.keys(step.kernel.layout.params);
  return {
    step,
    reads: step.reads.map(
      (read, i) => read && operandOf(steps.map((other) => other.reads[i] as Tensor)),
    ),
    write: operandOf(steps.map((other) => other.writes[0]!)),
    param(name) {
      const at = names.indexOf(name) * 4;
      return steps.map(({ params, kernel }) => {
        const data = new DataView(params);
        return kernel.layout.params[name] === 'f32'
          ? data.getFloat32(at, true)
          : data.getUint32(at, true);
      });
    },
    choice(name) {
      return names.includes(name) ? this.param(name)[0] : step.overrides[name];
    },
  };
}

function operandOf(tensors: readonly Tensor[]): Operand {
  const [tensor] = tensors as [Tensor, ...Tensor[]];
  return { name: tensor.name, storage: tensor.storage, sides: sidesOf(tensors), tensor };
}

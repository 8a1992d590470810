// packages/tensor alone: an op of one's own with its own WGSL, and a small convolutional network that uses it, trained by
// hand to find edges. Needs nothing of the depth models.
//
//   node --import tsx examples/new_op.ts
import {
  Context,
  Conv2d,
  defineKernel,
  record,
  type StateDict,
  type Tensor,
  Weights,
} from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';

// An op is a shader, the names of its bindings, and a function that checks shapes and dispatches.
const kernel = defineKernel('max_pool', {
  reads: ['x'],
  writes: ['y'],
  params: { H: 'u32', W: 'u32', C: 'u32' },
  source: `
    alias T = f32;
    struct Params { H: u32, W: u32, C: u32 }                    // of the result
    @group(0) @binding(0) var<storage, read> x: array<T>;       // [1, 2H, 2W, C]
    @group(0) @binding(1) var<storage, read_write> y: array<T>; // [1, H, W, C]
    @group(0) @binding(2) var<uniform> params: Params;

    @compute @workgroup_size(64)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
      let index = (group.x + group.y * 32768u) * 64u + lane;
      if (index >= params.H * params.W * params.C) { return; }
      let c = index % params.C;
      let column = index / params.C % params.W;
      let row = index / params.C / params.W;
      let line = params.W * 2u * params.C;                      // from row to row of x
      let start = row * 2u * line + column * 2u * params.C + c;
      y[index] = max(max(x[start], x[start + params.C]), max(x[start + line], x[start + line + params.C]));
    }`,
});

/** The largest of every 2 × 2.   x [1, H, W, C] → [1, H/2, W/2, C] */
function maxPool(x: Tensor): Tensor {
  const [, height, width, C] = x.dims('1 H W C') as [number, number, number, number];
  const [H, W] = [Math.floor(height / 2), Math.floor(width / 2)];
  if (height % 2 || width % 2)
    throw new Error(`maxPool: ${x.name} is ${height}×${width}, not even.`);
  const y = x.context.empty([1, H, W, C], x.dtype, x.name);
  const options = {
    types: { T: x.dtype },
    params: { H, W, C },
    workgroups: Math.ceil(y.size / 64),
  };
  kernel.dispatch({ x, y }, options);
  return y;
}

/** Edges of a grey picture, their strength over 2 × 2 pixels, and that smoothed. */
class EdgeNet {
  readonly edges: Conv2d;
  readonly smooth: Conv2d;

  constructor(weights: Weights) {
    this.edges = new Conv2d({ in: 1, out: 4, kernel: 3, padding: 1 }, weights.at('edges'));
    this.smooth = new Conv2d({ in: 4, out: 1, kernel: 3, padding: 1 }, weights.at('smooth'));
  }

  /** x [1, H, W, 1] → [1, H/2, W/2, 1] */
  forward(x: Tensor): Tensor {
    const edges = this.edges.forward(x, { activation: 'relu' }); // [1, H, W, 4]
    return this.smooth.forward(maxPool(edges)); // [1, H/2, W/2, 1]
  }
}

// Weights as a file would have them: [out, in, 3, 3]. Four directions, then the mean of all.
const right = [-1, 0, 1, -2, 0, 2, -1, 0, 1];
const down = [-1, -2, -1, 0, 0, 0, 1, 2, 1];
const stateDict = stateDictOf({
  'edges.weight': {
    shape: [4, 1, 3, 3],
    values: [...right, ...right.map((v) => -v), ...down, ...down.map((v) => -v)],
  },
  'edges.bias': { shape: [4], values: [0, 0, 0, 0] },
  'smooth.weight': { shape: [1, 4, 3, 3], values: Array(36).fill(1 / 9) },
  'smooth.bias': { shape: [1], values: [0] },
});

const { device, close } = await requestDevice(); // in a browser: your own GPUDevice
const context = new Context(device);
const weights = new Weights(context, stateDict);
const net = new EdgeNet(weights);
await weights.load();
const recording = await record(context, { x: [1, 16, 16, 1] }, ({ x }) => ({ y: net.forward(x) }));
console.log(recording.describe());

// A bright square on black: its edges remain.
const picture = Float32Array.from({ length: 256 }, (_, i) =>
  Math.max(Math.abs((i % 16) - 7.5), Math.abs(Math.floor(i / 16) - 7.5)) < 5 ? 1 : 0,
);
const values = await recording.run({ x: picture }).y.read();
for (let row = 0; row < 8; row++) {
  const line = [...values.subarray(row * 8, row * 8 + 8)];
  console.log(line.map((value) => ' .:-=+*#%@'[Math.min(9, Math.round(value))]).join(' '));
}
recording.dispose();
weights.dispose();
await close();

function stateDictOf(tensors: Record<string, { shape: number[]; values: number[] }>): StateDict {
  const entries = Object.entries(tensors).map(([name, { shape, values }]) => {
    const read = async (): Promise<Uint8Array> => new Uint8Array(Float32Array.from(values).buffer);
    return [name, { dtype: 'f32', shape, read }] as const;
  });
  return {
    name: 'edge net',
    metadata: new Map(),
    tensors: new Map(entries),
    close: async () => {},
  };
}

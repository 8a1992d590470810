// An encoder of one's own in the DPT skeleton: reassemble, fusion and head are the library's, the encoder is forty lines.
// Its weights are random, so the map means nothing; what is shown is where an encoder goes in and what it has to give.
//
//   node --import tsx examples/own_encoder.ts
import {
  DepthPredictor,
  DPTModel,
  type DptConfig,
  type Grid,
  type ImageEncoder,
  planFor,
  recognise,
  type StageReading,
  type Stages,
} from '@dpt-webgpu/dpt';
import { openCheckpointFile } from '@dpt-webgpu/loaders/node';
import {
  add,
  Context,
  LayerNorm,
  Mlp,
  type StateDict,
  type Tensor,
  Weights,
} from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';

const FEATURES = 48;

/** x + MLP(LN(x)), four times: an MLP per token that never looks at another token. */
class TokenMlpEncoder implements ImageEncoder {
  readonly norms: readonly LayerNorm[];
  readonly mlps: readonly Mlp[];
  /** What reassemble must know: no readout token, stages at four scales of the patch grid. */
  readonly reading: StageReading = {
    features: [FEATURES, FEATURES, FEATURES, FEATURES],
    readout: 'none',
    scales: [4, 2, 1, 0.5],
  };

  constructor(weights: Weights) {
    const levels = [0, 1, 2, 3];
    this.norms = levels.map(
      (i) => new LayerNorm({ features: FEATURES }, weights.at('norms').at(i)),
    );
    this.mlps = levels.map(
      (i) => new Mlp({ features: FEATURES, hidden: 2 * FEATURES }, weights.at('mlps').at(i)),
    );
  }

  /** tokens [B, N, F] of a grid → four stages, shallow to deep */
  forward(tokens: Tensor, grid: Grid): Stages {
    let x = tokens;
    const stages = this.mlps.map((mlp, i) => {
      x = add(x, mlp.forward(this.norms[i]!.forward(x)));
      return { tokens: x, grid };
    });
    return stages as unknown as Stages;
  }
}

// The rest of the configuration is taken from the demonstration model. `encoder` is not looked at.
const file = await openCheckpointFile('models/dpt_tiny.safetensors');
const { config: tiny } = recognise(file);
await file.close();
const config: DptConfig = { ...tiny, patchEmbed: { ...tiny.patchEmbed, features: FEATURES } };
const makeEncoder = (weights: Weights): ImageEncoder => new TokenMlpEncoder(weights);

// What it takes is known before there are weights or a device.
const photo = { width: 168, height: 112 };
const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };
const { bytes, buffers } = planFor(config, photo, limits, { size: 112, model: { makeEncoder } });
console.log(`${buffers} buffers, ${(bytes.total / 2 ** 20).toFixed(1)} MiB`);

const { device, close } = await requestDevice();
const weights = new Weights(new Context(device), randomWeights());
const model = new DPTModel(config, weights, { makeEncoder });
await weights.load();

const pixels = Uint8Array.from({ length: photo.width * photo.height * 4 }, (_, i) => (i * 7) % 256);
const predictor = new DepthPredictor(model);
const map = await predictor.predict({ ...photo, data: pixels }, { size: 112 });
const { width, height } = map.networkSize;
console.log(`a map of ${map.width}×${map.height} from a network of ${width}×${height}`);
await close();

/** Small numbers under whatever names and shapes the model declares, as an untrained network has them. */
function randomWeights(): StateDict {
  const declared = new Weights(Context.planning(), { ...empty(), name: 'a plan' });
  new DPTModel(config, declared, { makeEncoder });
  let seed = 1;
  const next = (): number => {
    seed = (seed * 16807) % 2147483647;
    return (seed / 2147483647 - 0.5) * 0.2;
  };
  const tensors = declared.declarations().map(({ key, shape }) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const read = async () => new Uint8Array(Float32Array.from({ length: size }, next).buffer);
    return [key, { dtype: 'f32', shape, read }] as const;
  });
  return { ...empty(), tensors: new Map(tensors) };
}

function empty(): StateDict {
  return { name: 'random weights', metadata: new Map(), tensors: new Map(), close: async () => {} };
}

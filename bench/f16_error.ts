// What f16 does to the depth maps of photos: max |error| / std and correlation against f32, on this device, and on its matrix
// units. In late blocks those round what attention weighs by; all else that they take of f32 is exact to 22 bits. A device
// without them computes that as they would: its own kernels round where theirs do.
//
//   npm run bench:f16 -- MODEL PHOTO... [--size N] [--spread]         on a device with shader-f16, such as lavapipe
//
// --spread takes weights of f32 that are not in the file: each within half a unit in the last place of f16 around the one
// that is. A file of f16 is then what rounding makes of them.
import { parseArgs } from 'node:util';
import { DepthPredictor, makeDptFromStateDict } from '@dpt-webgpu/dpt';
import { openCheckpointFile, readPicture } from '@dpt-webgpu/loaders/node';
import { Context, deviceRequest, type StateDict, type StoredTensor } from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';
import { mapError } from '../packages/cli/src/model_timing.ts';
import { f32FromStored } from '../packages/tensor/src/convert.ts';
import { kernels, specialise } from '../packages/tensor/src/kernel.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '252' },
    spread: { type: 'boolean', default: false },
  },
});
const [file, ...photos] = positionals;
const size = Number(values.size);
if (!file || photos.length === 0 || !Number.isInteger(size)) {
  console.log('usage: npm run bench:f16 -- MODEL PHOTO... [--size N] [--spread]');
  process.exit(2);
}
/** The same at every call, as every model has to have the same weights. */
function spread(stateDict: StateDict): StateDict {
  const tensors = [...stateDict.tensors].map(([key, tensor]) => {
    const read: StoredTensor['read'] = async (options) => {
      const count = tensor.shape.reduce((product, side) => product * side, 1);
      const rounded = f32FromStored(await tensor.read(options), tensor.dtype, count);
      const next = random(count + key.length);
      const values = rounded.map((value) => {
        const unit = 2 ** Math.max(Math.floor(Math.log2(Math.abs(value))) - 10, -24);
        return value + (next() - 0.5) * unit;
      });
      return new Uint8Array(values.buffer);
    };
    return [key, { ...tensor, dtype: 'f32' as const, read }] as const;
  });
  return { ...stateDict, tensors: new Map(tensors) };
}

/** Uniform numbers from a seed, the same everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A shader with its text changed, for devices that have no pipeline of it yet. */
function change(shader: string, changes: readonly (readonly [from: RegExp, to: string])[]): void {
  const kernel = kernels.get(shader)!;
  const text = changes.reduce(
    (source, [from, to]) => {
      if (!from.test(source)) throw new Error(`${shader}.wgsl has no ${from}.`);
      return source.replace(from, to);
    },
    specialise(kernel, {}),
  );
  Object.assign(kernel, { text });
}

/** v as the eleven leading bits and eleven more, as the shaders for matrix units take it. */
const inTwo = `
fn leading(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) & 0xffffe000u); }
fn in_two(v: f32) -> f32 { return leading(v) + leading(v - leading(v)); }
`;

function roundAsMatrixUnits(): void {
  change('linear_shuffle', [
    [
      /fn load\((.*)\) -> f32 \{ return (.*); \}/,
      `${inTwo}fn load($1) -> f32 { return in_two($2); }`,
    ],
  ]);
  for (const shader of ['attention_registers', 'attention_relative_registers']) {
    change(shader, [
      [
        /fn load\((.*)\) -> f32 \{ return (.*); \}/,
        `${inTwo}fn load($1) -> f32 { return in_two($2); }`,
      ],
      ...[0, 1, 2, 3].flatMap((i) =>
        ['a', 'b'].map((w) => {
          const weight = `exp(${w}${i} - n${i})`;
          const from = new RegExp(` ${w}${i} = ${weight.replace(/[()]/g, '\\$&')};`);
          return [from, ` ${w}${i} = vec4f(vec4<T>(${weight}));`] as const;
        }),
      ),
    ]);
  }
}

/** Also on a processor, which does not gain by them. */
const onMatrixUnits = {
  linear: 'linear_subgroup_matrix',
  attention: 'attention_subgroup_matrix',
  attention_relative: 'attention_relative_subgroup_matrix',
  conv2d: 'conv2d_subgroup_matrix',
};

let adapter = '';
const maps = new Map<string, Float32Array[]>();
for (const how of ['f32', 'f16', 'matrix units'] as const) {
  const { device, description } = await requestDevice({
    describe: (found) => deviceRequest(found, { f16: true }),
  });
  adapter = description;
  const opened = await openCheckpointFile(file);
  const stateDict = values.spread ? spread(opened) : opened;
  const dtype = how === 'f32' ? 'f32' : 'f16';
  const hasMatrices = new Context(device).capabilities.subgroupMatrix > 0;
  if (how === 'matrix units' && !hasMatrices) roundAsMatrixUnits();
  const variants = how === 'matrix units' && hasMatrices ? onMatrixUnits : {};
  const context = new Context(device, { variants });
  const { model } = await makeDptFromStateDict(context, stateDict, { dtype });
  await opened.close();
  const predictor = new DepthPredictor(model);
  const own: Float32Array[] = [];
  for (const photo of photos) {
    const map = await predictor.predict(await readPicture(photo), { size, output: 'network' });
    own.push(map.data);
  }
  maps.set(how, own);
  predictor.dispose();
  model.dispose();
  device.destroy();
}

console.log(`${file}${values.spread ? ' spread to f32' : ''}, ${size}, ${new Date().toISOString().slice(0, 10)}, ${adapter}

| photo | f16, max\\|error\\| / std | correlation | matrix units, max\\|error\\| / std | correlation |
| --- | --- | --- | --- | --- |`);
photos.forEach((photo, i) => {
  const cells = ['f16', 'matrix units'].flatMap((how) => {
    const { max, correlation } = mapError(maps.get(how)![i]!, maps.get('f32')![i]!);
    return [max.toPrecision(2), `1 − ${(1 - correlation).toExponential(0)}`];
  });
  console.log(`| ${[photo.split(/[\\/]/).at(-1), ...cells].join(' | ')} |`);
});
process.exit(0);

// What can be done to a depth map, in one recording on the GPU: range, plane, size, thresholds, contrast, colours, a mask.
//
//   node --import tsx examples/run_image.ts [PICTURE] [MODEL]
//
// Writes to output/: NAME_depth.png (coloured), NAME_cutout.png (what is near, the rest transparent). The walk through
// the steps and their formulas is packages/dpt/src/depth_map/README.md.
import { mkdir } from 'node:fs/promises';
import { parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chooseModel, openModel } from '@dpt-webgpu/cli/default-model';
import { colourWords, cutOut, depthMask, depthPipeline, depthSettings } from '@dpt-webgpu/dpt';
import { encodePng8, readPicture, writeFileAtomic } from '@dpt-webgpu/loaders/node';
import { record } from '@dpt-webgpu/tensor';

const sample = fileURLToPath(new URL('pictures/dog_indoor.jpg', import.meta.url));
const [path = sample, model] = process.argv.slice(2);

const photo = await readPicture(path);
const choice = await chooseModel(model);
const { context, predictor, close } = await openModel(choice.path, { photo }, { log: console.log });

// As it leaves the network; the chain brings it to the size of the photo, with edges where the photo has them.
const depth = await predictor.predict(photo, { output: 'network' });

const chain = await record(
  context,
  {
    map: [depth.height, depth.width],
    pixels: { shape: [photo.height, photo.width], dtype: 'u32' },
    settings: [8],
    colours: { shape: [256], dtype: 'u32' },
  },
  ({ map, pixels, settings, colours }) => {
    const { nearness, rgba } = depthPipeline(map, {
      kind: depth.kind,
      settings,
      colours,
      percentiles: true,
      plane: true,
      resize: { guide: pixels },
    });
    return { rgba, near: cutOut(pixels, depthMask(nearness, settings)) };
  },
);

// Other numbers, such as those of a slider, need a run and nothing else.
const settings = depthSettings({
  percentiles: [1, 99],
  planeStrength: 0.5,
  thresholds: [0.4, 1],
  gamma: 0.8,
});
const colours = colourWords('spectral');
const { rgba, near } = chain.run({ map: depth.data, pixels: photo.data, settings, colours });

await mkdir('output', { recursive: true });
const { name } = parse(path);
for (const [file, tensor] of Object.entries({ depth: rgba, cutout: near })) {
  const png = encodePng8(await tensor.readBytes(), photo.width, photo.height);
  await writeFileAtomic(`output/${name}_${file}.png`, png);
  console.log(`wrote output/${name}_${file}.png`);
}
chain.dispose();
await close();

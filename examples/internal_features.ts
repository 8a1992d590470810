// The five parts of figure 1 called one by one, and what passes between them.
//
//   node --import tsx examples/internal_features.ts [PICTURE] [-m MODEL]
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chooseModel, openModel } from '@dpt-webgpu/cli/default-model';
import { networkSize } from '@dpt-webgpu/dpt';
import { readPicture } from '@dpt-webgpu/loaders/node';
import { imageToTensor, type Tensor } from '@dpt-webgpu/tensor';

const sample = fileURLToPath(new URL('pictures/dog_indoor.jpg', import.meta.url));
const options = { model: { type: 'string', short: 'm' } } as const;
const { values, positionals } = parseArgs({ allowPositionals: true, options });

const photo = await readPicture(positionals[0] ?? sample);
const { path } = await chooseModel(values.model);
const { config, model, context, close } = await openModel(path, { photo }, { log: console.log });

const show = (name: string, { shape, dtype }: Tensor): void =>
  console.log(`${name.padEnd(22)} [${shape.join(', ')}] ${dtype}`);

// Outside a recording every op runs at once; the scope frees what they make on the way.
const depth = context.scope(() => {
  const { width, height } = networkSize(photo, config.image);
  const pixels = context.tensor(photo.data, [photo.height, photo.width], 'u32', 'pixels');
  const image = imageToTensor(pixels, { size: [height, width], ...config.image });
  show('image', image);

  const { tokens, grid } = model.patchEmbed.forward(image);
  show('1 patch embed', tokens);
  console.log(`${'  patch grid'.padEnd(22)} ${grid.join(' × ')}`);

  const stages = model.encoder.forward(tokens, grid);
  for (const [i, stage] of stages.entries()) show(`2 encoder, stage ${i + 1}`, stage.tokens);

  const maps = model.reassemble.forward(stages);
  for (const [i, map] of maps.entries()) show(`3 reassemble, map ${i + 1}`, map);

  const features = model.fusion.forward(maps);
  show('4 fusion', features);

  const depth = model.head.forward(features, [height, width]);
  show('5 head', depth);
  return depth;
});

const values32 = await depth.read();
const sorted = values32.slice().sort();
const at = (part: number): string => sorted[Math.floor(part * (sorted.length - 1))]!.toFixed(3);
console.log(`depth: min ${at(0)}, median ${at(0.5)}, max ${at(1)} (${config.depth})`);
depth.dispose();
await close();

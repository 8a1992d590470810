// From a photo to its depth map: load the picture, load the model, predict, save.
//
//   npm start                                      the sample photo, the model that is at hand
//   npm start -- my.jpg -m depth_anything_v2_vits.pth
//
// Writes to output/: NAME_depth.png (near is bright), NAME_side_by_side.png, NAME_depth.npy (raw values, f32).
import { mkdir } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chooseModel, openModel } from '@dpt-webgpu/cli/default-model';
import { colourise, nearness, summary } from '@dpt-webgpu/dpt';
import { encodeNpy } from '@dpt-webgpu/loaders';
import { encodePng8, readPicture, writeFileAtomic } from '@dpt-webgpu/loaders/node';

const usage = 'usage: npm start -- [PICTURE] [-m MODEL] [--size PIXELS]';
const sample = fileURLToPath(new URL('pictures/dog_indoor.jpg', import.meta.url));

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      model: { type: 'string', short: 'm' },
      size: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return console.log(usage);

  const photo = await readPicture(positionals[0] ?? sample);
  const size = values.size === undefined ? undefined : Number(values.size);
  const choice = await chooseModel(values.model);
  for (const note of choice.notes) console.log(note);

  const { config, predictor, close } = await openModel(
    choice.path,
    { photo, size },
    { log: console.log },
  );
  const start = performance.now();
  const depth = await predictor.predict(photo, { size });
  const { width, height } = depth.networkSize;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${summary(config)}; ${width}×${height}, ${seconds} s with compiling`);
  await close();

  const colours = colourise(nearness(depth.data, depth.kind), 'inferno');
  const name = basename(photo.name, extname(photo.name));
  await mkdir('output', { recursive: true });
  const files = {
    [`output/${name}_depth.png`]: encodePng8(colours, photo.width, photo.height),
    [`output/${name}_side_by_side.png`]: encodePng8(
      sideBySide(photo.data, colours, photo.width),
      2 * photo.width,
      photo.height,
    ),
    [`output/${name}_depth.npy`]: encodeNpy(depth.data, [photo.height, photo.width]),
  };
  for (const [path, bytes] of Object.entries(files)) {
    await writeFileAtomic(path, bytes);
    console.log(`wrote ${path}`);
  }
}

/** Two pictures of one size next to each other, RGBA. */
function sideBySide(left: Uint8Array, right: Uint8Array, width: number): Uint8Array {
  const row = 4 * width;
  const both = new Uint8Array(2 * left.length);
  for (let from = 0, to = 0; from < left.length; from += row, to += 2 * row) {
    both.set(left.subarray(from, from + row), to);
    both.set(right.subarray(from, from + row), to + row);
  }
  return both;
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});

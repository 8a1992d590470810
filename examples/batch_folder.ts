// Depth maps of a folder as .npy, with DepthPredictor itself: the next picture is read while the GPU works, and a bad
// one does not stop the rest. `dpt image FOLDER` does more: shares, resuming, formats.
//
//   node --import tsx examples/batch_folder.ts FOLDER [MODEL]
import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseModel, openModel } from '@dpt-webgpu/cli/default-model';
import { encodeNpy, type Picture } from '@dpt-webgpu/loaders';
import { readPicture, writeFileAtomic } from '@dpt-webgpu/loaders/node';

const [folder = 'examples/pictures', model] = process.argv.slice(2);
const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort();

const read = (name: string | undefined): Promise<Picture | Error> | undefined =>
  name === undefined ? undefined : readPicture(join(folder, name)).catch((error: Error) => error);

const { predictor, close } = await openModel((await chooseModel(model)).path);
await mkdir('output', { recursive: true });

let next = read(names[0]);
for (const [i, name] of names.entries()) {
  const photo = await next!;
  next = read(names[i + 1]);
  const file = `output/${name}.npy`;
  // A file is whole under its name or not there, so this goes on where it was stopped.
  const isDone = await access(file).then(
    () => true,
    () => false,
  );
  if (photo instanceof Error) console.error(photo.message);
  else if (!isDone) {
    const { data, width, height } = await predictor.predict(photo);
    await writeFileAtomic(file, encodeNpy(data, [height, width]));
    console.log(`${i + 1} of ${names.length}: ${file}`);
  }
}
await close();

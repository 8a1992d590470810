import { access } from 'node:fs/promises';
import { DeviceLostError } from '@dpt-webgpu/tensor';
import { askForModel, askForPath, type LastUsed, readLastUsed, rememberLastUsed } from '../ask.ts';
import type { Command, Io } from '../command.ts';
import { exitCodes, InterruptedError, messageOf, printable, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { type ImageOptions, imageFlags, imageOptions } from '../image_flags.ts';
import { inGroups, OpenModels } from '../image_models.ts';
import { lineOfDone, objectOfDone } from '../image_report.ts';
import { finishGroup, type ReadPicture, readInput } from '../image_work.ts';
import { findPictures, isInShard, STDIN } from '../inputs.ts';
import { chooseModel, type ModelChoice } from '../model_choice.ts';
import { networkOptions } from '../model_flags.ts';
import { muggledFlags } from '../muggled_flags.ts';
import { type PlannedPicture, planFiles, removeAbandonedParts } from '../output_files.ts';

export const image: Command = {
  name: 'image',
  usage: 'PICTURE... [flags]',
  summary: 'write the depth maps of pictures',
  flags: imageFlags,
  aliases: muggledFlags,
  details: [
    "PICTURE is a file, a folder (with all below it), a pattern in quotes such as 'photos/**/*.jpg', or - for what is piped in. Run without one at a terminal, it asks. What is below a folder keeps its place below the output folder.",
    'Files are named after the picture: cat.jpg becomes cat.png and cat.jpg (coloured, near is bright), cat.16.png (16-bit grey), cat.npy, cat.pfm and cat.exr (float32, rows by columns of the upright picture), cat.glb, cat.ply, or cat.obj with cat.mtl and cat.texture.jpg (a surface or points). A second picture of the same name keeps its extension: cat.png becomes cat.png.png. Pictures are never overwritten, results are. No file is ever half written: after a stop, --skip-existing goes on.',
    'Floats are what the network gave: inverse depth up to scale and shift (large is near) of relative models, metres of metric ones. With --near and --far, --calibrate or --values metres, npy, pfm and exr are metres, and png16 is millimetres (see --levels-per-metre). Otherwise the least value of png16 is 0 and the greatest 65535; the printed range brings the values back.',
    'glb, ply and obj are in metres where these are known, else the nearest point is at 0.5 and the farthest at 1. Plane, thresholds and the like change png, jpg, masks and --values shown; the plane also changes the metres of relative models.',
    'A picture that cannot be read is reported, the others are done all the same, and the exit code is 1.',
    'Flags of muggled_dpt that mean the same are understood: -i, -b, -ar, -f32, -nc and their long names, with dashes or underscores.',
  ],
  examples: [
    'dpt image photo.jpg',
    'dpt image photos -o maps --format png,npy --colormap spectral',
    'dpt image photos --skip-existing --shard 2/8 --json',
    'dpt image photo.jpg -m depth_anything_v2_vits.pth --size 770 --dtype f16',
    'dpt image photo.jpg --calibrate 120,340=2.5,900,200=7 --format exr --settings',
    'dpt image photo.jpg --format glb --near 1 --far 4',
    'dpt image -- -photo-with-a-dash.jpg',
  ],
  run,
};

async function run(args: Arguments, io: Io): Promise<number> {
  const options = imageOptions(args);
  const network = networkOptions(args);
  const quiet = args.has('quiet');
  const json = args.has('json');
  const note = quiet ? () => {} : io.error;
  const { given, chosen } = await choose(args, quiet ? undefined : io.ask, io);

  const found = await findPictures(given, { output: options.folder, signal: io.signal });
  // Names are given out before the shares are dealt, so that every share has the same.
  const planned = await planFiles(found, options, [chosen.path]);
  const { shard } = options;
  const ours = shard ? planned.filter((picture) => isInShard(picture, shard)) : planned;
  await removeAbandonedParts(ours);
  const todo = options.skipExisting ? await withoutFinished(ours) : ours;
  const skipped = ours.length - todo.length;
  if (skipped > 0) note(`${skipped} of ${ours.length} pictures are done already.`);
  if (todo.length > 0) for (const line of chosen.notes) note(line);

  const begin = performance.now();
  const models = new OpenModels(chosen.path, network, options, io, note);
  const failed = await doAll(todo, options, models, {
    ...io,
    out: quiet ? () => {} : io.out,
    json: json && !quiet,
  });
  const seconds = Number(((performance.now() - begin) / 1000).toFixed(3));
  if (json && !quiet) {
    const summary = { pictures: ours.length, done: todo.length - failed, skipped, failed, seconds };
    io.out(JSON.stringify({ summary }));
  } else if (failed > 0 && ours.length > 1) {
    io.error(`dpt image: ${failed} of ${ours.length} pictures failed.`);
  }
  return failed > 0 ? exitCodes.failed : exitCodes.done;
}

/** What to work on and with: as the command line says, or asked for where somebody can answer. */
async function choose(
  args: Arguments,
  ask: Io['ask'],
  io: Io,
): Promise<{ given: readonly string[]; chosen: ModelChoice }> {
  const { positionals } = args;
  const last: LastUsed = ask ? await readLastUsed(io.env) : {};
  const asked =
    positionals.length === 0 && ask
      ? await askForPath(io, ask, { what: 'Picture or folder', last: last.picture })
      : undefined;
  const given = asked === undefined ? positionals : [asked];
  if (given.length === 0) throw new UsageError('which picture? For example: dpt image photo.jpg');
  const model = args.text('model') ?? (ask && (await askForModel(io, ask, last.model)));
  const chosen = await chooseModel(model, { env: io.env });
  if (ask) {
    const picture = given.find((path) => path !== STDIN);
    await rememberLastUsed(io.env, { ...(picture && { picture }), model: chosen.path });
  }
  return { given, chosen };
}

/** Files come under their names when they are whole, so those that are there are done. */
async function withoutFinished(pictures: readonly PlannedPicture[]): Promise<PlannedPicture[]> {
  const rest: PlannedPicture[] = [];
  for (const picture of pictures) {
    const present = await Promise.all(
      picture.files.map(({ file }) =>
        access(file).then(
          () => true,
          () => false,
        ),
      ),
    );
    if (!present.every(Boolean)) rest.push(picture);
  }
  return rest;
}

/** Does one picture after the other, reports each, and returns how many failed. */
async function doAll(
  todo: readonly PlannedPicture[],
  options: ImageOptions,
  models: OpenModels,
  io: Io & { readonly json: boolean },
): Promise<number> {
  let failed = 0;
  let ended = 0;
  const begin = performance.now();
  const fail = ({ path }: PlannedPicture, error: unknown): void => {
    failed++;
    const message = messageOf(error);
    if (io.json) io.out(JSON.stringify({ picture: path, error: message }));
    const named = message.includes(printable(path));
    io.error(`dpt image: ${named ? message : `${printable(path)}: ${message}`}`);
  };
  const read = todo.map((picture) => () => readInput(picture, options, io));
  try {
    for await (const group of inGroups<ReadPicture>(read, options.batch)) {
      io.signal.throwIfAborted();
      const reported = new Set<PlannedPicture>();
      try {
        const [{ error }] = group as [ReadPicture];
        if (error !== undefined) throw error;
        for await (const done of finishGroup(group, options, models, io)) {
          io.progress.clear();
          reported.add(done.picture);
          if (!('depth' in done)) fail(done.picture, done.error);
          else io.out(io.json ? JSON.stringify(objectOfDone(done)) : lineOfDone(done));
        }
      } catch (error) {
        io.progress.clear();
        if (io.signal.aborted) throw new InterruptedError();
        // Without a model no other picture fares better.
        if (models.failed || error instanceof DeviceLostError) throw error;
        for (const { picture } of group) if (!reported.has(picture)) fail(picture, error);
      }
      ended += group.length;
      if (todo.length > 1)
        io.progress.report(paceOf(ended, todo.length, begin), ended, todo.length);
    }
  } finally {
    if (!io.signal.aborted) await models.close();
  }
  return failed;
}

/** `12 of 300 pictures, 3.1 per second, 1:33 left,` */
function paceOf(done: number, total: number, begin: number): string {
  const seconds = (performance.now() - begin) / 1000;
  const perSecond = done / seconds;
  const left = Math.round((total - done) / perSecond);
  const [hours, minutes] = [Math.floor(left / 3600), Math.floor(left / 60) % 60];
  const two = (number: number): string => String(number).padStart(2, '0');
  const time = hours > 0 ? `${hours}:${two(minutes)}` : String(minutes);
  const rate =
    perSecond >= 1 ? `${perSecond.toFixed(1)} per second` : `${(1 / perSecond).toFixed(1)} s each`;
  return `${done} of ${total} pictures, ${rate}, ${time}:${two(left % 60)} left,`;
}

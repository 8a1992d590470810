import { basename } from 'node:path';
import { rangeOf } from '@dpt-webgpu/dpt';
import type { Cropped } from './crop.ts';
import type { FinishedDepth } from './depth_chain.ts';
import { printable } from './errors.ts';
import type { ImageOptions } from './image_flags.ts';
import type { Licence } from './licences.ts';
import type { OpenedModel } from './open_model.ts';
import type { PlannedPicture } from './output_files.ts';

/** A picture that is done. */
export interface Done {
  readonly picture: PlannedPicture;
  /** What was predicted: the picture, or what was cropped of it. */
  readonly photo: Cropped;
  readonly depth: FinishedDepth;
  /** From the pixels to the map; a share of it where pictures were run together. */
  readonly milliseconds: number;
}

/** The line on stdout. */
export function lineOfDone({ picture, depth, milliseconds }: Done): string {
  const { width, height } = depth.networkSize;
  const { min, max } = rangeOf(depth.data);
  const unit = depth.kind === 'metric' ? ' m' : '';
  const facts = [
    `${width}×${height}`,
    `${Math.round(milliseconds)} ms`,
    `values ${min} … ${max}${unit}`,
    ...metresOf(depth),
  ];
  const written = picture.files.map(({ file }) => printable(file)).join(', ');
  return `${printable(picture.path)} → ${written}  (${facts.join(', ')})`;
}

function metresOf({ kind, metres, calibration }: FinishedDepth): string[] {
  const facts: string[] = [];
  if (kind === 'relative' && metres) {
    const { min, max } = rangeOf(metres);
    facts.push(`${min.toPrecision(4)} … ${max.toPrecision(4)} m`);
  }
  if (calibration) {
    const { slope, offset, residuals } = calibration;
    const errors = residuals.map(
      (error) => `${error < 0 ? '−' : '+'}${Math.abs(error).toFixed(3)}`,
    );
    facts.push(
      `calibrated: A = ${slope.toPrecision(5)}, B = ${offset.toPrecision(5)}, errors ${errors.join(' ')} m`,
    );
  }
  return facts;
}

/** The object that `--json` prints. */
export function objectOfDone({ picture, photo, depth, milliseconds }: Done): object {
  const { width, height, networkSize, kind, calibration } = depth;
  const { min, max } = rangeOf(depth.data);
  return {
    picture: picture.path,
    files: picture.files.map(({ file }) => file),
    photo: { width: photo.width, height: photo.height },
    map: { width, height },
    network: networkSize,
    kind,
    range: [min, max],
    ...(kind === 'relative' && depth.metres ? { metres: finiteRange(depth.metres) } : {}),
    ...(calibration ? { calibration } : {}),
    milliseconds: Math.round(milliseconds),
  };
}

/** JSON has no infinity. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

function finiteRange(map: Float32Array): readonly (number | null)[] {
  const { min, max, nonFinite } = rangeOf(map);
  return [min, nonFinite > 0 ? null : max];
}

/** What `--settings` writes: everything that a file's numbers depend on. */
export function settingsFile(
  done: Done,
  options: ImageOptions,
  { config, model, licence }: Pick<OpenedModel, 'config' | 'model' | 'licence'>,
  modelPath: string,
): Uint8Array {
  const { picture, photo, depth } = done;
  const { line, calibration, kind } = depth;
  const { min, max } = rangeOf(depth.data);
  const content = {
    program: 'dpt-webgpu',
    picture: basename(picture.path),
    crop: options.crop
      ? { x: photo.left, y: photo.top, width: photo.width, height: photo.height }
      : null,
    files: Object.fromEntries(
      picture.files
        .filter(({ kind }) => kind !== 'settings')
        .map(({ kind, file }) => [kind, basename(file)]),
    ),
    map: { width: depth.width, height: depth.height },
    network: { ...depth.networkSize, dtype: model.weights.dtype, preset: config.preset },
    model: { file: basename(modelPath), family: config.family, ...licenceFields(licence) },
    values: {
      kind: options.values,
      unit: unitOf(options, kind),
      /** value = offset + level · step */
      png16: png16Scale(options, min, max),
    },
    // In the numbers of the network: inverse depth up to scale and shift, or metres.
    range: { kind, min, max },
    // 1 / metres = slope · nearness + offset, and never beyond the limit.
    ...(kind === 'relative' && depth.metres
      ? {
          metres: {
            slope: line.slope,
            offset: line.offset,
            limit: finite(line.limit),
            assumed: isAssumed(options),
          },
        }
      : {}),
    ...(calibration
      ? { calibration: { points: options.known, errors: calibration.residuals } }
      : {}),
    settings: {
      tiles: options.tiles,
      flip: options.flip,
      upsample: options.upsample,
      percentiles: options.settings.percentiles ?? [0, 100],
      plane: options.settings.planeStrength,
      thresholds: options.settings.thresholds,
      gamma: options.settings.gamma,
      highContrast: options.equalise,
      reverse: options.settings.reverse,
      invertMask: options.settings.invertMask,
      colormap: options.colourMap,
      fov: options.fov,
      edge: options.edge ?? null,
      faces: options.faces,
    },
  };
  return new TextEncoder().encode(`${JSON.stringify(content, undefined, 2)}\n`);
}

const licenceFields = ({ licence, source }: Licence): object => ({
  licence,
  licenceSource: source,
});

const isAssumed = ({ line, known }: ImageOptions): boolean => !line && known.length === 0;

function unitOf({ values }: ImageOptions, kind: FinishedDepth['kind']): string {
  if (values === 'shown') return '0 to 1, as shown';
  if (values === 'metres' || kind === 'metric') return 'metres';
  return 'inverse depth up to scale and shift';
}

function png16Scale(
  { values, levelsPerMetre }: ImageOptions,
  min: number,
  max: number,
): { step: number; offset: number } {
  if (values === 'metres') return { step: 1 / levelsPerMetre, offset: 0 };
  if (values === 'shown') return { step: 1 / 65_535, offset: 0 };
  return { step: (max - min) / 65_535, offset: min };
}

import {
  colourWords,
  type DepthKind,
  type DptConfig,
  depthLevels,
  depthMask,
  depthPipeline,
  depthSettings,
  guidedUpsample,
  inverseToDepth,
  lineBetween,
  lineValues,
  normals,
  normalsToRgba,
  planeOfBestFit,
  type ResizeMethod,
  resizeMap,
  reverseLevels,
  subtractPlane,
  viewValues,
} from '@dpt-webgpu/dpt';
import {
  type Context,
  defineKernel,
  lookup,
  plan,
  type Recording,
  record,
  subtract,
  type Tensor,
  type Trace,
} from '@dpt-webgpu/tensor';
import type { Gpu } from '../gpu.ts';
import histogramShader from '../shaders/histogram.wgsl?raw';
import { HISTOGRAM_BINS, type Look } from './image_calls.ts';

const histogramKernel = defineKernel('histogram', {
  source: histogramShader,
  reads: ['x'],
  writes: ['counts'],
  params: { size: 'u32', groups: 'u32' },
});

/** How many values fall into each of 64 equal parts of 0…1, in parts that are summed on the host.   x [...] → [groups, 64] */
export function histogram(x: Tensor): Tensor {
  const groups = Math.min(Math.ceil(x.size / 4096), 64);
  const counts = x.context.empty([groups, HISTOGRAM_BINS], 'u32', `${x.name}.histogram`);
  histogramKernel.dispatch({ x, counts }, { params: { size: x.size, groups }, workgroups: groups });
  return counts;
}

export interface LookShape {
  /** Of the map as it left the network. */
  readonly map: readonly [height: number, width: number];
  /** Of what is shown or saved. */
  readonly shown: readonly [height: number, width: number];
  readonly kind: DepthKind;
  readonly method: ResizeMethod;
  /** Edges are where the photo has them, whose pixels `runLook` gets. */
  readonly guided: boolean;
}

/** A look at a map [1, H, W]. `size`: what the photo is shown or saved at; without it, and without upsampling, the map's own. */
export function lookShape(
  { depth: kind, image }: DptConfig,
  depth: Tensor,
  { upsample }: Look,
  size?: readonly [height: number, width: number],
): LookShape {
  const [, H, W] = depth.dims('1 H W') as [number, number, number];
  const map = [H, W] as const;
  const method = upsample === 'model' ? image.depthFilter : 'bilinear';
  if (!size || upsample === 'none') return { map, shown: map, kind, method, guided: false };
  return { map, shown: size, kind, method, guided: upsample === 'guided' };
}

export type LookRecording = Recording<LookInput, LookOutput>;
type LookInput = 'depth' | 'settings' | 'cut' | 'colours' | 'line' | 'fov' | 'pixels';
export type LookOutput =
  | 'nearness'
  | 'values'
  | 'rgba'
  | 'mask'
  | 'metres'
  | 'normals'
  | 'histogram';

/** Of the longer side of a photo, where nobody says: that of a normal lens. */
const FOV_DEGREES = 50;
/** A relative map has no metres. Normals need some, and a room's is a guess that looks right for most photos. */
const GUESSED = lineBetween(1, 10);

/** What decides which steps run; other settings are values in a tensor, and need no new recording. */
const stepsOf = ({ percentile, plane, contrast }: Look) => ({
  percentiles: percentile > 0,
  plane: plane !== 0,
  equalise: contrast,
});

export const lookKey = (look: Look, shape: LookShape): string =>
  JSON.stringify([stepsOf(look), look.normals, look.showPlane, shape]);

/** The picture pipeline of packages/dpt as a recording: depth [1, H, W] → everything that is shown or saved. */
export function recordLook(gpu: Gpu, look: Look, shape: LookShape): Promise<LookRecording> {
  const { inputs, forward } = lookSteps(look, shape);
  return record(gpu.context, inputs, forward);
}

/** What `recordLook` would run. */
export function planLook(context: Context, look: Look, shape: LookShape): Trace {
  const { inputs, forward } = lookSteps(look, shape);
  return plan(context, inputs, forward);
}

function lookSteps(look: Look, shape: LookShape) {
  const [H, W] = shape.map;
  const { shown, method, guided } = shape;
  const resized = guided || shown[0] !== H || shown[1] !== W;
  return {
    inputs: {
      depth: [1, H, W],
      settings: [8],
      cut: [8],
      colours: { shape: [256], dtype: 'u32' },
      line: [4],
      fov: [1],
      pixels: { shape: guided ? shown : [1, 1], dtype: 'u32' },
    },
    forward: ({
      depth,
      settings,
      cut,
      colours,
      line,
      fov,
      pixels,
    }: Readonly<Record<LookInput, Tensor>>): Readonly<Record<LookOutput, Tensor>> => {
      const resize = guided ? { guide: pixels } : { size: shown, method };
      const sized = (map: Tensor): Tensor =>
        guided ? guidedUpsample(map, pixels) : resized ? resizeMap(map, shown, method) : map;
      const { clean, nearness, values, rgba } = depthPipeline(depth, {
        settings,
        colours,
        kind: shape.kind,
        ...stepsOf(look),
        ...(resized ? { resize } : {}),
      });
      const metres = shape.kind === 'metric' ? sized(clean) : inverseToDepth(nearness, line);
      // At the size of the map: a map that was made larger between its pixels has facets, and normals show each of them. One that
      // the photo guided has none.
      const facing = (): Tensor => {
        if (guided) return normals(metres, fov);
        if (shape.kind === 'metric') return normals(clean, fov);
        const { nearness: own } = resized
          ? depthPipeline(depth, { settings, kind: shape.kind, ...stepsOf(look) })
          : { nearness };
        return normals(inverseToDepth(own, line), fov);
      };
      // The plane alone, coloured as the map is: what is left when the map without it is taken from the map.
      const plane = (): Tensor => {
        const { nearness: all } = depthPipeline(depth, {
          settings,
          kind: shape.kind,
          percentiles: look.percentile > 0,
        });
        const fitted = subtract(all, subtractPlane(all, planeOfBestFit(all), cut));
        return lookup(
          reverseLevels(depthLevels(sized(fitted), settings).levels, settings),
          colours,
        );
      };
      return {
        nearness,
        values,
        rgba: look.showPlane ? plane() : rgba,
        mask: depthMask(nearness, cut),
        metres,
        normals: look.normals ? normalsToRgba(facing()) : rgba,
        histogram: histogram(nearness),
      };
    },
  } as const;
}

/** Runs a look on a map that lies on the device. The pixels of one that is guided are there already. */
export function runLook(gpu: Gpu, recording: LookRecording, look: Look, depth: Tensor): void {
  const { device } = gpu;
  const { inputs } = recording;
  const encoder = device.createCommandEncoder({ label: 'look' });
  encoder.copyBufferToBuffer(depth.buffer, 0, inputs.depth.buffer, 0, depth.bytes);
  inputs.settings.write(
    depthSettings({
      percentiles: [look.percentile, 100 - look.percentile],
      planeStrength: look.plane,
      thresholds: [look.low, look.high],
      gamma: look.gamma,
      reverse: look.reverse,
    }),
  );
  inputs.cut.write(
    depthSettings({
      thresholds: [look.cutLow, look.cutHigh],
      invertMask: look.cutInvert,
      // All of the plane, for who shows it; the mask does not look at it.
      planeStrength: 1,
    }),
  );
  inputs.colours.write(colourWords(look.colourMap));
  const line = look.line ? { ...look.line, limit: 1000 } : GUESSED;
  inputs.line.write(lineValues(line));
  inputs.fov.write(viewValues(FOV_DEGREES));
  recording.encode(encoder);
  device.queue.submit([encoder.finish()]);
}

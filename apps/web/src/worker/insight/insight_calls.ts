import type { ColourMap, DepthKind } from '@dpt-webgpu/dpt';
import type { ModelOptions, ModelSource } from '../model_calls.ts';
import type { Call } from '../protocol.ts';
import type { CutGrid } from './window_place.ts';

/** The boxes of figure 1, in its order. */
export const boxes = ['patch_embed', 'encoder', 'reassemble', 'fusion', 'head'] as const;
export type Box = (typeof boxes)[number];

/** One tensor of the model, known from its plan. */
export interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** What a box of figure 1 takes, from the plan alone. */
export interface BoxPlan {
  readonly box: Box;
  readonly dispatches: number;
  readonly weightBytes: number;
  /** Of the intermediates alive at once while the box works, at most. */
  readonly peakBytes: number;
}

/** How one block of a hierarchical encoder cuts its grid. */
export interface BlockWindows extends CutGrid {
  /** From 0; the grid halves from stage to stage. */
  readonly stage: number;
  /** Among the blocks of the stage, from 0. */
  readonly index: number;
  readonly heads: number;
}

export interface InsightFacts {
  readonly model: string;
  readonly photo: string;
  readonly width: number;
  readonly height: number;
  readonly grid: readonly [rows: number, columns: number];
  /** The size that was wanted, where it was too much for the attention of one block. */
  readonly reducedFrom: number | undefined;
  readonly size: number;
  /** Blocks of the encoder, by name. */
  readonly blocks: readonly string[];
  /** Absent where the encoder attends within windows. */
  readonly attention:
    | { readonly heads: number; readonly tokens: number; readonly bytes: number }
    | undefined;
  /** Of each block, where the encoder attends within windows. */
  readonly windows: readonly BlockWindows[] | undefined;
  /** Rows of tokens before the patches: the readout token, or none. */
  readonly readout: 0 | 1;
  readonly features: number;
  readonly tensors: readonly TensorEntry[];
  readonly plan: readonly BoxPlan[];
  readonly planBytes: number;
  readonly levels: readonly string[];
}

/** A picture of numbers, row by row. */
export interface NumberMap {
  readonly values: Float32Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

/** How the attention of one patch is asked for: where it looks (row), or who looks at it (column). */
export interface AttentionQuery {
  readonly block: number;
  /** Row of the token among those of the block, the readout token included. */
  readonly token: number;
  readonly column: boolean;
}

export interface TensorStatistics {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  readonly notFinite: number;
  /** Counts of 64 equal parts from the smallest to the largest. */
  readonly histogram: readonly number[];
}

/** How far a tensor is from another. */
export interface Agreement {
  /** max|difference| and mean|difference|. */
  readonly largest: number;
  readonly mean: number;
  /** Root mean square of the difference / standard deviation of the other. */
  readonly relative: number;
  readonly correlation: number;
}

/** A tensor that was kept, and the run it came from. */
export interface ReferenceFacts {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly model: string;
  readonly photo: string;
  readonly width: number;
  readonly height: number;
}

/** The chosen tensor, what was kept, or the first minus the second. */
export type Shown = 'tensor' | 'reference' | 'difference';

export interface TensorFacts extends TensorStatistics {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Of the last axis, or maps of attention: what can be looked at one by one. */
  readonly channels: number;
  readonly reference: ReferenceFacts | undefined;
  /** How far the tensor is from the reference, or why they cannot be compared. */
  readonly compared: Agreement | string | undefined;
}

/** A map of numbers as the page shows it: it comes coloured, and the page looks at no pixel. */
export interface Picture {
  readonly bitmap: ImageBitmap;
  /** The values that the ends of the colours stand for. */
  readonly low: number;
  readonly high: number;
}

/** One map of the tensor: a channel, or the length of the vector at each place. */
export interface TensorSlice extends NumberMap {
  /** Of the readout token, which has no place in the picture. */
  readonly readout: number | undefined;
}

export type SlicePicture = Picture & Omit<TensorSlice, 'values'>;

export interface BlockNorms extends NumberMap {
  readonly block: number;
  readonly readout: number | undefined;
}

/** How a depth map is coloured, as on the other pages. */
export interface DepthShades {
  readonly map: ColourMap;
  readonly reverse: boolean;
  /** Histogram equalisation. */
  readonly contrast: boolean;
}

export interface FusionResult {
  readonly before: Picture;
  readonly after: Picture;
  /** The mean of |after − before|, in the range of the map as it is. */
  readonly change: number;
  /** Of fusion and head alone. */
  readonly time: number;
}

/** One of two runs that are compared. */
export interface ComparedRun {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly dtype: 'f32' | 'f16';
  readonly depth: DepthKind;
  /** Of a run that had one before it, with the way back to the host. */
  readonly time: number;
  readonly weightBytes: number;
}

export interface ModelComparison {
  readonly runs: readonly [ComparedRun, ComparedRun];
  /** On the pixels and in the units of the first run, after the fit; inverse depth. */
  readonly agreement: Agreement;
  readonly fit: { readonly scale: number; readonly shift: number };
  /** Largest minus smallest inverse depth of the first. */
  readonly range: number;
}

export interface Timing {
  readonly clock: 'gpu' | 'wall';
  readonly total: number;
  readonly boxes: readonly { readonly box: Box; readonly milliseconds: number }[];
  readonly ops: readonly {
    readonly op: string;
    readonly milliseconds: number;
    readonly count: number;
  }[];
  readonly slowest: readonly { readonly label: string; readonly milliseconds: number }[];
}

export interface ParityRow {
  readonly file: string;
  readonly name: string;
  readonly box: Box;
  readonly shape: readonly number[];
  /** max|error| / std(reference). */
  readonly error: number;
  readonly allowed: number;
  readonly passed: boolean;
  /** The length of the difference over the channels, at each place, from none to the largest. */
  readonly where: ImageBitmap;
}

export interface ParityReport {
  readonly adapter: string;
  readonly model: string;
  readonly dtype: 'f32' | 'f16';
  readonly rows: readonly ParityRow[];
  readonly time: number;
}

export interface NamedBlob {
  readonly blob: Blob;
  readonly name: string;
}

interface Count {
  readonly done: number;
  readonly total: number;
}

export interface InsightCalls {
  /** Takes a photo, or the one that the image page has open. Undefined when there is none. */
  readonly 'insight.open': Call<
    { readonly photo: NamedBlob | undefined },
    | {
        readonly name: string;
        readonly width: number;
        readonly height: number;
        readonly bitmap: ImageBitmap;
      }
    | undefined
  >;
  /** Plans the model at a size (0: its own) and prepares the photo. */
  readonly 'insight.setup': Call<{ readonly size: number }, InsightFacts, Count>;
  /**
   * Runs the encoder and keeps the attention of one block on the host: [heads, tokens] per question. Within windows:
   * [heads, h·w], as the tokens stand in the window.
   */
  readonly 'insight.attention': Call<AttentionQuery, Float32Array<ArrayBuffer>>;
  /**
   * The mean over the heads in every block, a few blocks at a time: [blocks, tokens]. Within windows the token is one of
   * the finest grid, and each block has h·w numbers.
   */
  readonly 'insight.meanAttention': Call<
    Omit<AttentionQuery, 'block'>,
    Float32Array<ArrayBuffer> | undefined,
    Count
  >;
  /** One map per block: a channel of the tokens that it hands on, or their lengths. */
  readonly 'insight.norms': Call<
    { readonly channel: number | undefined },
    readonly BlockNorms[],
    Count
  >;
  /** Fusion and head with these scales, unless that is what ran last: then the colours alone. */
  readonly 'insight.fusion': Call<
    { readonly scales: readonly number[]; readonly shades: DepthShades },
    FusionResult
  >;
  readonly 'insight.tensor': Call<{ readonly name: string }, TensorFacts>;
  readonly 'insight.slice': Call<
    { readonly channel: number | undefined; readonly shown: Shown; readonly map: ColourMap },
    SlicePicture
  >;
  /** All values of what is shown as an NPY file. */
  readonly 'insight.npy': Call<{ readonly of: Shown | 'fusion' | 'compared' }, Blob>;
  /** Keeps the chosen tensor, to compare later ones with it, or forgets the one that was kept. */
  readonly 'insight.keep': Call<{ readonly keep: boolean }, undefined>;
  /** Runs the model in use and another one on the photo. Without a source it is the same model. Size 0: the one in use, or what fits. */
  readonly 'insight.compare': Call<
    {
      readonly source: ModelSource | undefined;
      readonly size: number;
      readonly options: ModelOptions;
    },
    ModelComparison,
    Count
  >;
  /** Both maps of the last comparison, and the second minus the first. */
  readonly 'insight.comparePictures': Call<
    { readonly map: ColourMap },
    readonly [first: Picture, second: Picture, difference: Picture]
  >;
  readonly 'insight.time': Call<undefined, Timing>;
  /** Runs golden tensors. Without files, those that come with the site. */
  readonly 'insight.parity': Call<
    {
      readonly model: NamedBlob | undefined;
      readonly golden: readonly NamedBlob[];
      readonly dtype: 'f32' | 'f16';
      /** Of the pictures of where tensors differ. */
      readonly map: ColourMap;
    },
    ParityReport,
    Count
  >;
}

import type { DepthKind, Family, Preset, Sizing } from '@dpt-webgpu/dpt';
import type { GpuInfo } from './gpu.ts';
import type { Call, Failure } from './protocol.ts';

/** Of the file of the model that comes with the page. */
export const BUNDLED_BYTES = 4_286_354;

/** Where a model comes from. */
export type ModelSource =
  | { readonly kind: 'bundled' }
  /** A file in the browser's private files, by its name there. */
  | { readonly kind: 'stored'; readonly file: string }
  | { readonly kind: 'file'; readonly file: File };

export type Precision = 'auto' | 'f32' | 'f16';

/** What a file cannot say, or what is to be different. */
export interface ModelOptions {
  readonly preset: Preset;
  readonly precision: Precision;
  readonly family?: Family | undefined;
  /** Metres at the far end of a metric model. */
  readonly maxDepth?: number | undefined;
}

export interface ModelInfo {
  readonly source: ModelSource;
  readonly options: ModelOptions;
  /** `Depth Anything V2 Small`. */
  readonly title: string;
  readonly file: string;
  readonly family: Family;
  /** The configuration in one line. */
  readonly summary: string;
  readonly dtype: 'f32' | 'f16';
  readonly depth: DepthKind;
  readonly maxDepth: number | undefined;
  readonly baseSize: number;
  readonly multiple: number;
  readonly sizing: Sizing;
  readonly weightBytes: number;
  readonly licence: string | undefined;
  readonly warnings: readonly string[];
}

export interface Bytes {
  readonly done: number;
  readonly total: number;
  /** All of it is there, and is compared with the published checksum. */
  readonly checking?: boolean;
}

export type ModelState =
  | { readonly state: 'none' }
  | {
      readonly state: 'loading';
      readonly title: string;
      readonly source: ModelSource;
      readonly bytes?: Bytes;
    }
  | { readonly state: 'ready'; readonly info: ModelInfo }
  | { readonly state: 'failed'; readonly title: string; readonly failure: Failure };

/** What running a model takes, and whether this device has it. */
export interface Needs {
  /** The slider's size, and what the network would see. */
  readonly size: number;
  readonly width: number;
  readonly height: number;
  /** Weights, intermediates, and the largest single buffer. */
  readonly bytes: number;
  readonly largestBuffer: number;
  readonly available: number;
  readonly fits: boolean;
}

/** What is known of a file without loading it. */
export interface Inspection {
  readonly title: string;
  readonly family: Family;
  readonly families: readonly Family[];
  readonly summary: string;
  readonly depth: DepthKind;
  readonly maxDepth: number | undefined;
  readonly licence: string | undefined;
  readonly warnings: readonly string[];
  readonly needs: Needs;
  /** A smaller size that fits where the usual one does not. */
  readonly proposed: Needs | undefined;
  /** What the file does not say and a person must; what stands here meanwhile is a guess. */
  readonly asks: readonly ('family' | 'maxDepth')[];
}

/** What a published model would need, told from the shapes of its tensors before anything is downloaded. */
export interface Forecast {
  readonly needs: Needs;
  readonly proposed: Needs | undefined;
  readonly summary: string;
}

/** A model in the browser's private files. */
export interface StoredModel {
  readonly file: string;
  /** Known once it was loaded. */
  readonly title: string | undefined;
  readonly bytes: number;
  /** Downloaded so far, of how many, where that is not all. */
  readonly partial: Bytes | undefined;
  /** It is being written, by this tab or another. */
  readonly writing: boolean;
  readonly licence: string | undefined;
  readonly options: Partial<ModelOptions>;
}

export interface StoreList {
  readonly models: readonly StoredModel[];
  readonly used: number;
  readonly quota: number;
  /** Absent where the browser has no private files for pages. */
  readonly available: boolean;
}

/** A published file to download. */
export interface Download {
  readonly file: string;
  readonly url: string;
  readonly bytes?: number | undefined;
  readonly sha256?: string | undefined;
  readonly licence: string;
}

export interface ModelCalls {
  readonly 'gpu.open': Call<undefined, GpuInfo>;
  /** Gives the device up and asks for another, with the model that was loaded. */
  readonly 'gpu.reopen': Call<undefined, GpuInfo>;
  /** No more tries to get a lost device back. */
  readonly 'gpu.stop': Call<undefined, undefined>;
  readonly 'gpu.memory': Call<undefined, number>;
  readonly 'model.open': Call<
    { readonly source: ModelSource; readonly options: ModelOptions },
    ModelInfo,
    Bytes
  >;
  /** Gives up the loading that is under way. */
  readonly 'model.stop': Call<undefined, undefined>;
  /** By the name in the manifest; undefined for one whose shapes are not known. */
  readonly 'model.forecast': Call<{ readonly name: string }, Forecast | undefined>;
  readonly 'model.inspect': Call<
    { readonly source: ModelSource; readonly options: ModelOptions; readonly size?: number },
    Inspection
  >;
  /** What the loaded model takes for a photo of these sides. */
  readonly 'model.needs': Call<
    {
      readonly width: number;
      readonly height: number;
      readonly size: number;
      readonly square: boolean;
    },
    Needs
  >;
  readonly 'store.list': Call<undefined, StoreList>;
  readonly 'store.import': Call<
    { readonly file: File; readonly options: Partial<ModelOptions> },
    StoredModel,
    Bytes
  >;
  readonly 'store.download': Call<Download, StoredModel, Bytes>;
  /** Keeps what is known of a model, or was said about it, with its file. */
  readonly 'store.remember': Call<
    {
      readonly file: string;
      readonly options?: Partial<ModelOptions>;
      readonly title?: string;
      readonly licence?: string;
    },
    undefined
  >;
  readonly 'store.remove': Call<{ readonly file: string }, undefined>;
  readonly 'store.clear': Call<undefined, undefined>;
}

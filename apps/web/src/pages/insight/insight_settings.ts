import { type ColourMap, colourMaps } from '@dpt-webgpu/dpt';
import { flag, number, numbers, oneOf, type Schema, type Setting } from '../../settings.ts';
import type { Shown } from '../../worker/insight/insight_calls.ts';

export const tools = [
  'attention',
  'norms',
  'fusion',
  'stages',
  'compare',
  'time',
  'parity',
] as const;
export type ToolId = (typeof tools)[number];

export interface InsightSettings {
  readonly tool: ToolId;
  /** 0: the model's own. */
  readonly size: number;
  readonly map: ColourMap;
  /** Of a depth map's colours, as on the other pages. */
  readonly reverse: boolean;
  readonly contrast: boolean;
  readonly block: number;
  readonly direction: 'row' | 'column';
  readonly log: boolean;
  readonly strength: number;
  readonly outline: boolean;
  /** The readout token as the border of a head's picture. */
  readonly border: boolean;
  /** The heads below the photo, not beside it. */
  readonly below: boolean;
  /** Pictures beside each other; 0: as many as look well. */
  readonly columns: number;
  /** Row and column of the patch, where one is picked. */
  readonly patch: readonly number[];
  readonly norms: 'image' | 'norm' | 'channel';
  readonly channel: number;
  readonly histogram: boolean;
  /** Narrower bins. */
  readonly fine: boolean;
  readonly bars: boolean;
  /** Of the four levels; none is all 1. */
  readonly scales: readonly number[];
  readonly tensor: string;
  readonly view: 'channel' | 'length';
  readonly plane: number;
  readonly shown: Shown;
  /** The model to compare with: none for the same, the bundled one, or a stored file. */
  readonly other: string;
  /** 0: the other model's own. */
  readonly otherSize: number;
  readonly otherPrecision: 'f32' | 'f16';
}

const text: Setting<string> = {
  start: '',
  print: (value) => value,
  parse: (value) => (/^[\w.]{0,120}$/.test(value) ? value : undefined),
};

const file: Setting<string> = {
  ...text,
  parse: (value) => (/^[^/\\]{0,200}$/.test(value) ? value : undefined),
};

export const insightSchema: Schema<InsightSettings> = {
  tool: oneOf(tools, 'attention'),
  size: number(0, 0, 4096),
  map: oneOf<ColourMap>(colourMaps, 'viridis'),
  reverse: flag(false),
  contrast: flag(false),
  // Early blocks look everywhere; from the middle on there is something to see.
  block: number(5, 0, 100),
  direction: oneOf(['row', 'column'], 'row'),
  log: flag(true),
  strength: number(2, 0, 6),
  outline: flag(false),
  border: flag(true),
  below: flag(false),
  columns: number(0, 0, 12),
  patch: numbers(2, 0, 4096),
  norms: oneOf(['image', 'norm', 'channel'], 'norm'),
  channel: number(0, 0, 8192),
  histogram: flag(true),
  fine: flag(false),
  bars: flag(true),
  scales: numbers(4, -5, 5),
  tensor: text,
  view: oneOf(['channel', 'length'], 'length'),
  plane: number(0, 0, 8192),
  shown: oneOf(['tensor', 'reference', 'difference'], 'tensor'),
  other: file,
  otherSize: number(0, 0, 1036),
  otherPrecision: oneOf(['f32', 'f16'], 'f32'),
};

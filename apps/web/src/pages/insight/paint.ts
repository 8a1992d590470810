import { type ColourMap, colourise, colourTable } from '@dpt-webgpu/dpt';
import { h, setStyle } from '../../dom.ts';

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The smallest and the largest finite value. */
export function rangeOf(values: Float32Array): Range {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? { low, high } : { low: 0, high: 0 };
}

/** How values become shades: all of it as on the other pages. */
export interface Shades {
  readonly range?: Range | undefined;
  readonly reverse?: boolean;
  /** Histogram equalisation, before reversing. */
  readonly contrast?: boolean;
}

/** Colours values, one canvas pixel each: the style sheet makes them larger without smoothing. NaN stays clear. */
export function paint(
  canvas: HTMLCanvasElement,
  values: Float32Array,
  [width, height]: readonly [number, number],
  map: ColourMap,
  { range = rangeOf(values), reverse = false, contrast = false }: Shades = {},
): void {
  const { low, high } = range;
  const scale = high > low ? 1 / (high - low) : 0;
  const shares = values.map((value) => (value - low) * scale);
  const even = contrast ? equalised(shares) : shares;
  const colours = colourise(reverse ? even.map((share) => 1 - share) : even, map);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) colours[4 * i + 3] = 0;
  });
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pixels = new ImageData(new Uint8ClampedArray(colours), width, height);
  canvas.getContext('2d')!.putImageData(pixels, 0, 0);
}

/** Each of 256 levels moved to the share of values below it, the lowest to 0 (as `equaliseLevels` in @dpt-webgpu/dpt). */
export function equalised(shares: Float32Array): Float32Array {
  const levelOf = (share: number): number => Math.round(255 * Math.min(Math.max(share, 0), 1));
  const counts = new Float64Array(256);
  for (const share of shares) if (!Number.isNaN(share)) counts[levelOf(share)]!++;
  const least = counts.find((count) => count > 0) ?? 0;
  const all = counts.reduce((sum, count) => sum + count, 0);
  // All of one level: there is nothing to spread.
  if (all === least) return shares;
  let below = 0;
  const table = counts.map((count) => {
    below += count;
    return Math.max(0, (below - least) / (all - least));
  });
  return shares.map((share) => (Number.isNaN(share) ? share : table[levelOf(share)]!));
}

export function colourOf(value: number, map: ColourMap): string {
  const [r, g, b] = colourise([value], map);
  return `rgb(${r} ${g} ${b})`;
}

/** A picture of numbers with nothing on it yet. */
export function mapCanvas(label: string): HTMLCanvasElement {
  return h('canvas', { class: 'px', role: 'img', 'aria-label': label, width: 1, height: 1 });
}

export function gradient(element: HTMLElement, map: ColourMap): void {
  const table = colourTable(map);
  const stops = Array.from({ length: 17 }, (_, i) => {
    const at = 3 * Math.round((i * 255) / 16);
    return `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`;
  });
  setStyle(element, 'background', `linear-gradient(90deg, ${stops.join(', ')})`);
}

const SVG = 'http://www.w3.org/2000/svg';

/** Counts of equally wide parts, as bars or as a line. Heights go by the root, so that one high bin leaves the rest visible. */
export function histogram(counts: readonly number[], bars: boolean, label: string): SVGSVGElement {
  const plot = document.createElementNS(SVG, 'svg');
  plot.setAttribute('class', bars ? 'plot' : 'plot line');
  plot.setAttribute('viewBox', '0 0 1 1');
  plot.setAttribute('preserveAspectRatio', 'none');
  plot.setAttribute('role', 'img');
  plot.setAttribute('aria-label', label);
  const most = Math.sqrt(Math.max(...counts, 1));
  const width = 1 / counts.length;
  const points = counts.map((count, i) => {
    const y = (1 - Math.sqrt(count) / most).toFixed(4);
    return bars
      ? `L${(i * width).toFixed(4)} ${y}L${((i + 1) * width).toFixed(4)} ${y}`
      : `${i === 0 ? 'M' : 'L'}${((i + 0.5) * width).toFixed(4)} ${y}`;
  });
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', bars ? `M0 1${points.join('')}L1 1Z` : points.join(''));
  plot.append(path);
  return plot;
}

/** Several canvases in rows on one, for a file. Pixels are enlarged whole. */
export function sheetOf(
  canvases: readonly HTMLCanvasElement[],
  columns: number,
  side: number,
): HTMLCanvasElement {
  const [first] = canvases;
  if (!first) return h('canvas', { width: 1, height: 1 });
  const factor = Math.max(1, Math.floor(side / first.width));
  const [width, height] = [first.width * factor, first.height * factor];
  const gap = 8;
  const sheet = h('canvas', {
    width: columns * (width + gap) - gap,
    height: Math.ceil(canvases.length / columns) * (height + gap) - gap,
  });
  const context = sheet.getContext('2d')!;
  context.imageSmoothingEnabled = false;
  canvases.forEach((canvas, i) => {
    const [x, y] = [(i % columns) * (width + gap), Math.floor(i / columns) * (height + gap)];
    context.drawImage(canvas, x, y, width, height);
  });
  return sheet;
}

export function pngOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('No PNG was made.')))),
  );
}

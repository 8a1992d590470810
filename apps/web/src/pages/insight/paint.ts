import { type ColourMap, colourise, colourTable } from '@dpt-webgpu/dpt';
import { h, setStyle, svgElement } from '../../dom.ts';
import { coloured, type Range } from '../../worker/insight/map_colours.ts';

export { type Range, rangeOf } from '../../worker/insight/map_colours.ts';

/**
 * Colours values of tokens, one canvas pixel each: the style sheet makes them larger without smoothing. NaN stays clear. Maps
 * with as many pixels as the photo come coloured from the worker.
 */
export function paint(
  canvas: HTMLCanvasElement,
  values: Float32Array,
  size: readonly [width: number, height: number],
  map: ColourMap,
  range?: Range,
): void {
  resized(canvas, ...size).putImageData(coloured(values, size, map, range), 0, 0);
}

/** Shows a picture as it is, pixel by pixel. One that the worker made is given back. */
export function showPicture(
  canvas: HTMLCanvasElement,
  picture: ImageBitmap | HTMLCanvasElement,
): void {
  resized(canvas, picture.width, picture.height).drawImage(picture, 0, 0);
  if (picture instanceof ImageBitmap) picture.close();
}

function resized(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  return canvas.getContext('2d')!;
}

export function colourOf(value: number, map: ColourMap): string {
  const [r, g, b] = colourise([value], map);
  return `rgb(${r} ${g} ${b})`;
}

/** A picture of numbers with nothing on it yet. Without a label it is said by what stands around it. */
export function mapCanvas(label?: string): HTMLCanvasElement {
  const said = label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' };
  return h('canvas', { class: 'px', ...said, width: 1, height: 1 });
}

export function gradient(element: HTMLElement, map: ColourMap): void {
  const table = colourTable(map);
  const stops = Array.from({ length: 17 }, (_, i) => {
    const at = 3 * Math.round((i * 255) / 16);
    return `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`;
  });
  setStyle(element, 'background', `linear-gradient(90deg, ${stops.join(', ')})`);
}

/** Counts of equally wide parts, as bars or as a line. Heights go by the root, so that one high bin leaves the rest visible. */
export function histogram(counts: readonly number[], bars: boolean, label: string): SVGSVGElement {
  const plot = svgElement('svg', {
    class: bars ? 'plot' : 'plot line',
    viewBox: '0 0 1 1',
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': label,
  });
  const most = Math.sqrt(Math.max(...counts, 1));
  const width = 1 / counts.length;
  const points = counts.map((count, i) => {
    const y = (1 - Math.sqrt(count) / most).toFixed(4);
    return bars
      ? `L${(i * width).toFixed(4)} ${y}L${((i + 1) * width).toFixed(4)} ${y}`
      : `${i === 0 ? 'M' : 'L'}${((i + 0.5) * width).toFixed(4)} ${y}`;
  });
  plot.append(svgElement('path', { d: bars ? `M0 1${points.join('')}L1 1Z` : points.join('') }));
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

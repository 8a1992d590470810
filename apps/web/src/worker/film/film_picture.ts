import type { Size } from '@dpt-webgpu/dpt';
import type { Rect, View } from '../image/image_calls.ts';
import type { Recorded } from './film_calls.ts';
import { evenSize } from './movie_writer.ts';

/** What a recording may show: the film's frames, their maps, and the view on the page. */
export interface Recordable {
  readonly film: Size;
  readonly map: Size;
  readonly shown: View | undefined;
}

/** Frames that are wider than this lie above their maps, as in muggled_dpt: beside them they would be a ribbon. */
const WIDE = 2;

/** Pixels of a picture with its frame: beside it, or above it where it is wide. */
export function withFrame({ width, height }: Size): Size {
  return width > WIDE * height ? { width, height: 2 * height } : { width: 2 * width, height };
}

const oneOf = ({ size }: Recorded, { film, map }: Recordable): Size =>
  size === 'map' ? map : film;

/** Pixels of a recording, both even. `shown`: the view on the page, whose empty borders are left out. */
export function recordedSize(wanted: Recorded, from: Recordable): Size {
  if (wanted.size === 'shown' && from.shown) return evenSize(boundsOf(from.shown));
  const one = oneOf(wanted, from);
  return evenSize(wanted.beside ? withFrame(one) : one);
}

/** What is drawn into a recording of that size, or of a smaller one of its shape. */
export function recordedView(to: Size, wanted: Recorded, from: Recordable): View {
  const plain = { ...to, scale: 1, radius: 0 };
  const { shown } = from;
  if (wanted.size === 'shown' && shown) {
    const bounds = boundsOf(shown);
    const scale = Math.min(to.width / bounds.width, to.height / bounds.height);
    const place = ({ x, y, width, height }: Rect): Rect => ({
      x: (x - bounds.x) * scale + (to.width - bounds.width * scale) / 2,
      y: (y - bounds.y) * scale + (to.height - bounds.height * scale) / 2,
      width: width * scale,
      height: height * scale,
    });
    const panes = shown.panes.map(({ clip, ...pane }) => ({
      ...pane,
      rect: place(pane.rect),
      ...(clip ? { clip: place(clip) } : {}),
    }));
    return { ...plain, panes };
  }
  const whole = { x: 0, y: 0, ...to };
  if (!wanted.beside) return { ...plain, panes: [{ content: 'depth', rect: whole }] };
  const { width, height } = oneOf(wanted, from);
  const half =
    width > WIDE * height ? { ...whole, height: to.height / 2 } : { ...whole, width: to.width / 2 };
  const other = { ...half, x: to.width - half.width, y: to.height - half.height };
  return {
    ...plain,
    panes: [
      { content: 'photo', rect: half },
      { content: 'depth', rect: other },
    ],
  };
}

/** The part of the canvas that is covered. */
function boundsOf({ width, height, panes }: View): Rect {
  const seen = panes.map(({ rect, clip }) => clip ?? rect);
  const within = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  const left = within(Math.min(...seen.map(({ x }) => x)), width);
  const top = within(Math.min(...seen.map(({ y }) => y)), height);
  const right = within(Math.max(...seen.map((of) => of.x + of.width)), width);
  const bottom = within(Math.max(...seen.map((of) => of.y + of.height)), height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

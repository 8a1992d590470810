import type { Size } from '@dpt-webgpu/dpt';
import type { Rect, View } from '../image/image_calls.ts';
import type { Recorded } from './film_calls.ts';
import { evenSize } from './movie_writer.ts';

/** Pixels of a recording, both even. `shown`: the view on the page, whose empty borders are left out. */
export function recordedSize(
  { size, beside }: Recorded,
  { film, map, shown }: { film: Size; map: Size; shown: View | undefined },
): Size {
  if (size === 'shown' && shown) return evenSize(boundsOf(shown));
  const one = size === 'map' ? map : film;
  return evenSize({ width: (beside ? 2 : 1) * one.width, height: one.height });
}

/** What is drawn into a recording of that size. */
export function recordedView(to: Size, { size, beside }: Recorded, shown: View | undefined): View {
  const plain = { ...to, scale: 1, radius: 0 };
  if (size === 'shown' && shown) {
    const bounds = boundsOf(shown);
    const scale = Math.min(to.width / bounds.width, to.height / bounds.height);
    const place = ({ x, y, width, height }: Rect): Rect => ({
      x: (x - bounds.x) * scale + (to.width - bounds.width * scale) / 2,
      y: (y - bounds.y) * scale + (to.height - bounds.height * scale) / 2,
      width: width * scale,
      height: height * scale,
    });
    return { ...plain, panes: shown.panes.map((pane) => ({ ...pane, rect: place(pane.rect) })) };
  }
  if (!beside) return { ...plain, panes: [{ content: 'depth', rect: { x: 0, y: 0, ...to } }] };
  const half = { y: 0, width: to.width / 2, height: to.height };
  return {
    ...plain,
    panes: [
      { content: 'photo', rect: { ...half, x: 0 } },
      { content: 'depth', rect: { ...half, x: to.width / 2 } },
    ],
  };
}

/** The part of the canvas that panes cover. */
function boundsOf({ width, height, panes }: View): Rect {
  const within = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  const left = within(Math.min(...panes.map(({ rect }) => rect.x)), width);
  const top = within(Math.min(...panes.map(({ rect }) => rect.y)), height);
  const right = within(Math.max(...panes.map(({ rect }) => rect.x + rect.width)), width);
  const bottom = within(Math.max(...panes.map(({ rect }) => rect.y + rect.height)), height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

import type { Rect, View } from '../../worker/image/image_calls.ts';
import { type Camera, halves, type Layout, overlap, placed, type Sides } from '../image/layout.ts';
import type { FilmLayout } from './video_settings.ts';

/** Where the map lies, last, and before it the frame where it has a place of its own; the frame in a corner of the map is the inset. */
export interface FilmPlaces extends Layout {
  readonly inset: Rect | undefined;
}

/** The map and the frame in the stage, in CSS pixels: alone, in its corner, beside it or above it. */
export function placeFilm(
  stage: Sides,
  picture: Sides,
  layout: FilmLayout,
  { padding, camera }: { padding: { x: number; y: number }; camera: Camera },
): FilmPlaces {
  const inner: Rect = {
    x: padding.x,
    y: padding.y,
    width: Math.max(1, stage.width - 2 * padding.x),
    height: Math.max(1, stage.height - 2 * padding.y),
  };
  const frames =
    layout === 'side'
      ? halves(inner, 'beside')
      : layout === 'stack'
        ? halves(inner, 'above')
        : [inner];
  const pictures = frames.map((frame) => placed(frame, picture, camera));
  const inset = layout === 'inset' ? insetOf(overlap(pictures[0]!, inner), picture) : undefined;
  return { frames, pictures, inset };
}

/** In the upper right corner of what is seen of the map, and never larger than that. */
function insetOf({ x, y, width, height }: Rect, picture: Sides): Rect {
  const scale = 0.27 * Math.min(width / picture.width, height / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  const edge = Math.min(12, 0.03 * width);
  return { x: x + width - w - edge, y: y + edge, width: w, height: h };
}

/** The same as the worker draws it, in device pixels. Before there is a map the frame is seen once, and stands in for it. */
export function filmView(
  stage: Sides,
  { pictures, frames, inset }: FilmPlaces,
  { scale, radius, ready }: { scale: number; radius: number; ready: boolean },
): View {
  const device = ({ x, y, width, height }: Rect): Rect => ({
    x: x * scale,
    y: y * scale,
    width: width * scale,
    height: height * scale,
  });
  const last = pictures.length - 1;
  const panes: View['panes'] = [
    ...(ready ? pictures : pictures.slice(0, 1)).map((picture, i) => ({
      content: ready && i === last ? ('depth' as const) : ('photo' as const),
      rect: device(picture),
      clip: device(overlap(picture, frames[i]!)),
    })),
    ...(inset && ready ? [{ content: 'photo' as const, rect: device(inset) }] : []),
  ];
  const width = Math.round(stage.width * scale);
  const height = Math.round(stage.height * scale);
  return { width, height, scale, radius: radius * scale, panes };
}

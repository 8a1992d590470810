import type { Rect, View } from '../../worker/image/image_calls.ts';
import type { Sides } from '../image/layout.ts';
import type { FilmLayout } from './video_settings.ts';

const GAP = 8;

/** The map and the frame in the stage, in CSS pixels: alone, in its corner, beside it or above it. */
export function placeFilm(
  stage: Sides,
  picture: Sides,
  layout: FilmLayout,
  { padding, zoom }: { padding: { x: number; y: number }; zoom: number },
): { readonly depth: Rect; readonly photo: Rect | undefined } {
  const width = Math.max(1, stage.width - 2 * padding.x);
  const height = Math.max(1, stage.height - 2 * padding.y);
  const across = layout === 'side' ? 2 : 1;
  const down = layout === 'stack' ? 2 : 1;
  const scale =
    zoom *
    Math.min(
      (width - GAP * (across - 1)) / across / picture.width,
      (height - GAP * (down - 1)) / down / picture.height,
    );
  const [w, h] = [picture.width * scale, picture.height * scale];
  const left = (stage.width - across * w - GAP * (across - 1)) / 2;
  const top = (stage.height - down * h - GAP * (down - 1)) / 2;
  const first: Rect = { x: left, y: top, width: w, height: h };
  if (layout === 'depth') return { depth: first, photo: undefined };
  if (layout === 'inset') {
    const share = 0.27;
    const edge = Math.min(12, 0.03 * w);
    return {
      depth: first,
      photo: {
        x: left + w * (1 - share) - edge,
        y: top + edge,
        width: w * share,
        height: h * share,
      },
    };
  }
  const second =
    layout === 'side' ? { ...first, x: left + w + GAP } : { ...first, y: top + h + GAP };
  return { photo: first, depth: second };
}

/** The same as the worker draws it, in device pixels. Before there is a map the frame stands in for it. */
export function filmView(
  stage: Sides,
  placed: ReturnType<typeof placeFilm>,
  { scale, radius, ready }: { scale: number; radius: number; ready: boolean },
): View {
  const device = ({ x, y, width, height }: Rect): Rect => ({
    x: x * scale,
    y: y * scale,
    width: width * scale,
    height: height * scale,
  });
  const panes: View['panes'] = [
    { content: ready ? 'depth' : 'photo', rect: device(placed.depth) },
    ...(placed.photo ? [{ content: 'photo' as const, rect: device(placed.photo) }] : []),
  ];
  const width = Math.round(stage.width * scale);
  const height = Math.round(stage.height * scale);
  return { width, height, scale, radius: radius * scale, panes };
}

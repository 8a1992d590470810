import type { Rect, View } from '../../worker/image/image_calls.ts';
import type { ImageView } from './image_settings.ts';

export interface Sides {
  readonly width: number;
  readonly height: number;
}

/** How the picture lies in its frame. Zoom 1 fits; the centre is a place in the picture, 0…1. */
export interface Camera {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

export const fitted: Camera = { zoom: 1, x: 0.5, y: 0.5 };

export interface Layout {
  /** Where the picture lies, in CSS pixels of the stage; two in the view side by side. */
  readonly pictures: readonly Rect[];
  /** What of the stage belongs to each. */
  readonly frames: readonly Rect[];
}

const GAP = 8;

/** Places the picture in the stage: one frame, or two side by side or above each other, whichever gives more. */
export function layOut(
  stage: Sides,
  picture: Sides,
  { two, camera, padding }: { two: boolean; camera: Camera; padding: { x: number; y: number } },
): Layout {
  const inner: Rect = {
    x: padding.x,
    y: padding.y,
    width: Math.max(1, stage.width - 2 * padding.x),
    height: Math.max(1, stage.height - 2 * padding.y),
  };
  const frames = two ? widerHalves(inner, picture) : [inner];
  return { frames, pictures: frames.map((frame) => placed(frame, picture, camera)) };
}

function widerHalves(inner: Rect, picture: Sides): Rect[] {
  const [beside, above] = [halves(inner, 'beside'), halves(inner, 'above')];
  return scaleOf(beside[0]!, picture) >= scaleOf(above[0]!, picture) ? beside : above;
}

export function halves({ x, y, width, height }: Rect, how: 'beside' | 'above'): Rect[] {
  if (how === 'beside') {
    const half = (width - GAP) / 2;
    return [x, x + half + GAP].map((left) => ({ x: left, y, width: half, height }));
  }
  const half = (height - GAP) / 2;
  return [y, y + half + GAP].map((top) => ({ x, y: top, width, height: half }));
}

const scaleOf = (frame: Sides, picture: Sides): number =>
  Math.min(frame.width / picture.width, frame.height / picture.height);

/** The picture in its frame. */
export function placed(frame: Rect, picture: Sides, { zoom, x, y }: Camera): Rect {
  const scale = scaleOf(frame, picture) * zoom;
  const width = picture.width * scale;
  const height = picture.height * scale;
  return {
    x: frame.x + frame.width / 2 - width * x,
    y: frame.y + frame.height / 2 - height * y,
    width,
    height,
  };
}

/** A camera that shows no more emptiness than it must. */
export function settled({ zoom, x, y }: Camera, frame: Rect, picture: Sides, least = 1): Camera {
  const scale = scaleOf(frame, picture);
  const within = (at: number, share: number): number =>
    share >= 1 ? 0.5 : Math.min(Math.max(at, share / 2), 1 - share / 2);
  const bounded = Math.min(Math.max(zoom, least), 40);
  return {
    zoom: bounded,
    x: within(x, frame.width / (picture.width * scale * bounded)),
    y: within(y, frame.height / (picture.height * scale * bounded)),
  };
}

/** Zooms about a place of the stage, which stays where it is. */
export function zoomAbout(
  camera: Camera,
  at: Rect,
  by: number,
  px: number,
  py: number,
  least = 1,
): Camera {
  const zoom = Math.min(Math.max(camera.zoom * by, least), 40);
  const factor = zoom / camera.zoom;
  const u = (px - at.x) / at.width;
  const v = (py - at.y) / at.height;
  return {
    zoom,
    x: u + (camera.x - u) / factor,
    y: v + (camera.y - v) / factor,
  };
}

export interface ViewOptions {
  readonly view: ImageView;
  readonly divider: number;
  /** Device pixels per CSS pixel. */
  readonly scale: number;
  readonly radius: number;
  /** The whole photo instead, for the crop box. */
  readonly cropping: boolean;
  /** The map is there. Before that the page shows the photo itself. */
  readonly ready: boolean;
}

/** The view as the worker draws it, in device pixels. */
export function viewOf(stage: Sides, layout: Layout, options: ViewOptions): View {
  const { view, divider, scale, radius, cropping, ready } = options;
  const device = (rect: Rect): Rect => ({
    x: rect.x * scale,
    y: rect.y * scale,
    width: rect.width * scale,
    height: rect.height * scale,
  });
  const [picture, other] = layout.pictures.map(device) as [Rect, Rect | undefined];
  const [frame, otherFrame] = layout.frames.map(device) as [Rect, Rect | undefined];
  const visible = overlap(picture, frame);
  const pane = (content: View['panes'][number]['content'], clip = visible) => ({
    content,
    rect: picture,
    clip,
  });
  const panes = (): View['panes'] => {
    if (cropping) return [{ ...pane('photo'), whole: true }];
    if (!ready) return [];
    if (view === 'compare') {
      const at = picture.x + divider * picture.width;
      const edge = Math.min(Math.max(at, visible.x), visible.x + visible.width);
      const left = { ...visible, width: edge - visible.x };
      const right = { ...visible, x: edge, width: visible.x + visible.width - edge };
      return [pane('photo', left), pane('depth', right)];
    }
    if (view === 'side' && other && otherFrame) {
      return [pane('photo'), { content: 'depth', rect: other, clip: overlap(other, otherFrame) }];
    }
    return [pane(view === 'normals' ? 'normals' : view === 'cutout' ? 'cutout' : 'depth')];
  };
  return {
    width: Math.round(stage.width * scale),
    height: Math.round(stage.height * scale),
    scale,
    radius: radius * scale,
    panes: panes(),
  };
}

export function overlap(a: Rect, b: Rect): Rect {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  return {
    x,
    y,
    width: Math.max(0, Math.min(a.x + a.width, b.x + b.width) - x),
    height: Math.max(0, Math.min(a.y + a.height, b.y + b.height) - y),
  };
}

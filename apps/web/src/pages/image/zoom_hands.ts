import type { Zoom } from './zoom.ts';

/** What hands may mean besides: each is told of the event that it is about. */
export interface Meanings {
  /** Pressed and let go where it was, by a mouse or a finger. */
  readonly tap?: (event: PointerEvent) => void;
  /** A finger that rests; asked when it comes down. */
  readonly rest?: () => ((event: PointerEvent) => void) | undefined;
  /** A mouse that only passes; undefined when it leaves. */
  readonly hover?: (event: PointerEvent | undefined) => void;
  /** A double click does not change the size. */
  readonly keepsSize?: () => boolean;
}

const LONG_PRESS = 500;

/** On a canvas that fills its parent, the stage: a mouse drags, two fingers move and pinch, one drags what is enlarged, a double tap for its pixels. */
export function takeHands(canvas: HTMLElement, zoom: Zoom, to: Meanings): void {
  const fingers = new Map<number, PointerEvent>();
  let press: ReturnType<typeof setTimeout> | undefined;
  let moved = 0;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.parentElement!.focus({ preventScroll: true });
    fingers.set(event.pointerId, event);
    canvas.setPointerCapture(event.pointerId);
    // With a second finger neither of them taps.
    moved = fingers.size === 1 ? 0 : Number.POSITIVE_INFINITY;
    clearTimeout(press);
    const rest = event.pointerType === 'touch' && fingers.size === 1 ? to.rest?.() : undefined;
    if (!rest) return;
    press = setTimeout(() => {
      moved = Number.POSITIVE_INFINITY;
      rest(event);
    }, LONG_PRESS);
  });
  canvas.addEventListener('pointermove', (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === 'mouse') to.hover?.(event);
      return;
    }
    const dx = event.clientX - before.clientX;
    const dy = event.clientY - before.clientY;
    moved += Math.hypot(dx, dy);
    if (moved > 6) clearTimeout(press);
    if (fingers.size === 2) {
      const other = [...fingers.values()].find(({ pointerId }) => pointerId !== event.pointerId)!;
      const spread = (a: PointerEvent): number =>
        Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
      const bounds = canvas.getBoundingClientRect();
      const x = (event.clientX + other.clientX) / 2 - bounds.left;
      const y = (event.clientY + other.clientY) / 2 - bounds.top;
      zoom.at(x, y, spread(event) / Math.max(spread(before), 1));
      zoom.pan(dx / 2, dy / 2);
    } else if (moved > 3 && (event.pointerType === 'mouse' || zoom.camera.zoom > 1)) {
      zoom.pan(dx, dy);
    }
    fingers.set(event.pointerId, event);
  });
  const lift = (event: PointerEvent): void => {
    const alone = fingers.size === 1;
    if (!fingers.delete(event.pointerId)) return;
    clearTimeout(press);
    if (event.type === 'pointerup' && alone && moved <= 3) to.tap?.(event);
  };
  canvas.addEventListener('pointerup', lift);
  canvas.addEventListener('pointercancel', lift);
  canvas.addEventListener('pointerleave', () => to.hover?.(undefined));
  canvas.addEventListener('dblclick', (event) => {
    if (!to.keepsSize?.()) zoom.actualSize(placeIn(canvas, event));
  });
}

/** The wheel over a stage, unless it is over something that has a use of its own for it. */
export function takeWheel(
  stage: HTMLElement,
  zoom: Zoom,
  isTaken: (event: WheelEvent) => boolean,
): void {
  stage.addEventListener(
    'wheel',
    (event) => {
      if (isTaken(event)) return;
      event.preventDefault();
      const { x, y } = placeIn(stage, event);
      zoom.at(x, y, Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)));
    },
    { passive: false },
  );
}

function placeIn(element: HTMLElement, { clientX, clientY }: MouseEvent): { x: number; y: number } {
  const { left, top } = element.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}

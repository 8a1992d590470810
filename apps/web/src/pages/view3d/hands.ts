import { moved, type Orbit, turned, zoomed } from './camera.ts';

/** What hands do to the view: one finger or the left button turns, two or another button move, pinch and wheel zoom. */
export function takeHands(
  canvas: HTMLElement,
  { change, reset }: { change: (next: (orbit: Orbit) => Orbit) => void; reset: () => void },
): void {
  const fingers = new Map<number, PointerEvent>();
  canvas.addEventListener('pointerdown', (event) => {
    canvas.focus({ preventScroll: true });
    fingers.set(event.pointerId, event);
    canvas.setPointerCapture(event.pointerId);
    if (event.button === 1) event.preventDefault();
  });
  canvas.addEventListener('pointermove', (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before.clientX;
    const dy = event.clientY - before.clientY;
    const height = Math.max(1, canvas.clientHeight);
    const other = [...fingers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    fingers.set(event.pointerId, event);
    if (other) {
      const spread = (finger: PointerEvent): number =>
        Math.max(1, Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY));
      const by = spread(before) / spread(event);
      change((orbit) => moved(zoomed(orbit, by), -dx / 2 / height, dy / 2 / height));
      return;
    }
    const moves = event.shiftKey || (event.buttons & 1) === 0;
    if (moves) change((orbit) => moved(orbit, -dx / height, dy / height));
    else change((orbit) => turned(orbit, (-dx / height) * 3, (dy / height) * 3));
  });
  const lift = ({ pointerId }: PointerEvent): void => {
    fingers.delete(pointerId);
  };
  canvas.addEventListener('pointerup', lift);
  canvas.addEventListener('pointercancel', lift);
  canvas.addEventListener('dblclick', reset);
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const by = Math.exp(event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015));
      change((orbit) => zoomed(orbit, by));
    },
    { passive: false },
  );
}

import { h, setStyle } from '../../dom.ts';
import { icon } from '../../icons.ts';
import type { Rect } from '../../worker/image/image_calls.ts';

export interface Divider {
  readonly element: HTMLElement;
  /** `visible`: the part of the picture that is seen; `divider`: where the line stands in the picture, 0…1. */
  place(picture: Rect, visible: Rect, divider: number): void;
}

/** The line between before and after: dragged, moved by arrows, brought to the middle by a double click. */
export function makeDivider(
  onChange: (divider: number) => void,
  pictureNow: () => Rect | undefined,
): Divider {
  const element = h(
    'div',
    {
      class: 'divider',
      role: 'slider',
      tabindex: 0,
      'aria-label': 'Before and after',
      'aria-valuemin': 0,
      'aria-valuemax': 100,
    },
    h('i', {}, icon('divider')),
  );
  let now = 0.5;
  const change = (to: number): void => onChange(Math.min(Math.max(to, 0), 1));
  element.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -0.01, ArrowRight: 0.01 }[event.key];
    if (by) change(now + by * (event.shiftKey ? 10 : 1));
    else if (event.key === 'Home') change(0);
    else if (event.key === 'End') change(1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  element.addEventListener('dblclick', () => change(0.5));
  element.addEventListener('pointerdown', (event) => {
    element.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent): void => {
      const picture = pictureNow();
      const stage = element.offsetParent;
      if (!picture || !stage) return;
      change((moved.clientX - stage.getBoundingClientRect().left - picture.x) / picture.width);
    };
    element.addEventListener('pointermove', move);
    const end = (): void => element.removeEventListener('pointermove', move);
    element.addEventListener('pointerup', end, { once: true });
    element.addEventListener('pointercancel', end, { once: true });
  });
  return {
    element,
    place(picture, visible, divider) {
      now = divider;
      const at = picture.x + divider * picture.width;
      const inside = Math.min(Math.max(at, visible.x), visible.x + visible.width);
      setStyle(element, 'left', `${inside}px`);
      setStyle(element, 'top', `${visible.y}px`);
      setStyle(element, 'height', `${visible.height}px`);
      element.setAttribute('aria-valuenow', String(Math.round(100 * divider)));
    },
  };
}

import { h, setStyle, setText, svgElement } from '../dom.ts';
import type { Control } from './control.ts';

export interface RangeSliderOptions {
  readonly label: string;
  readonly onChange: (low: number, high: number) => void;
}

export interface RangeSlider extends Control<readonly [low: number, high: number]> {
  /** Counts of equally wide parts of 0…1. */
  setHistogram(counts: readonly number[]): void;
}

const STEP = 0.01;

/** Two handles on 0…1 that may meet and never cross, below a histogram. The band between them can be dragged. */
export function rangeSlider({ label, onChange }: RangeSliderOptions): RangeSlider {
  let low = 0;
  let high = 1;

  const outside = svgElement('path');
  const inside = svgElement('path', { class: 'in' });
  const plot = svgElement('svg', {
    class: 'hist',
    viewBox: '0 0 1 1',
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  });
  plot.append(outside, inside);

  const handle = (name: string): HTMLElement =>
    h('span', {
      role: 'slider',
      tabindex: 0,
      'aria-label': `${label}, ${name}`,
      'aria-valuemin': 0,
      'aria-valuemax': 1,
    });
  const handles = [handle('lowest'), handle('highest')] as const;
  const track = h('div', { class: 'track', role: 'group', 'aria-label': label }, ...handles);
  const texts = [h('span', {}), h('span', {})] as const;
  const reset = h('button', { class: 'linkish', type: 'button' }, 'Reset');
  const element = h(
    'div',
    { class: 'range2' },
    plot,
    track,
    h(
      'div',
      { class: 'row caption' },
      texts[0],
      h('span', { class: 'grow' }),
      reset,
      h('span', { class: 'grow' }),
      texts[1],
    ),
  );

  const show = (): void => {
    setStyle(element, '--lo', `${100 * low}%`);
    setStyle(element, '--hi', `${100 * high}%`);
    for (const [i, value] of [low, high].entries()) {
      const at = handles[i as 0 | 1];
      setStyle(at, 'left', `${100 * value}%`);
      at.setAttribute('aria-valuenow', value.toFixed(2));
      at.setAttribute('aria-valuetext', value.toFixed(2));
      setText(texts[i as 0 | 1], value.toFixed(2));
    }
    setStyle(inside, 'clip-path', `inset(0 ${100 * (1 - high)}% 0 ${100 * low}%)`);
    reset.hidden = low === 0 && high === 1;
  };
  const rounded = (value: number): number => Math.round(value / STEP) * STEP;
  const take = (nextLow: number, nextHigh: number): void => {
    const [a, b] = [Number(rounded(nextLow).toFixed(2)), Number(rounded(nextHigh).toFixed(2))];
    if (a === low && b === high) return;
    [low, high] = [a, b];
    show();
    onChange(low, high);
  };
  const within = (value: number, from: number, to: number): number =>
    Math.min(Math.max(value, from), to);
  const move = (which: 0 | 1, to: number): void => {
    if (which === 0) take(within(to, 0, high), high);
    else take(low, within(to, low, 1));
  };

  for (const which of [0, 1] as const) {
    handles[which].addEventListener('keydown', (event) => {
      const by = {
        ArrowRight: STEP,
        ArrowUp: STEP,
        ArrowLeft: -STEP,
        ArrowDown: -STEP,
        PageUp: 0.1,
        PageDown: -0.1,
      }[event.key];
      const now = which === 0 ? low : high;
      if (by) move(which, now + by * (event.shiftKey ? 10 : 1));
      else if (event.key === 'Home') move(which, 0);
      else if (event.key === 'End') move(which, 1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }
  track.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    const bounds = track.getBoundingClientRect();
    const valueAt = (x: number): number => within((x - bounds.left) / bounds.width, 0, 1);
    const at = valueAt(event.clientX);
    const [startLow, startHigh] = [low, high];
    const grip = handles.indexOf(event.target as HTMLElement);
    // Between the handles the band is dragged, unless it is all there is; outside the nearer handle comes.
    const band = grip < 0 && at > low && at < high && (low > 0 || high < 1);
    const which = (grip >= 0 ? grip : Math.abs(at - low) <= Math.abs(at - high) ? 0 : 1) as 0 | 1;
    if (!band) {
      handles[which].focus();
      move(which, at);
    }
    const drag = (moved: PointerEvent): void => {
      if (!band) {
        move(which, valueAt(moved.clientX));
        return;
      }
      const by = within((moved.clientX - event.clientX) / bounds.width, -startLow, 1 - startHigh);
      take(startLow + by, startHigh + by);
    };
    track.setPointerCapture(event.pointerId);
    track.addEventListener('pointermove', drag);
    const end = (): void => track.removeEventListener('pointermove', drag);
    track.addEventListener('pointerup', end, { once: true });
    track.addEventListener('pointercancel', end, { once: true });
  });
  const toStart = (event: Event): void => {
    event.preventDefault();
    take(0, 1);
  };
  reset.addEventListener('click', toStart);
  track.addEventListener('contextmenu', toStart);
  show();

  return {
    element,
    set([nextLow, nextHigh]) {
      if (nextLow === low && nextHigh === high) return;
      [low, high] = [nextLow, nextHigh];
      show();
    },
    setHistogram(counts) {
      // One high bin, such as the sky, must not flatten the others: heights go by the root.
      const roots = counts.map(Math.sqrt);
      const most = Math.max(...roots, 1);
      const width = 1 / counts.length;
      const steps = roots.map((root, i) => {
        const y = (1 - root / most).toFixed(4);
        return `L${(i * width).toFixed(4)} ${y}L${((i + 1) * width).toFixed(4)} ${y}`;
      });
      const d = `M0 1${steps.join('')}L1 1Z`;
      outside.setAttribute('d', d);
      inside.setAttribute('d', d);
    },
  };
}

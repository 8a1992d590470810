import { h, setAttribute, setStyle } from '../../dom.ts';
import type { Film } from './film.ts';

/** The ends of the part that is played: two handles on the scrub bar that never meet, by hand and by keys. */
export function makeLoopHandles(
  film: Film,
  bar: HTMLElement,
): { readonly band: HTMLElement; readonly handles: readonly HTMLElement[] } {
  const handle = (label: string): HTMLElement =>
    h('span', {
      class: 'loop-end',
      role: 'slider',
      tabindex: 0,
      'aria-label': label,
      title: `${label}; double click resets`,
    });
  const handles = [handle('Loop from'), handle('Loop to')] as const;
  const band = h('span', { class: 'loop-band', hidden: true });

  const ends = (): [from: number, to: number] => {
    const [from, to] = film.range.value;
    return [from, Math.min(to, film.duration)];
  };
  const show = (): void => {
    const { duration } = film;
    const now = ends();
    for (const [i, seconds] of now.entries()) {
      const at = handles[i as 0 | 1];
      const [least, most] = [i === 0 ? 0 : now[0], i === 0 ? now[1] : duration];
      setStyle(at, 'left', `${duration > 0 ? (100 * seconds) / duration : 100 * i}%`);
      setAttribute(at, 'aria-valuemin', least.toFixed(2));
      setAttribute(at, 'aria-valuemax', most.toFixed(2));
      setAttribute(at, 'aria-valuenow', seconds.toFixed(2));
      setAttribute(at, 'aria-valuetext', `${seconds.toFixed(2)} seconds`);
    }
    band.hidden = now[0] <= 0 && now[1] >= duration;
    setStyle(band, 'left', handles[0].style.left);
    setStyle(band, 'right', `calc(100% - ${handles[1].style.left})`);
  };
  film.range.watch(show);
  film.source.watch(show);
  film.position.watch(show);

  /** To where a frame begins, or behind the last one; one frame is left between the ends. */
  const move = (which: 0 | 1, seconds: number): void => {
    const { frames, duration } = film;
    const [from, to] = ends();
    const last = frames.count - 1;
    const length = duration / frames.count;
    const nearest = frames.indexAt(seconds + length / 2);
    if (which === 0) {
      const most = Math.max(0, frames.indexAt(to - length / 2));
      film.range.set([frames.timeOf(Math.min(nearest, most)), film.range.value[1]]);
    } else {
      const at = Math.max(nearest, frames.indexAt(from) + 1);
      const beyond = at > last || seconds > duration - length / 2;
      film.range.set([from, beyond ? Number.POSITIVE_INFINITY : frames.timeOf(at)]);
    }
  };
  const reset = (which: 0 | 1): void => {
    const [from, to] = film.range.value;
    film.range.set(which === 0 ? [0, to] : [from, Number.POSITIVE_INFINITY]);
  };

  for (const which of [0, 1] as const) {
    const at = handles[which];
    at.addEventListener('keydown', (event) => {
      const one = film.duration / film.frames.count;
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (step) move(which, ends()[which] + step * one * (event.shiftKey ? 10 : 1));
      else if (event.key === 'Home') move(which, 0);
      else if (event.key === 'End') move(which, film.duration);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    at.addEventListener('dblclick', () => reset(which));
    at.addEventListener('contextmenu', (event) => {
      event.preventDefault();
      reset(which);
    });
    at.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      event.stopPropagation();
      at.setPointerCapture(event.pointerId);
      const bounds = bar.getBoundingClientRect();
      const take = ({ clientX }: PointerEvent): void => {
        const share = Math.min(Math.max((clientX - bounds.left) / bounds.width, 0), 1);
        move(which, share * film.duration);
      };
      const end = (): void => at.removeEventListener('pointermove', take);
      at.addEventListener('pointermove', take);
      at.addEventListener('pointerup', end, { once: true });
      at.addEventListener('pointercancel', end, { once: true });
    });
  }
  return { band, handles };
}

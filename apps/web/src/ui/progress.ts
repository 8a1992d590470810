import { h, setStyle } from '../dom.ts';

export interface ProgressBar {
  readonly element: HTMLElement;
  /** 0…1; undefined when nobody knows. */
  set(share: number | undefined): void;
}

export function progressBar(label: string): ProgressBar {
  const bar = h('i');
  const element = h(
    'div',
    {
      class: 'progress',
      role: 'progressbar',
      'aria-label': label,
      'aria-valuemin': 0,
      'aria-valuemax': 100,
    },
    bar,
  );
  return {
    element,
    set(share) {
      element.classList.toggle('unknown', share === undefined);
      if (share === undefined) {
        element.removeAttribute('aria-valuenow');
        return;
      }
      const percent = Math.round(100 * Math.min(Math.max(share, 0), 1));
      element.setAttribute('aria-valuenow', String(percent));
      setStyle(bar, '--v', `${percent}%`);
    },
  };
}

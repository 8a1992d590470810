import { h } from '../dom.ts';
import { icon } from '../icons.ts';

export const button = (label: string, run: () => void): HTMLButtonElement =>
  h('button', { class: 'btn', type: 'button', on: { click: run } }, label);

/** A picture alone; its label is its tooltip too. */
export const iconButton = (
  name: Parameters<typeof icon>[0],
  label: string,
  run: () => void,
): HTMLButtonElement =>
  h(
    'button',
    {
      class: 'btn icon bare',
      type: 'button',
      'aria-label': label,
      title: label,
      on: { click: run },
    },
    icon(name),
  );

import type { App } from '../app.ts';
import { h } from '../dom.ts';
import { icon } from '../icons.ts';
import type { Settings } from '../settings.ts';

/** The way back to how a page was first seen; there while anything differs. */
export function startValuesButton<T extends object>(app: App, settings: Settings<T>): HTMLElement {
  const button = h('button', { class: 'btn', type: 'button' }, icon('reset', true), 'Start values');
  const row = h('div', { class: 'start-values' }, button);
  button.addEventListener('click', () => {
    const before = settings.value;
    settings.reset();
    app.toast.show('All settings of this page are at their start values', {
      label: 'Undo',
      run: () => settings.change(before),
    });
  });
  settings.store.watch(() => {
    row.hidden = settings.fragment() === '';
  });
  return row;
}

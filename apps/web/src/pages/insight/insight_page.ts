import type { App, Page } from '../../app.ts';
import { h } from '../../dom.ts';
import { isModelFile } from '../../ui/files.ts';
import type { InsightView } from './insight_view.ts';

export interface InsightPage extends Page {
  /** Photos and golden tensors that were dropped here. */
  take(files: readonly File[]): boolean;
}

/** The page's code is fetched when it is first visited. */
export function makeInsightPage(app: App): InsightPage {
  const element = h('div', { class: 'insight-place' });
  let view: InsightView | undefined;
  let shown = false;
  let asked = false;
  const load = async (fragment: string): Promise<void> => {
    try {
      const { makeInsightView } = await import('./insight_view.ts');
      view = makeInsightView(app, fragment);
      element.replaceChildren(view.element);
      if (shown) view.show(fragment);
    } catch {
      asked = false;
      app.toast.show('This page could not be fetched. Try again.');
    }
  };
  return {
    element,
    show(fragment) {
      shown = true;
      if (view) view.show(fragment);
      else if (!asked) {
        asked = true;
        void load(fragment);
      }
    },
    hide() {
      shown = false;
      view?.hide();
    },
    fragment: () => view?.fragment() ?? '',
    dropText: (items) =>
      items.some(({ type }) => type.startsWith('image/'))
        ? 'Look into the model with this photo'
        : undefined,
    take(files) {
      // Weights still go to the models page, except where golden tensors are compared.
      const golden = files.some(isModelFile) && view?.fragment().includes('tool=parity');
      if (!view || (!golden && files.some(isModelFile))) return false;
      view.take(files);
      return true;
    },
  };
}

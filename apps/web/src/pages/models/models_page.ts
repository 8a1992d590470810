import type { App, Page } from '../../app.ts';
import { h } from '../../dom.ts';
import type { MenuItem } from '../../ui/menu.ts';

export interface ModelsPage extends Page {
  openFile(file: File): Promise<void>;
  /** For the list below the model chip. */
  menu(): readonly (MenuItem | 'line')[];
}

export function makeModelsPage(_app: App): ModelsPage {
  const element = h('main', { class: 'scroll', id: 'stage', tabindex: -1 }, h('h1', {}, 'Models'));
  return { element, openFile: async () => {}, menu: () => [] };
}

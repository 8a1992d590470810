import { recall, remember } from './settings.ts';
import { Store } from './store.ts';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'dpt-webgpu.theme';
const order: readonly Theme[] = ['system', 'light', 'dark'];

export const theme = new Store<Theme>(order.find((name) => name === recall(KEY)) ?? 'system');

export function nextTheme(): void {
  theme.set(order[(order.indexOf(theme.value) + 1) % order.length]!);
}

theme.watch((name) => {
  if (name === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  remember(KEY, name === 'system' ? '' : name);
});

import type { App } from './app.ts';
import { type Child, fill, h, setText } from './dom.ts';
import { brandMark, type IconName, icon } from './icons.ts';
import { type PageId, pages } from './pages/addresses.ts';
import { DEVICE_CARD } from './pages/models/model_cards.ts';
import { addressOf } from './router.ts';
import { nextTheme, theme } from './theme.ts';
import { attachMenu, type MenuItem } from './ui/menu.ts';
import { bytesText } from './words.ts';
import type { GpuState } from './worker/gpu.ts';
import type { ModelState } from './worker/model_calls.ts';

const pageIcons: Readonly<Record<PageId, IconName>> = {
  image: 'image',
  video: 'video',
  view3d: 'cube',
  insight: 'eye',
  models: 'layers',
  about: 'info',
};

export interface Shell {
  /** Goes around the page's own element. */
  readonly header: HTMLElement;
  setPage(id: PageId): void;
}

export interface ShellActions {
  readonly showKeys: () => void;
  /** Models to choose from, for the list below the chip. */
  readonly models: () => readonly (MenuItem | 'line')[];
}

/** The bar above every page: name, pages, model, device, keys, theme. */
export function makeShell(app: App, { showKeys, models }: ShellActions): Shell {
  const links = pages.map(({ id, title }) => ({
    id,
    link: h(
      'a',
      { href: addressOf(id), class: id === 'about' ? 'about' : undefined },
      icon(pageIcons[id]),
      title,
    ),
  }));
  const dot = h('span', { class: 'dot warn' });
  const modelName = h('span', { class: 'cut' }, 'No model');
  const modelChip = h(
    'button',
    { class: 'chip model', type: 'button' },
    dot,
    modelName,
    icon('down', true),
  );
  attachMenu(modelChip, models);

  const device = `${addressOf('models')}#${DEVICE_CARD}`;
  const gpuName = h('span', { class: 'cut' }, 'GPU');
  const gpuChip = h('a', { class: 'chip wideonly', href: device }, icon('chip', true), gpuName);

  const themeButton = h('button', { class: 'btn icon bare wideonly', type: 'button' });
  themeButton.addEventListener('click', nextTheme);
  theme.watch((name) => {
    fill(themeButton, icon(themeIcon(name)));
    themeButton.setAttribute('aria-label', `Theme: ${name}`);
    themeButton.title = `Theme: ${name}`;
  });
  const keysButton = h(
    'button',
    {
      class: 'btn icon bare wideonly',
      type: 'button',
      'aria-label': 'Keyboard and gestures',
      title: 'Keyboard and gestures (?)',
    },
    icon('keyboard'),
  );
  keysButton.addEventListener('click', showKeys);
  const more = h(
    'button',
    { class: 'btn icon bare phone', type: 'button', 'aria-label': 'More: about, keys, theme' },
    icon('more'),
  );
  attachMenu(more, () => [
    { label: 'About', href: addressOf('about') },
    { label: 'Keyboard and gestures', run: showKeys },
    { label: `Theme: ${theme.value}`, run: nextTheme },
    'line',
    { label: 'This device', detail: gpuName.textContent ?? '', href: device },
  ]);

  const showModel = (): void => {
    const { text, dotClass, said } = modelWords(app.engine.model.value, app.engine.gpu.value);
    setText(modelName, text);
    dot.className = `dot ${dotClass}`;
    modelChip.setAttribute('aria-label', `Model: ${text}, ${said}`);
  };
  app.engine.model.watch(showModel);
  app.engine.gpu.watch((state, before) => {
    showModel();
    if (state.state === 'lost' && before.state !== 'lost') {
      app.announce.alert('The GPU was reset');
    }
    if (state.state === 'ready' && before.state === 'lost') app.announce.say('The GPU is back');
    setText(gpuName, gpuWords(state));
    gpuChip.title =
      state.state === 'ready' ? `Largest buffer ${bytesText(state.info.largestBuffer)}` : '';
  });

  const header = h(
    'header',
    { class: 'top' },
    h('a', { class: 'skip', href: '#stage' }, 'Skip to the picture'),
    h(
      'a',
      { class: 'brand', href: addressOf('image'), 'aria-label': 'dpt-webgpu, start page' },
      brandMark(),
      h('span', {}, 'dpt-webgpu'),
    ),
    h('nav', { class: 'pages', 'aria-label': 'Pages' }, ...links.map(({ link }): Child => link)),
    h('div', { class: 'grow wideonly' }),
    h('div', { class: 'anchor model-anchor' }, modelChip),
    gpuChip,
    keysButton,
    themeButton,
    h('div', { class: 'anchor' }, more),
  );
  return {
    header,
    setPage(id) {
      for (const { id: of, link } of links) {
        if (of === id) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
      }
      const { title } = pages.find((page) => page.id === id)!;
      document.title = `${title} · dpt-webgpu`;
    },
  };
}

const themeIcon = (name: typeof theme.value): IconName =>
  name === 'light' ? 'sun' : name === 'dark' ? 'moon' : 'contrast';

/** A model is ready as long as its device is there. */
function modelWords(
  state: ModelState,
  gpu: GpuState,
): { text: string; dotClass: string; said: string } {
  if (state.state === 'ready' && gpu.state !== 'ready') {
    const { title: text } = state.info;
    return gpu.state === 'failed'
      ? { text, dotClass: 'bad', said: 'without a GPU' }
      : { text, dotClass: 'warn', said: 'waiting for the GPU' };
  }
  switch (state.state) {
    case 'none':
      return { text: 'No model', dotClass: 'off', said: 'none loaded' };
    case 'loading':
      return { text: state.title, dotClass: 'warn', said: 'loading' };
    case 'failed':
      return { text: state.title, dotClass: 'bad', said: 'failed' };
    case 'ready':
      return { text: `${state.info.title} · ${state.info.dtype}`, dotClass: '', said: 'ready' };
  }
}

function gpuWords(state: GpuState): string {
  switch (state.state) {
    case 'opening':
      return 'GPU …';
    case 'ready':
      return state.info.name;
    case 'lost':
      return 'GPU was reset';
    case 'failed':
      return 'No GPU';
  }
}

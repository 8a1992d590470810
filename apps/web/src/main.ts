import type { App, Page } from './app.ts';
import { h } from './dom.ts';
import { defaultModel } from './engine/default_model.ts';
import { Engine } from './engine/engine.ts';
import { linkedModel } from './engine/model_link.ts';
import { showKeySheet } from './key_sheet.ts';
import { Keys } from './keys.ts';
import { makeAboutPage } from './pages/about/about_page.ts';
import { type PageId, pages } from './pages/addresses.ts';
import { makeImagePage } from './pages/image/image_page.ts';
import { makeInsightPage } from './pages/insight/insight_page.ts';
import { titleOfEntry } from './pages/models/model_names.ts';
import { makeModelsPage } from './pages/models/models_page.ts';
import { Film } from './pages/video/film.ts';
import { makeVideoPage } from './pages/video/video_page.ts';
import { videoSchema } from './pages/video/video_settings.ts';
import { makeView3dPage } from './pages/view3d/view3d_page.ts';
import { addressOf, followLinks, pageAt } from './router.ts';
import { Settings } from './settings.ts';
import { makeShell } from './shell.ts';
import { Announcer } from './ui/announcer.ts';
import { takeDrops } from './ui/drops.ts';
import { isModelFile } from './ui/files.ts';
import { Toaster } from './ui/toast.ts';

const announce = new Announcer();
const toast = new Toaster(announce);
const engine = new Engine();
const keys = new Keys(pageAt(location.pathname));

const made = new Map<PageId, Page>();
let current: PageId | undefined;

/** What the address says belongs to the page that it names, not to one that is gone to from there. */
const fragmentFor = (id: PageId): string => (pageAt(location.pathname) === id ? location.hash : '');

const app: App = {
  engine,
  keys,
  toast,
  announce,
  go,
  openPhotos(files) {
    go('image');
    imagePage().openFiles(files);
  },
  openModelFile(file) {
    go('models');
    void modelsPage().openFile(file);
  },
  pictureRuns: () => imagePage().runs(),
  setImageSize: (size) => imagePage().setSize(size),
  film: new Film(engine, toast),
  filmSettings: new Settings('video', videoSchema, fragmentFor('video')),
  current() {
    const film = app.film.source.value;
    if (film.kind !== 'none') return { kind: 'film', key: film.id, name: film.name };
    return imagePage().picture();
  },
};

// Made at once, because they know what the chip lists and where dropped files go; their work begins when they are shown.
const image = makeImagePage(app, fragmentFor('image'));
const models = makeModelsPage(app);
const insight = makeInsightPage(app);
const imagePage = () => image;
const modelsPage = () => models;

const shell = makeShell(app, {
  showKeys: () => showKeySheet(keys, current ?? 'image'),
  models: () => models.menu(),
});
const place = h('div', { class: 'place' });
document
  .querySelector('#app')!
  .replaceChildren(shell.header, place, toast.element, announce.element);

const makers: Readonly<Record<PageId, () => Page>> = {
  image: () => image,
  video: () => makeVideoPage(app),
  view3d: () => makeView3dPage(app, fragmentFor('view3d')),
  insight: () => insight,
  models: () => models,
  about: () => makeAboutPage(app),
};

function pageFor(id: PageId): Page {
  const known = made.get(id);
  if (known) return known;
  const page = makers[id]();
  made.set(id, page);
  return page;
}

/** `linked`: what the page shall show, where a link says so. */
function go(id: PageId, linked = ''): void {
  if (id === current) return;
  const before = current && pageFor(current);
  const page = pageFor(id);
  const fragment = page.fragment?.() ?? '';
  const address = addressOf(id) + (linked || (fragment ? `#${fragment}` : ''));
  if (current !== undefined && pageAt(location.pathname) !== id)
    history.pushState(null, '', address);
  before?.hide?.();
  // A film goes on in 3D, and nowhere else.
  if (id !== 'video' && id !== 'view3d') app.film.pause();
  current = id;
  keys.page = id;
  shell.setPage(id);
  place.replaceChildren(page.element);
  page.show?.(location.hash);
}

followLinks(go);
takeDrops({
  say: (items) => pageFor(current!).dropText?.(items),
  take(files) {
    if (current === 'insight' && insight.take(files)) return;
    const model = files.find(isModelFile);
    const film = files.find(({ type }) => type.startsWith('video/'));
    if (model) app.openModelFile(model);
    else if (film) {
      go('video');
      pageFor('video').takeFiles?.([film]);
    } else {
      const page = pageFor(current!);
      if (page.takeFiles) page.takeFiles(files);
      else app.openPhotos(files);
    }
  },
});
keys.add(
  {
    keys: ['?'],
    action: 'Keys and gestures',
    run: () => {
      showKeySheet(keys, current ?? 'image');
      return true;
    },
  },
  {
    keys: ['F6'],
    action: 'From the stage to the panel and back',
    run: () => {
      const stage = place.querySelector<HTMLElement>('#stage');
      const panel = place.querySelector<HTMLElement>('.panel');
      const inPanel = panel?.contains(document.activeElement);
      (inPanel ? stage : panel?.querySelector<HTMLElement>('summary, button, input'))?.focus();
      return Boolean(panel);
    },
  },
);

keys.add(
  ...pages
    .filter(({ id }) => id !== 'about')
    .map(({ id, title }, i) => ({
      keys: [String(i + 1)],
      action: `Page ${title}`,
      run: () => {
        go(id);
        return true;
      },
    })),
);

go(pageAt(location.pathname));
const link = linkedModel(location.hash);
void defaultModel(engine, link?.file).then((isThere) => {
  if (isThere || !link) return;
  toast.show(
    `This link was made with ${titleOfEntry(link)}, which is not on this device.`,
    { label: 'Get it', run: () => go('models') },
    'info',
  );
});

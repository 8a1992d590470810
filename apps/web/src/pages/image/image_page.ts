import type { App, Page } from '../../app.ts';
import { h, setText } from '../../dom.ts';
import { icon } from '../../icons.ts';
import { Settings } from '../../settings.ts';
import { radioGroup } from '../../ui/choice.ts';
import { chooseFiles } from '../../ui/files.ts';
import { bytesText, plural, timeText } from '../../words.ts';
import { ImageRunner } from './image_runner.ts';
import { type ImageSettings, type ImageView, imageSchema } from './image_settings.ts';
import { makePanel } from './panel.ts';
import { sampleFile, samples } from './samples.ts';
import { Stage } from './stage.ts';
import { watchStates } from './states.ts';
import { Strip } from './strip.ts';

export interface ImagePage extends Page {
  openFiles(files: readonly File[]): void;
}

const PICTURES = 'image/*,.jpg,.jpeg,.png,.webp,.avif,.gif,.bmp';
const looksLikePicture = ({ type, name }: File): boolean =>
  type.startsWith('image/') || /\.(jpe?g|png|webp|avif|gif|bmp|heic|heif|tiff?)$/i.test(name);

/** One photo, or many: its depth map, how it is shown, what can be measured and saved. */
export function makeImagePage(app: App, address: string): ImagePage {
  const settings = new Settings<ImageSettings>('image', imageSchema, address);
  const runner = new ImageRunner(app, settings);

  const stage = new Stage(app, settings, runner, {
    onPick: () => {},
    onHover: () => {},
    onMarkMoved: () => {},
    onMarkRemoved: () => {},
  });
  const openFiles = (files: readonly File[]): void => {
    const pictures = files.length > 1 ? files.filter(looksLikePicture) : files;
    if (pictures.length > 0) strip.add(pictures);
    else app.toast.show('There are no pictures in it.');
  };
  const choose = async (folder = false): Promise<void> => {
    const files = await chooseFiles(
      folder ? { folder: true } : { accept: PICTURES, multiple: true },
    );
    if (files.length > 0) openFiles(files);
  };
  const strip = new Strip(app, {
    open: (file) => void runner.open(file),
    add: () => void choose(),
  });
  runner.unreadable.watch((bad) => {
    if (bad) strip.markUnreadable(bad.file, bad.failure.message);
  });
  runner.photo.watch((photo) => {
    strip.element.hidden = photo.state === 'none' && strip.count === 0;
  });

  const panel = makePanel(app, settings, runner, [], h('div', { class: 'panel-foot' }));

  watchStates(
    app,
    runner,
    stage.cover,
    {
      choose: () => void choose(),
      chooseFolder: () => void choose(true),
      openSample: (index) => {
        // The others go into the strip as well: next and previous have something to show.
        const turned = [...samples.slice(index), ...samples.slice(0, index)];
        void Promise.all(turned.map(sampleFile)).then(openFiles);
      },
      setSize: (size) => settings.change({ size }),
      focusSize: () => panel.focusSize(),
    },
    (on) => {
      stage.dimmed = on;
    },
  );

  const view = radioGroup<ImageView>({
    label: 'View',
    value: settings.value.view,
    onChange: (chosen) => settings.change({ view: chosen }),
    options: [
      { value: 'depth', label: 'Depth' },
      { value: 'compare', label: 'Compare' },
      { value: 'side', label: 'Side by side', class: 'wideonly' },
      { value: 'normals', label: 'Normals' },
      { value: 'cutout', label: 'Cut-out' },
    ],
  });
  settings.store.watch(({ view: chosen }) => view.set(chosen));
  const fullScreen = h(
    'button',
    { class: 'btn icon bare', type: 'button', 'aria-label': 'Full screen', title: 'Full screen' },
    icon('fullscreen'),
  );
  const toggle = h(
    'button',
    {
      class: 'btn icon bare panel-toggle',
      type: 'button',
      'aria-label': 'Controls',
      'aria-expanded': 'false',
    },
    icon('sliders'),
  );

  const main = h(
    'main',
    { class: 'work' },
    h(
      'div',
      { class: 'tools', role: 'toolbar', 'aria-label': 'View' },
      view.element,
      h('span', { class: 'grow wideonly' }),
      fullScreen,
      toggle,
    ),
    stage.element,
    makeStatus(runner),
    strip.element,
  );
  const element = h('div', { class: 'split-page' }, main, panel.element);
  fullScreen.addEventListener('click', () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void main.requestFullscreen();
  });
  toggle.addEventListener('click', () => {
    const open = element.classList.toggle('panel-open');
    toggle.setAttribute('aria-expanded', String(open));
  });

  settings.store.watch((now, before) => {
    if (now !== before && element.isConnected) writeAddress(settings.fragment());
  });

  return {
    element,
    openFiles,
    show(fragment) {
      const linked = settings.read(fragment);
      if (Object.keys(linked).length > 0) settings.change(linked);
      stage.attach();
      stage.draw();
    },
    fragment: () => settings.fragment(),
    dropText: (items) => {
      const pictures = items.filter(({ type }) => type.startsWith('image/')).length;
      if (pictures > 0) return `Open ${plural(pictures, 'photo')}`;
      return items.some(({ type }) => type === '') ? 'Open this file or folder' : undefined;
    },
  };
}

/** The facts below the picture. Every number has its room before it comes. */
function makeStatus(runner: ImageRunner): HTMLElement {
  const model = h('b', {}, '–');
  const all = h('b', {}, '–');
  const memory = h('b', {}, '–');
  runner.facts.watch((facts) => {
    setText(model, facts ? timeText(facts.modelTime) : '–');
    setText(all, facts ? timeText(facts.totalTime) : '–');
    setText(memory, facts ? bytesText(facts.memory) : '–');
  });
  return h(
    'div',
    { class: 'status', 'aria-live': 'off' },
    h('span', {}, model, ' model'),
    h('span', { class: 'wideonly' }, all, ' in all'),
    h('span', { class: 'wideonly' }, memory, ' on the GPU'),
    h('span', { class: 'grow' }),
  );
}

let writing: ReturnType<typeof setTimeout> | undefined;

/** The address follows the settings, not faster than browsers allow. */
function writeAddress(fragment: string): void {
  clearTimeout(writing);
  writing = setTimeout(() => {
    history.replaceState(
      null,
      '',
      location.pathname + location.search + (fragment ? `#${fragment}` : ''),
    );
  }, 250);
}

import type { App, Page, PictureRuns, Shown } from '../../app.ts';
import { fill, h, setText } from '../../dom.ts';
import { withModel } from '../../engine/model_link.ts';
import { icon } from '../../icons.ts';
import { Settings } from '../../settings.ts';
import { Store } from '../../store.ts';
import { radioGroup } from '../../ui/choice.ts';
import { chooseFiles } from '../../ui/files.ts';
import { bytesText, metresText, plural, timeText, valueText } from '../../words.ts';
import type { Place } from '../../worker/image/image_calls.ts';
import { makeRunBar, makeSaveBar } from './busy_bar.ts';
import { CropBox } from './crop_box.ts';
import { makeCutOut } from './cut_out.ts';
import { addImageKeys } from './image_keys.ts';
import { ImageRunner } from './image_runner.ts';
import {
  cropOf,
  type ImageSettings,
  type ImageView,
  imageSchema,
  runsOf,
} from './image_settings.ts';
import { Measure, type Reading } from './measure.ts';
import { nearestWords } from './nearest.ts';
import { makePanel } from './panel.ts';
import { sampleFile, samples } from './samples.ts';
import { makeSave } from './save.ts';
import { Stage } from './stage.ts';
import { watchStates } from './states.ts';
import { Strip } from './strip.ts';

export interface ImagePage extends Page {
  openFiles(files: readonly File[]): void;
  /** The picture that is open, for other pages. */
  picture(): Shown | undefined;
  runs(): PictureRuns;
  setSize(size: number): void;
}

/** Of a map whose values are all the same. */
export const FLAT_WORDS = 'Everything is at the same depth, so there is nothing to colour.';

const PICTURES = 'image/*,.jpg,.jpeg,.png,.webp,.avif,.gif,.bmp';
const looksLikePicture = ({ type, name }: File): boolean =>
  type.startsWith('image/') || /\.(jpe?g|png|webp|avif|gif|bmp|heic|heif|tiff?)$/i.test(name);

/** One photo, or many: its depth map, how it is shown, what can be measured and saved. */
export function makeImagePage(app: App, address: string): ImagePage {
  const settings = new Settings<ImageSettings>('image', imageSchema, address);
  const runner = new ImageRunner(app, settings);

  const measure = new Measure(app, settings, runner);
  const hover = new HoverReader(app, runner, measure);
  const stage = new Stage(app, settings, runner, {
    onPick: (place) => measure.add(place),
    onHover: (place) => hover.at(mode === 'pick' ? place : undefined),
    onMarkMoved: (index, place) => measure.move(index, place),
    onMarkRemoved: (index) => measure.remove(index),
  });
  measure.marks.watch((marks) => {
    stage.marks = marks;
  });
  const openFiles = (files: readonly File[]): void => {
    const pictures = files.length > 1 ? files.filter(looksLikePicture) : files;
    if (pictures.length > 0) strip.add(pictures);
    else app.toast.show('There are no pictures in it.', undefined, 'info');
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

  const save = makeSave(app, settings, runner, measure);
  const cutOut = makeCutOut(settings, runner, () => save);
  const panel = makePanel(app, settings, runner, [measure.group, cutOut], save.foot);

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
      setTiles: (instead) => settings.change(instead),
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
      {
        value: 'side',
        label: h('span', {}, 'Side', h('span', { class: 'wideonly' }, ' by side')),
        name: 'Side by side',
        class: 'wideonly',
      },
      { value: 'normals', label: 'Normals' },
      { value: 'cutout', label: 'Cut-out' },
    ],
  });
  settings.store.watch(({ view: chosen }) => view.set(chosen));
  let mode: 'none' | 'pick' | 'crop' = 'none';
  const tool = (name: 'crop' | 'pick', label: string, key: string): HTMLButtonElement =>
    h(
      'button',
      { class: 'btn bare', type: 'button', 'aria-pressed': 'false', title: `${label} (${key})` },
      icon(name, true),
      h('span', { class: 'wideonly' }, label),
    );
  const cropButton = tool('crop', 'Crop', 'G');
  const pickButton = tool('pick', 'Pick', 'P');
  const cropBox = new CropBox({
    accept: (crop) => {
      setMode('none');
      settings.change({ crop });
    },
    leave: () => setMode('none'),
  });
  const setMode = (next: typeof mode): void => {
    const photo = runner.photo.value;
    mode = photo.state === 'open' ? next : 'none';
    cropButton.setAttribute('aria-pressed', String(mode === 'crop'));
    pickButton.setAttribute('aria-pressed', String(mode === 'pick'));
    stage.picking = mode === 'pick';
    stage.cropping = mode === 'crop';
    if (mode === 'crop' && photo.state === 'open') {
      stage.element.append(cropBox.element);
      cropBox.open(photo, settings.value.crop);
    } else cropBox.element.remove();
    if (mode === 'none') stage.element.focus({ preventScroll: true });
  };
  const toggleMode = (of: 'crop' | 'pick'): void => setMode(mode === of ? 'none' : of);
  cropButton.addEventListener('click', () => toggleMode('crop'));
  pickButton.addEventListener('click', () => toggleMode('pick'));
  stage.element.addEventListener('layout', () => {
    if (stage.picture && mode === 'crop') cropBox.place(stage.picture);
  });
  runner.photo.watch((now, before) => {
    if (now !== before && mode === 'crop') setMode('none');
  });
  settings.store.watch(({ crop }) => cropButton.classList.toggle('changed', crop.length > 0));

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
      cropButton,
      pickButton,
      fullScreen,
      toggle,
    ),
    stage.element,
    makeStatus(runner, measure, hover),
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

  const flat = h('p', { class: 'tag flat', hidden: true }, FLAT_WORDS);
  runner.look.watch((look) => {
    const isNews = look?.flat === true && flat.hidden;
    flat.hidden = look?.flat !== true;
    if (isNews) app.announce.say(FLAT_WORDS);
  });
  stage.element.append(makeRunBar(runner), makeSaveBar(save), flat);
  runner.facts.watch((facts) => {
    const photo = runner.photo.value;
    if (photo.state !== 'open') return;
    if (!facts) {
      stage.label = photo.file.name;
      return;
    }
    const words = `Depth of ${photo.file.name}, ${facts.width} by ${facts.height}, ${facts.kind === 'metric' ? 'in metres' : 'near is large'}`;
    stage.label = words;
    void nearestWords(async (places) => {
      const picked = await app.engine.call('image.pick', places);
      return picked.map(({ nearness }) => nearness);
    }).then((nearest) => {
      if (nearest && runner.facts.value === facts) stage.label = words + nearest;
    });
  });
  addImageKeys(app, {
    settings,
    stage,
    strip,
    save,
    togglePick: () => toggleMode('pick'),
    toggleCrop: () => toggleMode('crop'),
    leave() {
      if (mode !== 'none') setMode('none');
      else if (runner.run.value.state === 'running') runner.cancelRun();
      else return false;
      return true;
    },
  });

  const fragment = (): string => withModel(app.engine, settings.fragment());
  settings.store.watch((now, before) => {
    if (now !== before && element.isConnected) writeAddress(fragment());
  });
  app.engine.model.watch(({ state }) => {
    if (state === 'ready' && element.isConnected) writeAddress(fragment());
  });

  return {
    element,
    openFiles,
    picture() {
      const photo = runner.photo.value;
      if (photo.state !== 'open') return undefined;
      return { kind: 'picture', key: photo.file, crop: cropOf(settings.value) };
    },
    runs: () => runsOf(settings.value),
    setSize: (size) => settings.change({ size }),
    show(address) {
      const linked = settings.read(address);
      if (Object.keys(linked).length > 0) settings.change(linked);
      stage.attach();
      stage.draw();
    },
    fragment,
    dropText: (items) => {
      const pictures = items.filter(({ type }) => type.startsWith('image/')).length;
      if (pictures > 0) return `Open ${plural(pictures, 'photo')}`;
      return items.some(({ type }) => type === '') ? 'Open this file or folder' : undefined;
    },
  };
}

/** The facts below the picture. Every number has its room before it comes. */
function makeStatus(runner: ImageRunner, measure: Measure, hover: HoverReader): HTMLElement {
  const model = h('b', {}, '–');
  const all = h('b', {}, '–');
  const memory = h('b', {}, '–');
  const place = h('span', { class: 'wideonly' });
  const value = h('span', {});
  const metres = h('b', {});
  runner.facts.watch((facts) => {
    setText(model, facts ? timeText(facts.modelTime) : '–');
    setText(all, facts ? timeText(facts.totalTime) : '–');
    setText(memory, facts ? bytesText(facts.memory) : '–');
  });
  const show = (): void => {
    const facts = runner.facts.value;
    const reading = hover.reading.value ?? measure.last.value;
    if (!facts || !reading) {
      setText(place, '');
      setText(value, '');
      setText(metres, '');
      return;
    }
    setText(
      place,
      `x ${Math.floor(reading.x * facts.width)}, y ${Math.floor(reading.y * facts.height)}`,
    );
    fill(value, 'value ', h('b', {}, reading.nearness.toFixed(3)));
    value.title = `${valueText(reading.value)} as the network gave it`;
    setText(metres, reading.metres === undefined ? '' : metresText(reading.metres));
  };
  measure.last.watch(show);
  hover.reading.watch(show);
  runner.facts.watch(show);
  return h(
    'div',
    { class: 'status', 'aria-live': 'off' },
    h('span', {}, model, ' model'),
    h('span', { class: 'wideonly' }, all, ' in all'),
    h('span', { class: 'wideonly' }, memory, ' on the GPU'),
    h('span', { class: 'grow' }),
    place,
    value,
    metres,
  );
}

/** Reads the value below the pointer, one at a time. */
class HoverReader {
  readonly reading = new Store<(Reading & Place) | undefined>(undefined);
  readonly #app: App;
  readonly #runner: ImageRunner;
  readonly #measure: Measure;
  #wanted: Place | undefined;
  #busy = false;

  constructor(app: App, runner: ImageRunner, measure: Measure) {
    this.#app = app;
    this.#runner = runner;
    this.#measure = measure;
  }

  at(place: Place | undefined): void {
    this.#wanted = place;
    if (!place) this.reading.set(undefined);
    else if (!this.#busy) void this.#read();
  }

  async #read(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#wanted && this.#runner.facts.value) {
        const place = this.#wanted;
        const [picked] = await this.#app.engine.call('image.pick', [place]);
        if (picked && this.#wanted) {
          this.reading.set({ ...picked, metres: this.#measure.metresOf(picked), ...place });
        }
        // Numbers change four times a second at most.
        await new Promise((resolve) => setTimeout(resolve, 250));
        if (this.#wanted === place) break;
      }
    } catch {
      // The state of the device says why.
    } finally {
      this.#busy = false;
    }
  }
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

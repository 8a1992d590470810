import type { App, Page } from '../../app.ts';
import { h, setText } from '../../dom.ts';
import { useModel } from '../../engine/default_model.ts';
import { isCancelled } from '../../engine/engine.ts';
import { withModel } from '../../engine/model_link.ts';
import { icon } from '../../icons.ts';
import { card, why } from '../../ui/card.ts';
import { radioGroup } from '../../ui/choice.ts';
import { FrameWriter } from '../../ui/frame_writer.ts';
import { attachMenu } from '../../ui/menu.ts';
import { makeRecorder } from '../../ui/recorder.ts';
import { pixelsText } from '../../words.ts';
import type { FilmSave } from '../../worker/film/film_calls.ts';
import { makeGettingReady } from '../getting_ready.ts';
import { badModel, lost, noGpu, noModel, tooBig } from '../state_cards.ts';
import { makeFilmCrop } from './film_crop.ts';
import { clock, makePlayback } from './playback.ts';
import { canShareScreen, makeSources } from './sources.ts';
import { addVideoKeys } from './video_keys.ts';
import { makeVideoPanel } from './video_panel.ts';
import { type FilmLayout, filmOptionsOf } from './video_settings.ts';
import { VideoStage } from './video_stage.ts';

/** A film, a camera or the screen, and its depth while it plays. */
export function makeVideoPage(app: App): Page {
  const { film, engine, filmSettings: settings } = app;
  const stage = new VideoStage(app, settings);
  const sources = makeSources(app);
  const crop = makeFilmCrop(app, settings, stage);

  const stem = (): string => {
    const source = film.source.value;
    return source.kind === 'none' ? 'film' : source.name.replace(/\.[^.]+$/, '');
  };
  const recorder = makeRecorder(app, {
    canvas: () => stage.canvas.element,
    nameOf: () => `${stem()}_depth`,
    async start() {
      const { recordSize: size, beside } = settings.value;
      const made = await engine.call('film.record', { size, beside });
      if (made?.isSmaller) {
        app.toast.show(
          `Recording at ${pixelsText(made.width, made.height)}, the most that fits here.`,
        );
      }
      return made !== undefined;
    },
    finish: () => engine.call('film.recorded', undefined),
  });
  const writer = new FrameWriter<{ readonly format: FilmSave; readonly beside: boolean }, void>(
    app,
    {
      stem,
      // Cameras have no place in a film.
      at: () =>
        film.source.value.kind === 'file'
          ? film.frames.indexAt(film.position.value) + 1
          : undefined,
      ending: ({ format }) => (format === 'npy' ? 'npy' : 'png'),
      read: (wanted) => engine.call('film.save', wanted),
    },
  );
  // A frame that was begun before the recording has the size of the screen; it comes again.
  film.afterFrame = ({ pictureSize }) =>
    pictureSize === film.options?.()?.pictureSize ? writer.take() : undefined;
  film.options = () => {
    const { recordSize } = settings.value;
    const plain = recordSize === 'shown' || !(recorder.recording || writer.writing);
    const size = plain ? 'screen' : recordSize;
    if (!engine.info) return undefined;
    const options = filmOptionsOf(settings.value, engine.info.baseSize, size);
    return crop.open ? { ...options, crop: undefined } : options;
  };
  const record = (): void => {
    if (!film.facts.value) return;
    const { record: kind, beside } = settings.value;
    if (writer.writing) writer.stop();
    else if (kind === 'video' || recorder.recording) recorder.toggle();
    else void writer.start({ format: kind, beside });
  };
  const recordButton = h(
    'button',
    { class: 'btn', type: 'button' },
    h('span', { class: 'rec' }),
    h('span', { class: 'wideonly' }, 'Record'),
  );
  recordButton.addEventListener('click', record);
  const stopRecording = (): boolean => {
    const on = recorder.recording || writer.writing;
    if (on) record();
    return on;
  };
  let since = 0;
  const showRecording = (): void => {
    const on = recorder.recording || writer.writing;
    // An encoder has to be loaded first, and what plays until then is in no video.
    const begun = recorder.begun || writer.writing;
    if (begun && since === 0) since = performance.now();
    if (!begun) since = 0;
    const words = begun ? 'Stop recording' : 'Record';
    recordButton.setAttribute('aria-label', words);
    recordButton.setAttribute('aria-pressed', String(on));
    recordButton.title = `${words} (O)`;
    setText(recordButton.lastElementChild!, words);
    stage.recording = begun ? `Recording ${clock((performance.now() - since) / 1000)}` : '';
  };
  recorder.watch(showRecording);
  writer.onChange = showRecording;
  showRecording();
  film.times.watch(() => since > 0 && showRecording());

  const sourceName = h('span', { class: 'cut' }, 'Open a video');
  const sourceButton = h(
    'button',
    { class: 'btn source', type: 'button' },
    icon('video', true),
    sourceName,
  );
  sourceButton.addEventListener('click', () => void sources.choose());
  const cameraButton = h(
    'button',
    { class: 'btn bare', type: 'button', 'aria-label': 'Webcam' },
    icon('camera', true),
    h('span', { class: 'wideonly' }, 'Webcam'),
  );
  attachMenu(cameraButton, () => sources.cameraItems());
  const screenButton = h(
    'button',
    { class: 'btn bare wideonly', type: 'button' },
    icon('screen', true),
    'Screen',
  );
  screenButton.hidden = !canShareScreen();
  screenButton.addEventListener('click', () => void sources.screen());
  const layout = radioGroup<FilmLayout>({
    label: 'Layout',
    value: settings.value.layout,
    options: [
      { value: 'depth', label: 'Depth' },
      { value: 'inset', label: 'Inset' },
      { value: 'side', label: 'Side by side', class: 'wideonly' },
      { value: 'stack', label: 'Stacked' },
    ],
    onChange: (value) => settings.change({ layout: value }),
  });
  const toggle = h(
    'button',
    { class: 'btn icon bare panel-toggle', type: 'button', 'aria-label': 'Controls' },
    icon('sliders'),
  );
  const fullScreen = h(
    'button',
    {
      class: 'btn icon bare wideonly',
      type: 'button',
      'aria-label': 'Full screen',
      title: 'Full screen',
    },
    icon('fullscreen'),
  );
  const main = h(
    'main',
    { class: 'work work-video' },
    h(
      'div',
      { class: 'tools', role: 'toolbar', 'aria-label': 'Source and view' },
      sourceButton,
      cameraButton,
      screenButton,
      h('span', { class: 'grow wideonly' }),
      layout.element,
      fullScreen,
      toggle,
    ),
    stage.element,
    makePlayback(app, recordButton),
  );
  const panel = makeVideoPanel(app, settings, crop.element);
  const element = h('div', { class: 'split-page' }, main, panel.element);
  toggle.addEventListener('click', () => element.classList.toggle('panel-open'));
  fullScreen.addEventListener('click', () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void main.requestFullscreen();
  });
  film.source.watch((source) =>
    setText(sourceName, source.kind === 'none' ? 'Open a video' : source.name),
  );

  let looking = false;
  let lookAgain = false;
  /** The frame that stands, with a new look; a film that plays shows it with its next frame. */
  const look = async (): Promise<void> => {
    const options = film.options?.();
    if (!options || film.playing.value || !film.facts.value) return;
    if (looking) {
      lookAgain = true;
      return;
    }
    looking = true;
    try {
      const facts = await engine.call('film.look', options);
      if (facts) film.facts.set({ ...film.facts.value, ...facts });
    } catch (error) {
      // A frame that came in between brings a look of its own.
      if (!isCancelled(error)) film.refresh();
    } finally {
      looking = false;
    }
    if (lookAgain) {
      lookAgain = false;
      await look();
    }
  };
  settings.store.watch((now, before) => {
    layout.set(now.layout);
    film.loop = now.loop;
    film.every = now.every;
    film.video.playbackRate = now.speed;
    if (now === before) return;
    if (now.every !== before.every && film.playing.value) {
      film.pause();
      film.play();
    }
    if (now.rounding !== before.rounding && engine.info) {
      const { info } = engine;
      void useModel(engine, info.source, { ...info.options, preset: now.rounding }).catch(() => {
        // The state of the model says what went wrong.
      });
    }
    const isOther = (['size', 'shape', 'crop'] as const).some((key) => now[key] !== before[key]);
    if (isOther) film.refresh();
    else if (now.layout === before.layout) void look();
    if (element.isConnected) {
      const fragment = withModel(engine, settings.fragment());
      history.replaceState(null, '', location.pathname + (fragment ? `#${fragment}` : ''));
    }
  });
  addVideoKeys(app, settings, stage, {
    record,
    crop: () => crop.toggle(),
    leave: () => crop.leave() || stopRecording(),
  });
  watchStates(app, stage.cover, sources, {
    setSize: (size) => settings.change({ size }),
    focusSize: panel.focusSize,
  });

  return {
    element,
    show(fragment) {
      const linked = settings.read(fragment);
      if (Object.keys(linked).length > 0) settings.change(linked);
      stage.attach();
      stage.draw();
    },
    hide() {
      crop.leave();
      recorder.stop();
      writer.stop();
    },
    fragment: () => withModel(engine, settings.fragment()),
    takeFiles([file]) {
      if (file?.type.startsWith('image/')) app.openPhotos([file]);
      else if (file) void sources.openFile(file);
    },
    dropText: (items) =>
      items.some(({ type }) => type.startsWith('image/')) ? 'Open on Image' : 'Play this video',
  };
}

/** What stands over the stage when there is something to say. */
function watchStates(
  app: App,
  place: HTMLElement,
  sources: ReturnType<typeof makeSources>,
  size: Parameters<typeof tooBig>[1],
): void {
  const { engine, film } = app;
  const gettingReady = makeGettingReady(app, () => film.close());
  let shown = '';
  const pick = (): readonly [key: string, make?: () => HTMLElement] => {
    const gpu = engine.gpu.value;
    const model = engine.model.value;
    const failure = film.failure.value;
    if (gpu.state === 'failed') return [gpu.failure.message, () => noGpu(gpu.failure, app)];
    if (gpu.state === 'lost') return ['lost', () => lost(app, 'film')];
    if (failure?.code === 'too-big' && failure.size) {
      const problem = failure.size;
      return [`${failure.message} ${problem.size}`, () => tooBig(problem, size)];
    }
    if (failure) {
      const actions = [...sources.ways(), ...why(failure)];
      const body = [failure.remedy && h('p', {}, failure.remedy)];
      const title = failure.message;
      return [title, () => card({ icon: 'warning', title, bad: true, body, actions })];
    }
    if (film.source.value.kind === 'none') return ['empty', () => empty(sources)];
    if (model.state === 'failed') {
      const { title, failure: of } = model;
      return [`model ${of.message}`, () => badModel(title, of, app)];
    }
    if (model.state === 'none' && gpu.state === 'ready') {
      return ['no model', () => noModel(app, 'The film waits for one.')];
    }
    if (!film.facts.value) return ['ready', () => gettingReady.element];
    return ['nothing'];
  };
  const show = (): void => {
    const [key, make] = pick();
    if (key === 'ready') gettingReady.update(film.progress.value);
    if (key === shown) return;
    shown = key;
    place.replaceChildren(...[make?.()].filter((element) => element !== undefined));
    place.classList.toggle('filled', make !== undefined);
  };
  engine.gpu.watch(show);
  engine.model.watch(show);
  film.source.watch(show);
  film.facts.watch(show);
  film.progress.watch(show);
  film.failure.watch(show);
}

function empty({ choose, camera, screen }: ReturnType<typeof makeSources>): HTMLElement {
  const button = (name: 'video' | 'camera' | 'screen', label: string, run: () => unknown) =>
    h(
      'button',
      {
        class: name === 'video' ? 'btn big main' : 'btn big',
        type: 'button',
        on: { click: () => void run() },
      },
      icon(name),
      label,
    );
  return h(
    'div',
    { class: 'drop empty' },
    icon('video'),
    h(
      'h2',
      {},
      canShareScreen()
        ? 'Open a video, use the camera, or share the screen.'
        : 'Open a video, or use the camera.',
    ),
    h(
      'div',
      { class: 'row wrap centred' },
      button('video', 'Open a video', choose),
      button('camera', 'Use the camera', () => camera()),
      canShareScreen() && button('screen', 'Share the screen', screen),
    ),
    h('p', { class: 'caption' }, 'Frames stay on this device.'),
  );
}

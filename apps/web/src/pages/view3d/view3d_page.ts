import type { App, Page } from '../../app.ts';
import { h, setText } from '../../dom.ts';
import { icon } from '../../icons.ts';
import { Settings } from '../../settings.ts';
import { radioGroup, switchRow } from '../../ui/choice.ts';
import { confirmDialog } from '../../ui/dialog.ts';
import { chooseFiles } from '../../ui/files.ts';
import { FrameWriter } from '../../ui/frame_writer.ts';
import { makeRecorder } from '../../ui/recorder.ts';
import { WorkerCanvas } from '../../ui/worker_canvas.ts';
import { countText, timeText } from '../../words.ts';
import type { DrawAs, View3d } from '../../worker/view3d/view3d_calls.ts';
import { makePlayback } from '../video/playback.ts';
import { cameraOf, lookingAlong, type Orbit, orbitOf, startOrbit } from './camera.ts';
import { makeGizmo } from './gizmo.ts';
import { takeHands } from './hands.ts';
import { makeRecording } from './recording.ts';
import { type Looking, viewFor } from './view.ts';
import { addView3dKeys } from './view3d_keys.ts';
import { nameView } from './view3d_name.ts';
import { makeView3dPanel } from './view3d_panel.ts';
import { View3dRunner } from './view3d_runner.ts';
import { makeView3dSave } from './view3d_save.ts';
import { type View3dSettings, view3dSchema } from './view3d_settings.ts';
import { watchView3dStates } from './view3d_states.ts';

/** Of a picture whose map is not there yet. */
const UNKNOWN: Looking['facts'] = { width: 3, height: 2, kind: 'relative', min: 0, max: 1 };

/** The depth map as a relief, to walk around in. */
export function makeView3dPage(app: App, address: string): Page {
  const settings = new Settings<View3dSettings>('view3d', view3dSchema, address);
  let orbit: Orbit = orbitOf(settings.value.camera);
  let ownMask = false;

  const cover = h('div', { class: 'cover' });
  const viewWith = (facts: Looking['facts']): View3d | undefined => {
    const { clientWidth, clientHeight } = stage;
    if (!canvas.attached || clientWidth === 0 || clientHeight === 0) return undefined;
    return viewFor(settings.value, {
      facts,
      orbit,
      ownMask: ownMask && runner.hasMask.value,
      stage: { width: clientWidth, height: clientHeight },
      density: devicePixelRatio,
      filmed: recorder.recording,
    });
  };
  /** Of the surface that is there. */
  const viewOf = (): View3d | undefined => {
    const facts = runner.facts.value;
    return facts && viewWith(facts);
  };
  /** Controls have something to show before there is one. */
  const waitingView = (): View3d | undefined => {
    const view = runner.source.value.state === 'none' ? undefined : viewWith(UNKNOWN);
    return view && { ...view, waiting: true };
  };
  const runner: View3dRunner = new View3dRunner(app, settings, () => viewOf() ?? waitingView());
  const look = (from: Orbit): void => {
    orbit = from;
    gizmo.show(orbit);
    runner.requestDraw();
  };
  let resting: ReturnType<typeof setTimeout> | undefined;
  const change = (next: (orbit: Orbit) => Orbit): void => {
    look(next(orbit));
    // Remembered once hands rest: browsers allow few changes of the address in a second.
    clearTimeout(resting);
    resting = setTimeout(() => settings.change({ camera: cameraOf(orbit) }), 250);
  };
  settings.store.watch(({ camera }, { camera: before }) => {
    if (camera === before || String(camera) === String(cameraOf(orbit))) return;
    clearTimeout(resting);
    look(orbitOf(camera));
  });
  const reset = (): void => change(() => startOrbit);
  const canvas = new WorkerCanvas(
    app.engine,
    () => {
      const made = h('canvas', { class: 'screen', 'aria-hidden': 'true' });
      takeHands(made, { change, reset });
      return made;
    },
    (offscreen) =>
      app.engine
        .call('view3d.canvas', { canvas: offscreen }, { transfer: [offscreen] })
        .then(() => runner.requestDraw()),
  );
  const gizmo = makeGizmo((axis, behind) => change((now) => lookingAlong(now, axis, behind)));
  gizmo.show(orbit);

  const choose = async (): Promise<void> => {
    const [file] = await chooseFiles({ accept: 'image/*' });
    if (file) openFile(file);
  };
  const setMask = async (file: File): Promise<void> => {
    if (!(await runner.setMask(file))) return;
    setOwnMask(true);
    // Without a threshold a mask would do nothing.
    if (settings.value.mask === 0) settings.change({ mask: 0.5 });
    app.toast.show(`${file.name} is the mask: dark parts are left out.`);
  };
  const openFile = (file: File): void => {
    const isMask = /mask/i.test(file.name) && runner.facts.value !== undefined;
    if (!isMask) {
      void runner.open(file);
      return;
    }
    void confirmDialog('Use it as a mask?', `${file.name} can take the place of the edge mask.`, {
      yes: 'Use as mask',
      no: 'Open as picture',
    }).then((yes) => (yes ? setMask(file) : runner.open(file)));
  };
  const setOwnMask = (on: boolean): void => {
    ownMask = on;
    maskSwitch.set(on);
    runner.requestDraw();
  };
  const maskSwitch = switchRow({
    label: 'Use my mask',
    key: 'M',
    value: false,
    onChange: setOwnMask,
  });
  const maskButton = h('button', { class: 'btn', type: 'button' }, 'Choose a mask');
  maskButton.addEventListener('click', () => {
    void chooseFiles({ accept: 'image/*' }).then(([file]) => file && setMask(file));
  });
  let lastMask = 0.5;
  const toggleMask = (): void => {
    if (runner.hasMask.value) {
      setOwnMask(!ownMask);
      return;
    }
    const { mask } = settings.value;
    if (mask > 0) lastMask = mask;
    settings.change({ mask: mask > 0 ? 0 : lastMask });
  };

  const drawAs = radioGroup<DrawAs>({
    label: 'Draw as',
    value: settings.value.as,
    options: [
      { value: 'triangles', label: 'Triangles' },
      { value: 'points', label: 'Points' },
      { value: 'lines', label: 'Lines' },
    ],
    onChange: (as) => settings.change({ as }),
  });
  settings.store.watch(({ as }) => drawAs.set(as));
  const button = (name: Parameters<typeof icon>[0], label: string, extra = ''): HTMLButtonElement =>
    h(
      'button',
      { class: `btn icon ${extra}`, type: 'button', 'aria-label': label, title: label },
      icon(name),
    );
  const resetButton = h(
    'button',
    { class: 'btn', type: 'button' },
    icon('home', true),
    'Reset view',
  );
  resetButton.addEventListener('click', reset);
  const openButton = button('upload', 'Open a picture');
  openButton.addEventListener('click', () => void choose());
  const panelButton = button('panel', 'Hide or show the panel (H)', 'wideonly');
  const stem = (): string => {
    const source = runner.source.value;
    return `${source.state === 'none' ? 'view' : source.name.replace(/\.[^.]+$/, '')}_3d`;
  };
  const recorder = makeRecorder(app, {
    canvas: () => canvas.element,
    nameOf: stem,
    async start() {
      const view = viewOf();
      if (!view) throw new Error('There is no surface yet.');
      return app.engine.call('view3d.record', view);
    },
    finish: () => app.engine.call('view3d.recorded', undefined),
  });
  const writer = new FrameWriter<'png', View3d>(app, {
    stem,
    ending: (kind) => kind,
    read: (_, view) => app.engine.call('view3d.save', { format: 'view', view, name: stem() }),
  });
  runner.afterDraw = async (view) => {
    if (!view.waiting) await writer.take(view);
  };
  const recording = makeRecording(recorder, writer, {
    isReady: () => runner.facts.value !== undefined,
    start() {
      if (settings.value.record === 'video') recorder.toggle();
      else void writer.start('png');
    },
  });
  runner.facts.watch(recording.update);
  // The first frame is what stands when it begins.
  recording.watch(() => runner.requestDraw());
  const stage = h(
    'div',
    {
      class: 'space',
      id: 'stage',
      tabindex: 0,
      role: 'application',
    },
    canvas.element,
    h('div', { class: 'over top-left' }, drawAs.element),
    gizmo.element,
    h(
      'div',
      { class: 'over bottom-left' },
      resetButton,
      h('span', { class: 'tag wideonly' }, 'Drag to turn, right-drag to move, wheel to zoom'),
    ),
    h('div', { class: 'over bottom-right' }, openButton, recording.button, panelButton),
    recording.progress,
    cover,
  );
  new ResizeObserver(() => runner.requestDraw()).observe(stage);
  nameView(app, runner, stage);

  const playback = h('div', {}, makePlayback(app));
  runner.source.watch(({ state }) => {
    playback.hidden = state !== 'film';
    runner.requestDraw();
  });
  const save = makeView3dSave(app, settings, runner, viewOf);
  const panel = makeView3dPanel(app, settings, runner, save.foot, {
    control: maskSwitch,
    choose: maskButton,
  });
  const element = h(
    'div',
    { class: 'split-page' },
    h('main', { class: 'work work-3d' }, stage, makeStatus(runner), playback),
    panel,
  );
  const togglePanel = (): void => {
    // Where it lies over the stage it opens; where it stands beside it, it goes.
    const over = matchMedia('(min-width: 761px) and (max-width: 1023px)').matches;
    element.classList.toggle(over ? 'panel-open' : 'panel-hidden');
    runner.requestDraw();
  };
  panelButton.addEventListener('click', togglePanel);
  addView3dKeys(app, {
    settings,
    change,
    reset,
    togglePanel,
    toggleMask,
    record: recording.toggle,
    stop: () => recording.stop() || runner.cancelRun(),
    save: () => void save.save(),
    play: () => app.film.toggle(),
  });
  watchView3dStates(app, runner, cover, {
    choose: () => void choose(),
    open: openFile,
    setSize: (size) => settings.change({ size }),
  });
  app.film.frame.watch(() => {
    if (element.isConnected) void runner.takeFrame();
  });
  settings.store.watch((now, before) => {
    if (now === before || !element.isConnected) return;
    const fragment = settings.fragment();
    history.replaceState(null, '', location.pathname + (fragment ? `#${fragment}` : ''));
  });

  let taken: File | number | undefined;
  return {
    element,
    takeFiles([file]) {
      if (file) openFile(file);
    },
    show(fragment) {
      const linked = settings.read(fragment);
      if (Object.keys(linked).length > 0) settings.change(linked);
      canvas.attach();
      // What was last looked at elsewhere comes along, once: what was opened here stays otherwise.
      const wanted = app.current();
      if (wanted && wanted.key !== taken) {
        taken = wanted.key;
        if (wanted.kind === 'film') void runner.follow(wanted.name);
        else void runner.open(wanted.key, wanted.crop);
      } else runner.refresh(wanted);
      runner.requestDraw();
    },
    hide() {
      recorder.stop();
      writer.stop();
    },
    fragment: () => settings.fragment(),
    dropText: (items) => {
      const has = (kind: string): boolean => items.some(({ type }) => type.startsWith(kind));
      if (has('image/')) return 'Open this picture in 3D';
      return has('video/') ? 'Play this video' : undefined;
    },
  };
}

const COUNTED: Record<DrawAs, string> = { triangles: 'faces', points: 'points', lines: 'lines' };

/** The facts below the view. Every number has its room before it comes. */
function makeStatus(runner: View3dRunner): HTMLElement {
  const count = h('b', {}, '–');
  const what = h('span', {}, COUNTED.triangles);
  const drawing = h('b', {}, '–');
  const rate = h('b', {}, '–');
  const model = h('b', {}, '–');
  const name = h('span', { class: 'cut' });
  let last = 0;
  let times: number[] = [];
  let still: ReturnType<typeof setTimeout> | undefined;
  let later: ReturnType<typeof setTimeout> | undefined;
  const show = (): void => {
    later = undefined;
    last = performance.now();
    const drawn = runner.drawn.value;
    if (!drawn) return;
    if (times.length > 1) {
      const mean = (times.at(-1)! - times[0]!) / (times.length - 1);
      setText(rate, (1000 / mean).toFixed(mean > 100 ? 1 : 0));
    }
    // What stands in for a surface has no numbers.
    const isThere = drawn.count > 0;
    setText(count, isThere ? countText(drawn.count) : '–');
    setText(what, COUNTED[drawn.drawAs]);
    setText(drawing, isThere ? timeText(drawn.time) : '–');
  };
  runner.drawn.watch((drawn) => {
    if (!drawn) return;
    const now = performance.now();
    times = [...times.filter((time) => time > now - 1000), now];
    clearTimeout(still);
    // Nothing is drawn while nothing changes.
    still = setTimeout(() => setText(rate, '–'), 1000);
    // Numbers change four times a second at most.
    if (later === undefined) later = setTimeout(show, Math.max(0, last + 250 - now));
  });
  runner.facts.watch((facts) => setText(model, facts ? timeText(facts.modelTime) : '–'));
  runner.source.watch((source) => setText(name, source.state === 'none' ? '' : source.name));
  return h(
    'div',
    { class: 'status' },
    h('span', {}, count, ' ', what),
    h('span', {}, drawing, ' drawing'),
    h('span', { class: 'wideonly' }, rate, ' fps'),
    h('span', { class: 'wideonly' }, model, ' model'),
    h('span', { class: 'grow' }),
    name,
  );
}

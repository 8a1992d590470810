import type { App } from '../../app.ts';
import { type Child, h, setText, svgElement } from '../../dom.ts';
import type { Settings } from '../../settings.ts';
import { choiceField, selectField, switchRow } from '../../ui/choice.ts';
import { group, groupTabs } from '../../ui/group.ts';
import { startValuesButton } from '../../ui/start_values.ts';
import { makePictureGroups } from '../image/panel.ts';
import type { FilmTimes } from './film.ts';
import { makeSteady } from './steady.ts';
import type { VideoSettings } from './video_settings.ts';

const SHOWN = 90;

const EACH =
  'Each frame that goes through the model, into a folder that you choose, or else into one ZIP.';
const recordWords: Readonly<Record<VideoSettings['record'], string>> = {
  video:
    'MP4, or WebM where the browser cannot write that. To have every frame in it, take every one.',
  png: EACH,
  png16: EACH,
  npy: EACH,
};

/** The controls of the video page: timing and steadiness, and those of any picture. */
export function makeVideoPanel(
  app: App,
  settings: Settings<VideoSettings>,
  crop: HTMLElement,
): { readonly element: HTMLElement; focusSize(): void } {
  const { film } = app;
  const bound: (() => void)[] = [];
  const frames = choiceField({
    label: 'Frames',
    value: 'late',
    options: [
      { value: 'late', label: 'Drop late' },
      { value: 'every', label: 'Every one' },
    ],
    onChange: (value) => settings.change({ every: value === 'every' }),
  });
  bound.push(() => frames.set(settings.value.every ? 'every' : 'late'));
  const timing = group({ id: 'video.timing', title: 'Timing' }, ...makeTiming(app), frames.element);

  const steadiness = makeSteady(settings);
  bound.push(steadiness.show);
  const steady = group({ id: 'video.steady', title: 'Steady' }, ...steadiness.elements);

  const record = selectField({
    label: 'Write',
    value: settings.value.record,
    options: [
      { value: 'video', label: 'Video' },
      { value: 'png', label: 'Frames, coloured PNG' },
      { value: 'png16', label: 'Frames, PNG of 16 bits' },
      { value: 'npy', label: 'Frames, NPY of the model' },
    ],
    onChange: (value) => settings.change({ record: value }),
  });
  bound.push(() => record.set(settings.value.record));
  const recordSize = selectField({
    label: 'Size',
    value: settings.value.recordSize,
    options: [
      { value: 'shown', label: 'As shown' },
      { value: 'map', label: 'Of the map' },
      { value: 'film', label: 'Of the film' },
    ],
    onChange: (value) => settings.change({ recordSize: value }),
  });
  const beside = switchRow({
    label: 'Frame beside it',
    value: settings.value.beside,
    onChange: (on) => settings.change({ beside: on }),
  });
  const words = h('p', { class: 'caption' });
  bound.push(() => {
    const { record: kind, recordSize: size, beside: on } = settings.value;
    recordSize.set(size);
    recordSize.element.hidden = kind === 'npy';
    beside.set(on);
    // A view that is recorded as it is shown has its own layout; other frames are of the map alone.
    beside.element.hidden = kind === 'video' ? size === 'shown' : kind !== 'png';
    setText(words, recordWords[kind]);
  });
  const recording = group(
    { id: 'video.record', title: 'Record', open: false },
    record.element,
    recordSize.element,
    beside.element,
    words,
  );

  const { groups: picture, focusSize } = makePictureGroups(
    app,
    settings,
    { facts: film.facts, look: film.facts },
    { input: [crop] },
  );
  bound.push(() => {
    const { value, start } = settings;
    steady.setBadge(value.steady === start.steady ? '' : value.steady);
    timing.setBadge(value.every !== start.every ? 'every frame' : '');
    const kind = { video: 'video', png: 'PNG', png16: 'PNG of 16 bits', npy: 'NPY' }[value.record];
    recording.setBadge(value.record === start.record ? '' : kind);
  });
  settings.store.watch(() => {
    for (const show of bound) show();
  });
  const groups = [timing, steady, ...picture, recording];
  const element = h(
    'aside',
    { class: 'panel', 'aria-label': 'Controls' },
    groupTabs(groups),
    h(
      'div',
      { class: 'panel-body' },
      ...groups.map(({ element: of }) => of),
      startValuesButton(app, settings),
    ),
  );
  return { element, focusSize };
}

/** Four numbers at a quarter second's pace, and the last frames as two lines. */
function makeTiming(app: App): Child[] {
  const { film } = app;
  const number = (words: string): { value: HTMLElement; element: HTMLElement } => {
    const value = h('b', {}, '–');
    return { value, element: h('span', {}, value, h('span', { class: 'caption' }, words)) };
  };
  const model = number('ms model');
  const frame = number('ms frame');
  const rate = number('per second');
  const dropped = number('dropped');
  const all = [model, frame, rate, dropped];
  const plot = svgElement('svg', {
    class: 'spark',
    viewBox: `0 0 ${SHOWN - 1} 60`,
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  });
  const frameLine = svgElement('polyline', { class: 'f' });
  const modelLine = svgElement('polyline', { class: 'm' });
  plot.append(frameLine, modelLine);
  let history: FilmTimes[] = [];
  let last = 0;
  film.times.watch((times) => {
    if (!times) {
      history = [];
      for (const { value } of all) setText(value, '–');
      for (const each of [frameLine, modelLine]) each.setAttribute('points', '');
      return;
    }
    history = [...history.slice(1 - SHOWN), times];
    const now = performance.now();
    if (now - last < 250) return;
    last = now;
    setText(model.value, Math.round(times.model).toString());
    setText(frame.value, Math.round(times.frame).toString());
    const recent = history.slice(-8);
    const mean = recent.reduce((sum, { frame: of }) => sum + of, 0) / recent.length;
    setText(rate.value, (1000 / mean).toFixed(mean > 100 ? 1 : 0));
    setText(dropped.value, times.dropped.toString());
    const most = Math.max(...history.map(({ frame: of, model: m }) => Math.max(of, m)), 1);
    const points = (of: (times: FilmTimes) => number): string =>
      history
        .map(
          (each, i) => `${SHOWN - history.length + i},${(58 - (54 * of(each)) / most).toFixed(1)}`,
        )
        .join(' ');
    frameLine.setAttribute(
      'points',
      points(({ frame: of }) => of),
    );
    modelLine.setAttribute(
      'points',
      points(({ model: of }) => of),
    );
  });
  return [
    h('div', { class: 'nums' }, ...all.map(({ element }) => element)),
    plot,
    h(
      'div',
      { class: 'row caption' },
      h('span', {}, h('i', { class: 'key' }), 'model'),
      h('span', {}, h('i', { class: 'key f' }), 'frame'),
      h('span', { class: 'grow' }),
      h('span', {}, `last ${SHOWN} frames`),
    ),
  ];
}

import { fill, h, setStyle, setText } from '../../dom.ts';
import { usualOptions } from '../../engine/default_model.ts';
import { chooseFiles } from '../../ui/files.ts';
import { group } from '../../ui/group.ts';
import { slider } from '../../ui/slider.ts';
import { bytesText, pixelsText, timeText, valueText } from '../../words.ts';
import type { ComparedRun, ModelComparison } from '../../worker/insight/insight_calls.ts';
import type { ModelOptions, ModelSource, StoredModel } from '../../worker/model_calls.ts';
import { mapCanvas, pngOf, sheetOf, showPicture } from './paint.ts';
import { agreementTable } from './reference_rows.ts';
import { settingRows, sizeRange } from './setting_rows.ts';
import { colourField, latest, type Tool, type ToolContext, table } from './tool.ts';

const SAME = '';
const BUNDLED = 'bundled';

/** Two models, sizes or precisions on the same photo: both maps, what differs, and what each takes. */
export function makeCompareTool({ app, settings, runner, isShown }: ToolContext): Tool {
  const first = makePane('Depth of the model in use');
  const second = makePane('Depth of the other model');
  const between = makePane('Difference');
  const panes = [first, second, between];
  const element = h('div', { class: 'at trio' }, ...panes.map(({ figure }) => figure));
  const said = h('span', {});
  const status = h('div', { class: 'status' }, said);

  const select = h('select', { class: 'select full', 'aria-label': 'The other model' });
  select.addEventListener('change', () => settings.change({ other: select.value }));
  const choose = h('button', { class: 'btn', type: 'button' }, 'Choose a file');
  choose.addEventListener('click', () => {
    void chooseFiles({ accept: '.safetensors,.pth,.pt' }).then(([file]) => {
      if (!file) return;
      chosen = file;
      settings.change({ other: file.name });
      list();
      ask();
    });
  });
  const rows = settingRows(settings);
  const size = slider({
    label: 'Its size',
    min: 56,
    max: 1036,
    step: 14,
    start: 518,
    unit: 'px',
    onChange: (pixels) =>
      settings.change({ otherSize: pixels === runner.facts.value?.size ? 0 : pixels }),
  });
  // It starts at the size in use, which this device is known to be good for.
  const showSize = (): void => {
    const { info } = app.engine;
    const facts = runner.facts.value;
    if (!info || !facts) return;
    size.setRange({ ...sizeRange(info, facts.size), start: facts.size });
    size.set(settings.value.otherSize || facts.size);
    size.setNote(settings.value.otherSize === 0 ? 'as the first' : '');
  };
  runner.facts.watch(showSize);
  const precision = rows.choice('otherPrecision', 'Precision', { f32: 'f32', f16: 'f16' });
  const noHalf = h('p', { class: 'caption' }, 'This device has no half precision.');
  app.engine.gpu.watch((state) => {
    const half = state.state === 'ready' && state.info.f16;
    precision.element.hidden = !half;
    noHalf.hidden = half;
  });
  const numbers = h('div');
  const runs = h('div');
  const colours = colourField(settings);
  const groups = [
    group(
      { id: 'compare', title: 'The other model' },
      select,
      choose,
      size.element,
      precision.element,
      noHalf,
    ),
    group(
      { id: 'compare-numbers', title: 'Difference' },
      numbers,
      h(
        'p',
        { class: 'caption' },
        'Depth from one photo is known but for a scale and a shift, so the other map is fitted to the first.',
      ),
    ),
    group({ id: 'compare-runs', title: 'What each takes' }, runs),
    group({ id: 'compare-colours', title: 'Colours' }, ...colours.elements),
  ];

  let chosen: File | undefined;
  let stored: readonly StoredModel[] = [];
  let answer: ModelComparison | undefined;
  /** What the answer is of. */
  let answered = '';

  const list = (): void => {
    fill(
      select,
      h('option', { value: SAME }, 'The same model'),
      h('option', { value: BUNDLED }, 'Small demonstration model'),
      ...stored
        .filter(({ partial }) => !partial)
        .map(({ file, title }) => h('option', { value: file }, title ? `${title}, ${file}` : file)),
      chosen && h('option', { value: chosen.name }, chosen.name),
    );
    select.value = settings.value.other;
    if (select.selectedIndex < 0) select.value = SAME;
  };

  /** What the chosen entry is, and what is known of it. Undefined: the model in use. */
  const otherModel = (): { source: ModelSource | undefined; options: ModelOptions } => {
    const precision = settings.value.otherPrecision;
    const { value } = select;
    const own = app.engine.info?.options ?? usualOptions;
    if (value === SAME) return { source: undefined, options: { ...own, precision } };
    const options = { ...usualOptions, precision };
    if (value === BUNDLED) return { source: { kind: 'bundled' }, options };
    if (value === chosen?.name) return { source: { kind: 'file', file: chosen }, options };
    const known = stored.find(({ file }) => file === value)?.options;
    return {
      source: { kind: 'stored', file: value },
      options: { ...options, ...known, precision },
    };
  };

  const sayRun = (pane: Pane, { width, height, title, dtype, time }: ComparedRun): void => {
    pane.canvas.setAttribute('aria-label', `Depth of ${title}, ${width} by ${height}`);
    setText(pane.title, title);
    setText(pane.words, `${pixelsText(width, height)} · ${dtype} · ${timeText(time)}`);
  };

  const say = ({ agreement, range, runs: both }: ModelComparison): void => {
    const [a, b] = both;
    sayRun(first, a);
    sayRun(second, b);
    setText(between.title, 'Other minus first');
    const share = `${((100 * agreement.mean) / (range || 1)).toPrecision(3)} % of the range`;
    setText(between.words, `mean ${share}`);
    between.canvas.setAttribute('aria-label', `Other minus first, mean ${share}`);
    app.announce.say(`Compared: mean difference ${share}`);
    fill(numbers, agreementTable(agreement));
    fill(
      runs,
      table(
        'What each takes',
        ['', 'First', 'Other'],
        [
          ['Time', timeText(a.time), timeText(b.time)],
          ['Weights', bytesText(a.weightBytes), bytesText(b.weightBytes)],
          ['Input', pixelsText(a.width, a.height), pixelsText(b.width, b.height)],
          ['Precision', a.dtype, b.dtype],
        ],
      ),
    );
    setText(said, 'Times are of the second of two runs, with the way back to the host');
  };

  const draw = latest(async () => {
    if (!answer || !runner.facts.value) return;
    const { map } = settings.value;
    const pictures = await runner.ask('insight.comparePictures', { map });
    if (!pictures) return;
    pictures.forEach(({ bitmap }, i) => {
      showPicture(panes[i]!.canvas, bitmap);
    });
    const [, , { low, high }] = pictures;
    colours.setEnds(valueText(low), valueText(high));
    element.dataset.compared = answered;
  });

  const ask = latest(async () => {
    const facts = runner.facts.value;
    if (!facts || !isShown('compare')) return;
    const { otherSize } = settings.value;
    const which = `${facts.width} ${select.value} ${otherSize || facts.size}`;
    const result = await runner.ask('insight.compare', { size: otherSize, ...otherModel() });
    if (!result || facts !== runner.facts.value) return;
    [answer, answered] = [result, which];
    setStyle(element, '--ratio', `${facts.width} / ${facts.height}`);
    say(result);
    draw();
  });

  const refresh = async (): Promise<void> => {
    ({ models: stored } = await app.engine.call('store.list', undefined));
    list();
    ask();
  };

  settings.store.watch((value, before) => {
    if (value.otherSize !== before.otherSize) showSize();
    if (!isShown('compare')) return;
    const asked = ['other', 'otherSize', 'otherPrecision'] as const;
    if (value.other !== before.other) list();
    if (asked.some((key) => value[key] !== before[key])) ask();
    else if (value.map !== before.map) draw();
  });

  return {
    id: 'compare',
    title: 'Compare',
    box: undefined,
    element,
    groups,
    status,
    update: () => void refresh(),
    async save() {
      const npy = answer && (await runner.ask('insight.npy', { of: 'compared' }));
      if (!npy) return [];
      const canvases = panes.map(({ canvas }) => canvas);
      return [
        { name: 'compared.png', blob: await pngOf(sheetOf(canvases, 3, first.canvas.width)) },
        { name: 'compared_difference.npy', blob: npy },
      ];
    },
  };
}

type Pane = ReturnType<typeof makePane>;

function makePane(label: string) {
  const canvas = mapCanvas(label);
  const title = h('b', { class: 'cut' });
  const words = h('span', { class: 'nowrap' });
  const figure = h(
    'figure',
    {},
    h('div', { class: 'frame smooth' }, canvas),
    h('figcaption', { class: 'caption' }, title, words),
  );
  return { canvas, title, words, figure };
}

import { encodeNpy } from '@dpt-webgpu/loaders';
import { h, setStyle, setText } from '../../dom.ts';
import { group } from '../../ui/group.ts';
import { type Slider, slider } from '../../ui/slider.ts';
import { timeText, valueText } from '../../words.ts';
import type { FusionResult } from '../../worker/insight/insight_calls.ts';
import { mapCanvas, paint, pngOf, rangeOf, sheetOf } from './paint.ts';
import { settingRows } from './setting_rows.ts';
import { colourField, latest, type Tool, type ToolContext } from './tool.ts';

const NAMES = ['Level 1, finest', 'Level 2', 'Level 3', 'Level 4, coarsest'];
const ONES = [1, 1, 1, 1];

/** What each level of fusion adds: its map is multiplied by a number, and only fusion and head run again. */
export function makeFusionTool({ app, settings, runner, isShown }: ToolContext): Tool {
  const before = mapCanvas('Depth as it is');
  const after = mapCanvas('Depth with these scales');
  const caption = h('span', {});
  const pane = (canvas: HTMLCanvasElement, ...words: (string | Node)[]): HTMLElement =>
    h(
      'figure',
      {},
      h('div', { class: 'frame' }, canvas),
      h('figcaption', { class: 'caption' }, ...words),
    );
  const element = h(
    'div',
    { class: 'at pair' },
    pane(after, 'With these scales', caption),
    pane(before, 'As it is'),
  );
  const said = h('span', {});
  const status = h(
    'div',
    { class: 'status' },
    said,
    h('span', { class: 'grow' }),
    h('span', { class: 'wideonly' }, 'Only fusion and head run again'),
  );

  const scales = (): readonly number[] =>
    settings.value.scales.length === 4 ? settings.value.scales : ONES;
  const setLevel = (level: number, value: number): void => {
    const next = scales().map((scale, i) => (i === level ? value : scale));
    settings.change({ scales: next.every((scale) => scale === 1) ? [] : next });
  };
  let pointed = 0;
  const sliders: Slider[] = NAMES.map((label, level) => {
    const made = slider({
      label,
      min: -5,
      max: 5,
      step: 0.05,
      start: 1,
      digits: 2,
      onChange: (value) => setLevel(level, value),
    });
    made.element.addEventListener('pointerenter', () => {
      pointed = level;
    });
    made.element.addEventListener('focusin', () => {
      pointed = level;
    });
    return made;
  });
  const all = h('button', { class: 'btn', type: 'button' }, 'All to 1');
  all.addEventListener('click', () => settings.change({ scales: [] }));
  const colours = colourField(settings);
  const rows = settingRows(settings);
  const groups = [
    group({ id: 'fusion', title: 'Scale of each level' }, ...sliders.map((of) => of.element), all),
    group(
      { id: 'fusion-colours', title: 'Colours' },
      ...colours.elements,
      rows.flag('reverse', 'Reverse colours', 'R').element,
      rows.flag('contrast', 'High contrast', 'H').element,
    ),
  ];

  let plain: { readonly of: unknown; readonly result: FusionResult } | undefined;
  let scaled: FusionResult | undefined;

  const draw = (): void => {
    if (!plain || !scaled) return;
    const { map, reverse, contrast } = settings.value;
    const { width, height, values } = plain.result;
    paint(before, values, [width, height], map, { reverse, contrast });
    paint(after, scaled.values, [width, height], map, { reverse, contrast });
    const range = rangeOf(scaled.values);
    colours.setEnds(valueText(range.low), valueText(range.high));
    const change =
      values.reduce((sum, value, i) => sum + Math.abs(scaled!.values[i]! - value), 0) /
      values.length;
    const { low, high } = rangeOf(values);
    const share = high > low ? (100 * change) / (high - low) : 0;
    element.dataset.change = String(share);
    setText(caption, `mean change ${share.toFixed(share < 10 ? 2 : 0)} % of the range`);
    setText(said, `Fusion and head in ${timeText(scaled.time)}`);
  };

  const ask = latest(async () => {
    const facts = runner.facts.value;
    if (!facts || !isShown('fusion')) return;
    if (plain?.of !== facts) {
      const result = await runner.ask('insight.fusion', { scales: ONES });
      if (!result || facts !== runner.facts.value) return;
      plain = { of: facts, result };
    }
    const wanted = scales();
    const result = wanted.every((scale) => scale === 1)
      ? plain.result
      : await runner.ask('insight.fusion', { scales: wanted });
    if (!result || facts !== runner.facts.value) return;
    setStyle(element, '--ratio', `${facts.width} / ${facts.height}`);
    element.dataset.scales = wanted.join();
    scaled = result;
    draw();
  });

  settings.store.watch((value, earlier) => {
    sliders.forEach((of, level) => {
      of.set(scales()[level]!);
    });
    if (!isShown('fusion')) return;
    if (value.scales !== earlier.scales) ask();
    else draw();
  });
  const when = (change: () => void) => (): boolean => {
    if (!isShown('fusion')) return false;
    change();
    return true;
  };
  const pages = ['insight'] as const;
  const step = (by: number): void =>
    setLevel(pointed, Math.min(Math.max(scales()[pointed]! + by, -5), 5));
  app.keys.add(
    {
      keys: ['ArrowUp'],
      action: 'Fusion: more of this level',
      pages,
      original: true,
      run: when(() => step(0.05)),
    },
    {
      keys: ['ArrowDown'],
      action: 'Fusion: less of this level',
      pages,
      original: true,
      run: when(() => step(-0.05)),
    },
    {
      keys: ['d'],
      action: 'Fusion: this level off or on',
      pages,
      original: true,
      run: when(() => setLevel(pointed, scales()[pointed] === 0 ? 1 : 0)),
    },
    {
      keys: ['r'],
      action: 'Fusion: reverse colours',
      pages,
      original: true,
      run: when(() => settings.change({ reverse: !settings.value.reverse })),
    },
    {
      keys: ['h'],
      action: 'Fusion: high contrast',
      pages,
      original: true,
      run: when(() => settings.change({ contrast: !settings.value.contrast })),
    },
  );

  return {
    id: 'fusion',
    title: 'Fusion scaling',
    box: 'fusion',
    element,
    groups,
    status,
    update: ask,
    async save() {
      if (!scaled) return [];
      const name = `fusion_${scales().join('_')}`;
      const numbers = encodeNpy(scaled.values, [scaled.height, scaled.width]);
      return [
        { name: `${name}.png`, blob: await pngOf(sheetOf([after], 1, after.width)) },
        { name: `${name}.npy`, blob: new Blob([new Uint8Array(numbers)]) },
      ];
    },
  };
}

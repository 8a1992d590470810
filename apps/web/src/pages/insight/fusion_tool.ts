import { h, setStyle, setText } from '../../dom.ts';
import { group } from '../../ui/group.ts';
import { type Slider, slider } from '../../ui/slider.ts';
import { timeText, valueText } from '../../words.ts';
import { mapCanvas, pngOf, sheetOf, showPicture } from './paint.ts';
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

  const ask = latest(async () => {
    const facts = runner.facts.value;
    if (!facts || !isShown('fusion')) return;
    const wanted = scales();
    const { map, reverse, contrast } = settings.value;
    const shades = { map, reverse, contrast };
    const result = await runner.ask('insight.fusion', { scales: wanted, shades });
    if (!result || facts !== runner.facts.value) return;
    setStyle(element, '--ratio', `${facts.width} / ${facts.height}`);
    showPicture(before, result.before.bitmap);
    showPicture(after, result.after.bitmap);
    colours.setEnds(valueText(result.after.low), valueText(result.after.high));
    const share = 100 * result.change;
    element.dataset.change = String(share);
    element.dataset.scales = wanted.join();
    const words = `mean change ${share.toFixed(share < 10 ? 2 : 0)} % of the range`;
    setText(caption, words);
    app.announce.say(`Scales ${wanted.join(', ')}: ${words}`);
    setText(said, `Fusion and head in ${timeText(result.time)}`);
  });

  settings.store.watch((value, earlier) => {
    sliders.forEach((of, level) => {
      of.set(scales()[level]!);
    });
    const asked = ['scales', 'map', 'reverse', 'contrast'] as const;
    if (asked.some((key) => value[key] !== earlier[key])) ask();
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
      const npy = await runner.ask('insight.npy', { of: 'fusion' });
      if (!npy) return [];
      const name = `fusion_${scales().join('_')}`;
      return [
        { name: `${name}.png`, blob: await pngOf(sheetOf([after], 1, after.width)) },
        { name: `${name}.npy`, blob: npy },
      ];
    },
  };
}

import { encodeNpy } from '@dpt-webgpu/loaders';
import { fill, h, setStyle, setText } from '../../dom.ts';
import { choiceField, switchRow } from '../../ui/choice.ts';
import { group } from '../../ui/group.ts';
import { slider } from '../../ui/slider.ts';
import { valueText } from '../../words.ts';
import type { BlockNorms } from '../../worker/insight/insight_calls.ts';
import { histogram, mapCanvas, paint, pngOf, rangeOf, sheetOf } from './paint.ts';
import {
  colourField,
  columnKeys,
  latest,
  showColumns,
  type Tool,
  type ToolContext,
  table,
} from './tool.ts';

const BINS = 36;

/** The length of every token after each block, or one of its channels: where the network keeps its outliers. */
export function makeNormsTool({ app, settings, runner, isShown }: ToolContext): Tool {
  const tiles = h('div', { class: 'tiles', role: 'group', 'aria-label': 'Block' });
  const element = h('div', { class: 'at single' }, tiles);
  const said = h('span', {});
  const status = h('div', { class: 'status' }, said);

  const show = choiceField({
    label: 'Show',
    options: [
      { value: 'norm', label: 'Length' },
      { value: 'channel', label: 'Channel' },
    ],
    value: settings.value.norms,
    onChange: (value) => settings.change({ norms: value }),
  });
  const channel = slider({
    label: 'Channel',
    min: 0,
    max: 1,
    step: 1,
    start: 0,
    onChange: (value) => settings.change({ channel: value }),
  });
  const bars = switchRow({
    label: 'Bars',
    key: 'B',
    value: settings.value.bars,
    onChange: (value) => settings.change({ bars: value }),
  });
  const colours = colourField(settings);
  const chosen = h('h3', {});
  const plot = h('div');
  const numbers = h('div');
  const groups = [
    group({ id: 'norms', title: 'Blocks' }, show.element, channel.element),
    group({ id: 'norms-block', title: 'This block' }, chosen, plot, bars.element, numbers),
    group({ id: 'norms-colours', title: 'Colours' }, ...colours.elements),
  ];

  let maps: readonly BlockNorms[] = [];
  let canvases: HTMLCanvasElement[] = [];
  const blockAt = (): number => Math.min(settings.value.block, Math.max(maps.length - 1, 0));

  const draw = (): void => {
    const map = maps[blockAt()];
    if (!map) return;
    maps.forEach(({ values, width, height }, i) => {
      paint(canvases[i]!, values, [width, height], settings.value.map);
      const button = canvases[i]!.closest('button')!;
      if (i === blockAt()) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    });
    const { low, high } = rangeOf(map.values);
    colours.setEnds(valueText(low), valueText(high));
    setText(chosen, `Block ${map.block + 1}`);
    const counts = Array.from({ length: BINS }, () => 0);
    for (const value of map.values) {
      counts[Math.min(Math.floor((BINS * (value - low)) / (high - low || 1)), BINS - 1)]!++;
    }
    fill(
      plot,
      histogram(
        counts,
        settings.value.bars,
        `Histogram of block ${map.block + 1}`,
      ) as unknown as HTMLElement,
    );
    const mean = map.values.reduce((a, b) => a + b, 0) / map.values.length;
    fill(
      numbers,
      table(
        [],
        [
          ['Smallest', valueText(low)],
          ['Mean', valueText(mean)],
          ['Largest', valueText(high)],
          ...(map.readout === undefined ? [] : [['Readout token', valueText(map.readout)]]),
        ],
      ),
    );
  };

  const ask = latest(async () => {
    const facts = runner.facts.value;
    if (!facts || !isShown('norms')) return;
    const { norms, channel: at } = settings.value;
    const answer = await runner.ask(
      'insight.norms',
      { channel: norms === 'channel' ? Math.min(at, facts.features - 1) : undefined },
      { onProgress: ({ done, total }) => setText(said, `Block ${done} of ${total}`) },
    );
    if (!answer || facts !== runner.facts.value) return;
    if (answer.length !== canvases.length) build(answer.length);
    setStyle(element, '--ratio', `${facts.width} / ${facts.height}`);
    maps = answer;
    setText(
      said,
      norms === 'channel'
        ? `Channel ${at} of each token, after each block`
        : 'Euclidean length of each token, after each block; each map has its own scale',
    );
    draw();
  });

  const build = (count: number): void => {
    canvases = Array.from({ length: count }, (_, i) => mapCanvas(`Block ${i + 1}`));
    fill(
      tiles,
      ...canvases.map((canvas, i) =>
        h(
          'button',
          {
            type: 'button',
            'aria-label': `Block ${i + 1}`,
            on: { click: () => settings.change({ block: i }) },
          },
          h('span', { class: 'frame' }, canvas),
          `Block ${i + 1}`,
        ),
      ),
    );
  };

  settings.store.watch((value, before) => {
    show.set(value.norms);
    channel.set(value.channel);
    channel.element.hidden = value.norms !== 'channel';
    bars.set(value.bars);
    showColumns(tiles, value.columns);
    if (!isShown('norms')) return;
    if (value.norms !== before.norms || value.channel !== before.channel) ask();
    draw();
  });

  const when = (change: () => void) => (): boolean => {
    if (!isShown('norms')) return false;
    change();
    return true;
  };
  const pages = ['insight'] as const;
  const move = (by: number): void => {
    const { features = 1 } = runner.facts.value ?? {};
    const next = Math.min(Math.max(settings.value.channel + by, 0), features - 1);
    settings.change({ norms: 'channel', channel: next });
  };
  app.keys.add(
    ...columnKeys(settings, 'Norms', () => (isShown('norms') ? tiles : undefined)),
    {
      keys: ['n'],
      action: 'Norms: length',
      pages,
      original: true,
      run: when(() => settings.change({ norms: 'norm' })),
    },
    {
      keys: ['c'],
      action: 'Norms: channel',
      pages,
      original: true,
      run: when(() => settings.change({ norms: 'channel' })),
    },
    {
      keys: ['b'],
      action: 'Norms: bars or line',
      pages,
      original: true,
      run: when(() => settings.change({ bars: !settings.value.bars })),
    },
    {
      keys: ['['],
      action: 'Norms: channel before',
      pages,
      original: true,
      run: when(() => move(-1)),
    },
    { keys: [']'], action: 'Norms: next channel', pages, original: true, run: when(() => move(1)) },
  );

  return {
    id: 'norms',
    title: 'Block norms',
    box: undefined,
    element,
    groups,
    status,
    update() {
      const { features = 1 } = runner.facts.value ?? {};
      channel.setRange({ min: 0, max: Math.max(features - 1, 0), step: 1, start: 0 });
      channel.set(settings.value.channel);
      ask();
    },
    async save() {
      const map = maps[blockAt()];
      if (!map) return [];
      const { norms, channel: at } = settings.value;
      const name = norms === 'channel' ? `channel${at}` : 'norms';
      const values = encodeNpy(map.values, [map.height, map.width]);
      return [
        { name: `blocks_${name}.png`, blob: await pngOf(sheetOf(canvases, 4, 320)) },
        {
          name: `block${map.block + 1}_${name}.npy`,
          blob: new Blob([new Uint8Array(values)]),
        },
      ];
    },
  };
}

import { encodeNpy } from '@dpt-webgpu/loaders';
import { fill, h, setStyle, setText } from '../../dom.ts';
import { choiceField, switchRow } from '../../ui/choice.ts';
import { group } from '../../ui/group.ts';
import { slider } from '../../ui/slider.ts';
import { valueText } from '../../words.ts';
import type { BlockNorms } from '../../worker/insight/insight_calls.ts';
import { addNormsKeys } from './norms_keys.ts';
import { histogram, mapCanvas, paint, pngOf, rangeOf, sheetOf } from './paint.ts';
import { colourField, latest, showColumns, type Tool, type ToolContext, table } from './tool.ts';

/** As the original has them, and finer. */
const BINS = { plain: 36, fine: 144 } as const;
/** The longer side of the photo where it stands in place of a map. */
const PHOTO = 480;

/** The length of every token after each block, or one of its channels: where the network keeps its outliers. */
export function makeNormsTool(context: ToolContext): Tool {
  const { settings, runner, isShown } = context;
  const tiles = h('div', { class: 'tiles', role: 'group', 'aria-label': 'Block' });
  const element = h('div', { class: 'at single' }, tiles);
  const said = h('span', {});
  const status = h('div', { class: 'status' }, said);

  const show = choiceField({
    label: 'Show',
    options: [
      { value: 'image', label: 'Image' },
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
  const graph = switchRow({
    label: 'Histogram',
    key: 'H',
    value: settings.value.histogram,
    onChange: (value) => settings.change({ histogram: value }),
  });
  const fine = switchRow({
    label: 'Fine bins',
    key: 'F',
    value: settings.value.fine,
    onChange: (value) => settings.change({ fine: value }),
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
    group(
      { id: 'norms-block', title: 'This block' },
      chosen,
      plot,
      graph.element,
      fine.element,
      bars.element,
      numbers,
    ),
    group({ id: 'norms-colours', title: 'Colours' }, ...colours.elements),
  ];

  let maps: readonly BlockNorms[] = [];
  let canvases: HTMLCanvasElement[] = [];
  const blockAt = (): number => Math.min(settings.value.block, Math.max(maps.length - 1, 0));

  const draw = (): void => {
    const map = maps[blockAt()];
    if (!map) return;
    maps.forEach(({ values, width, height }, i) => {
      if (settings.value.norms === 'image') showPhoto(canvases[i]!);
      else paint(canvases[i]!, values, [width, height], settings.value.map);
      const button = canvases[i]!.closest('button')!;
      if (i === blockAt()) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    });
    const { low, high } = rangeOf(map.values);
    colours.setEnds(valueText(low), valueText(high));
    setText(chosen, `Block ${map.block + 1}`);
    const bins = BINS[settings.value.fine ? 'fine' : 'plain'];
    const counts = Array.from({ length: bins }, () => 0);
    for (const value of map.values) {
      counts[Math.min(Math.floor((bins * (value - low)) / (high - low || 1)), bins - 1)]!++;
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

  const showPhoto = (canvas: HTMLCanvasElement): void => {
    const facts = runner.facts.value;
    const photo = runner.photo.value;
    if (!facts || !photo) return;
    const scale = PHOTO / Math.max(facts.width, facts.height);
    canvas.width = Math.round(facts.width * scale);
    canvas.height = Math.round(facts.height * scale);
    canvas.getContext('2d')!.drawImage(photo.bitmap, 0, 0, canvas.width, canvas.height);
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
    element.dataset.blocks = `${answer.length} ${norms} ${at}`;
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
    graph.set(value.histogram);
    fine.set(value.fine);
    bars.set(value.bars);
    for (const of of [plot, fine.element, bars.element]) of.hidden = !value.histogram;
    showColumns(tiles, value.columns);
    if (!isShown('norms')) return;
    // Behind the photo are the lengths.
    if (value.norms !== before.norms || value.channel !== before.channel) ask();
    draw();
  });

  addNormsKeys(context, { blockAt, shown: () => (isShown('norms') ? tiles : undefined) });

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

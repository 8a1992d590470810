import { encodeNpy } from '@dpt-webgpu/loaders';
import { fill, h, setAttribute, setStyle, setText } from '../../dom.ts';
import { group } from '../../ui/group.ts';
import { valueText } from '../../words.ts';
import type { BlockNorms } from '../../worker/insight/insight_calls.ts';
import { addNormsKeys } from './norms_keys.ts';
import { histogram, mapCanvas, paint, pngOf, rangeOf, sheetOf, showPicture } from './paint.ts';
import { settingRows } from './setting_rows.ts';
import { colourField, latest, showColumns, type Tool, type ToolContext, table } from './tool.ts';

/** As the original has them, and finer. */
const BINS = { plain: 36, fine: 144 } as const;
/** What is seen, in one line. */
const views = {
  image: () => 'The photo as the model takes it; numbers and histogram are of the lengths',
  norm: () => 'Euclidean length of each token, after each block; each map has its own scale',
  channel: (at: number) => `Channel ${at} of each token, after each block`,
} as const;
/** The longer side of the photo where it stands in place of a map. */
const PHOTO = 360;

/** The length of every token after each block, or one of its channels: where the network keeps its outliers. */
export function makeNormsTool(context: ToolContext): Tool {
  const { app, settings, runner, isShown } = context;
  const tiles = h('div', { class: 'tiles', role: 'group', 'aria-label': 'Block' });
  const element = h('div', { class: 'at single' }, tiles);
  const said = h('span', {});
  const status = h('div', { class: 'status' }, said);

  const rows = settingRows(settings);
  const show = rows.choice('norms', 'Show', { image: 'Image', norm: 'Length', channel: 'Channel' });
  const channel = rows.number('channel', { label: 'Channel', min: 0, max: 1, step: 1 });
  const graph = rows.flag('histogram', 'Histogram', 'H');
  const fine = rows.flag('fine', 'Fine bins', 'F');
  const bars = rows.flag('bars', 'Bars', 'B');
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
  /** What the tiles show: the maps and their colours, or the photo. */
  let drawn: readonly unknown[] = [];
  let saidLast = '';
  let small: { readonly of: unknown; readonly canvas: HTMLCanvasElement } | undefined;
  const blockAt = (): number => Math.min(settings.value.block, Math.max(maps.length - 1, 0));

  const draw = (): void => {
    const map = maps[blockAt()];
    if (!map) return;
    drawTiles();
    canvases.forEach((canvas, i) => {
      const current = i === blockAt() ? 'true' : undefined;
      setAttribute(canvas.closest('button')!, 'aria-current', current);
    });
    const { low, high } = rangeOf(map.values);
    colours.setEnds(valueText(low), valueText(high));
    setText(chosen, `Block ${map.block + 1}`);
    // Arrows change it while the focus is elsewhere.
    const words = `Block ${map.block + 1}: ${valueText(low)} to ${valueText(high)}`;
    if (words !== saidLast) app.announce.say(words);
    saidLast = words;
    const bins = BINS[settings.value.fine ? 'fine' : 'plain'];
    const counts = Array.from({ length: bins }, () => 0);
    for (const value of map.values) {
      counts[Math.min(Math.floor((bins * (value - low)) / (high - low || 1)), bins - 1)]!++;
    }
    fill(plot, histogram(counts, settings.value.bars, `Histogram of block ${map.block + 1}`));
    const mean = map.values.reduce((a, b) => a + b, 0) / map.values.length;
    fill(
      numbers,
      table(
        `Numbers of block ${map.block + 1}`,
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

  /** Only where they are not what they were drawn from. */
  const drawTiles = (): void => {
    const { norms, map: colourMap } = settings.value;
    const photo = norms === 'image' && smallPhoto();
    const from = [maps, photo || colourMap];
    if (from.every((part, i) => part === drawn[i])) return;
    drawn = from;
    canvases.forEach((canvas, i) => {
      const { values, width, height } = maps[i]!;
      if (photo) showPicture(canvas, photo);
      else paint(canvas, values, [width, height], colourMap);
    });
  };

  /** The photo as the model takes it, scaled once for all tiles. */
  const smallPhoto = (): HTMLCanvasElement | undefined => {
    const facts = runner.facts.value;
    const photo = runner.photo.value;
    if (!facts || !photo) return undefined;
    if (small?.of === facts) return small.canvas;
    const scale = PHOTO / Math.max(facts.width, facts.height);
    const [width, height] = [Math.round(facts.width * scale), Math.round(facts.height * scale)];
    const canvas = h('canvas', { width, height });
    canvas.getContext('2d')!.drawImage(photo.bitmap, 0, 0, width, height);
    small = { of: facts, canvas };
    return canvas;
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
    if (!answer) setText(said, '');
    if (!answer || facts !== runner.facts.value) return;
    if (answer.length !== canvases.length) build(answer.length);
    setStyle(element, '--ratio', `${facts.width} / ${facts.height}`);
    maps = answer;
    setText(said, views[norms](at));
    element.dataset.blocks = `${answer.length} ${norms} ${at}`;
    draw();
  });

  const build = (count: number): void => {
    canvases = Array.from({ length: count }, () => mapCanvas());
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
    channel.element.hidden = value.norms !== 'channel';
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
      // Of the photo one is enough; the numbers behind it are the lengths.
      const photo = norms === 'image';
      const name = norms === 'channel' ? `channel${at}` : 'norms';
      const values = encodeNpy(map.values, [map.height, map.width]);
      const sheet = sheetOf(photo ? canvases.slice(0, 1) : canvases, photo ? 1 : 4, 320);
      return [
        { name: photo ? 'photo.png' : `blocks_${name}.png`, blob: await pngOf(sheet) },
        {
          name: `block${map.block + 1}_${name}.npy`,
          blob: new Blob([new Uint8Array(values)]),
        },
      ];
    },
  };
}

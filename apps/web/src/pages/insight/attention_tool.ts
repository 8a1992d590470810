import { encodeNpy } from '@dpt-webgpu/loaders';
import { fill, h, setStyle, setText } from '../../dom.ts';
import { choiceField, switchRow } from '../../ui/choice.ts';
import { group } from '../../ui/group.ts';
import { slider } from '../../ui/slider.ts';
import { bytesText, valueText } from '../../words.ts';
import { colourOf, mapCanvas, paint, pngOf, rangeOf, sheetOf } from './paint.ts';
import { PatchFrame } from './patch_frame.ts';
import {
  colourField,
  columnKeys,
  latest,
  showColumns,
  type Tool,
  type ToolContext,
  table,
} from './tool.ts';

/** Where a patch looks, or who looks at it: one map per head, their mean over the photo, and the same block by block. */
export function makeAttentionTool({ app, settings, runner, isShown }: ToolContext): Tool {
  const frame = new PatchFrame({
    onPatch: (row, column) => settings.change({ patch: [row, column] }),
  });
  const heads = h('div', { class: 'heads' });
  const blocks = h('div', { class: 'blocks', role: 'group', 'aria-label': 'Block' });
  const strip = h('div', {}, h('h3', {}, 'This patch, block by block'), blocks);
  const none = h('p', { class: 'quiet', hidden: true });
  const element = h(
    'div',
    { class: 'at' },
    h('div', { class: 'left' }, frame.element, strip, none),
    heads,
  );
  const border = h('span', {}, 'Border colour: ', h('b', {}, 'readout token'));
  const kept = h('span', { class: 'wideonly' });
  const status = h('div', { class: 'status' }, border, h('span', { class: 'grow' }), kept);

  const block = slider({
    label: 'Block',
    min: 1,
    max: 12,
    step: 1,
    start: 1,
    onChange: (value) => settings.change({ block: value - 1 }),
  });
  const direction = choiceField({
    label: 'Show',
    options: [
      { value: 'row', label: 'Row' },
      { value: 'column', label: 'Column' },
    ],
    value: settings.value.direction,
    onChange: (value) => settings.change({ direction: value }),
  });
  direction.element.title = 'Row: where the patch looks. Column: which patches look at it.';
  const log = switchRow({
    label: 'Log scale',
    key: 'L',
    value: settings.value.log,
    onChange: (value) => settings.change({ log: value }),
  });
  const strength = slider({
    label: 'Log strength',
    min: 0,
    max: 6,
    step: 0.1,
    start: 2,
    digits: 1,
    onChange: (value) => settings.change({ strength: value }),
  });
  const outline = switchRow({
    label: 'Outline tiles',
    key: 'T',
    value: settings.value.outline,
    onChange: (value) => settings.change({ outline: value }),
  });
  const colours = colourField(settings);
  const most = h('div');
  const groups = [
    group(
      { id: 'layer', title: 'Layer' },
      block.element,
      direction.element,
      log.element,
      strength.element,
      outline.element,
    ),
    group({ id: 'insight-colours', title: 'Colours' }, ...colours.elements),
    group({ id: 'most', title: 'Looks most at' }, most),
  ];

  let shown:
    | { readonly values: Float32Array; readonly heads: number; readonly tokens: number }
    | undefined;
  /** The facts that everything here was built for. */
  let built: unknown;
  let tiles: HTMLCanvasElement[] = [];
  let thumbs: { button: HTMLButtonElement; canvas: HTMLCanvasElement }[] = [];
  let means: Float32Array | undefined;

  const blockAt = (): number =>
    Math.min(settings.value.block, (runner.facts.value?.blocks.length ?? 1) - 1);
  const patchAt = (): readonly [number, number] => {
    const [H, W] = runner.facts.value?.grid ?? [1, 1];
    const [row = Math.floor(0.55 * H), column = Math.floor(0.35 * W)] = settings.value.patch;
    return [Math.min(row, H - 1), Math.min(column, W - 1)];
  };
  /** log(1 + 10^c · a), as the original has it, or a as it is. */
  const scaled = (values: Float32Array): Float32Array => {
    const { log: on, strength: c } = settings.value;
    return on ? values.map((a) => Math.log1p(10 ** c * a)) : values;
  };

  const draw = (): void => {
    const facts = runner.facts.value;
    // The model may have changed while another tool was open: what is here is of the one before until `update`.
    if (!facts || !shown || built !== facts) return;
    const { map } = settings.value;
    const { values, heads: count, tokens } = shown;
    const { readout, grid } = facts;
    const size = [grid[1], grid[0]] as const;
    const mean = new Float32Array(tokens);
    tiles.forEach((canvas, head) => {
      const raw = values.subarray(head * tokens, (head + 1) * tokens);
      for (let i = 0; i < tokens; i++) mean[i]! += raw[i]! / count;
      const all = scaled(raw);
      const patches = all.subarray(readout);
      const range = { low: 0, high: rangeOf(patches).high };
      paint(canvas, patches, size, map, range);
      const tile = canvas.parentElement!;
      const share = Math.min(range.high > 0 ? all[0]! / range.high : 0, 1);
      setStyle(tile, '--ro', readout ? colourOf(share, map) : 'transparent');
      const [, number] = tile.parentElement!.querySelectorAll('figcaption span');
      setText(number!, valueText(rangeOf(raw.subarray(readout)).high));
    });
    const patches = mean.subarray(readout);
    const high = rangeOf(patches).high;
    paint(frame.map, scaled(patches), size, map, { low: 0, high: rangeOf(scaled(patches)).high });
    colours.setEnds('0', `mean ${valueText(high)}`);
    frame.mark(patchAt(), grid);
    showMost(mean, readout, grid[1]);
  };

  const showMost = (mean: Float32Array, readout: 0 | 1, columns: number): void => {
    // A column is no distribution: shares are of its own sum.
    const sum = mean.reduce((a, b) => a + b, 0) || 1;
    const order = [...mean.keys()].sort((a, b) => mean[b]! - mean[a]!).slice(0, 5);
    const nameOf = (token: number): string => {
      if (readout && token === 0) return 'Readout token';
      const at = token - readout;
      return `row ${Math.floor(at / columns) + 1}, column ${(at % columns) + 1}`;
    };
    fill(
      most,
      table(
        ['Patch', 'Share'],
        order.map((token) => [nameOf(token), `${((100 * mean[token]!) / sum).toFixed(1)} %`]),
      ),
    );
  };

  const drawThumbs = (): void => {
    const facts = runner.facts.value;
    const tokens = facts?.attention?.tokens;
    thumbs.forEach(({ button, canvas }, i) => {
      if (i === blockAt()) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
      if (!facts || !tokens || !means || built !== facts) return;
      const patches = scaled(means.subarray(i * tokens + facts.readout, (i + 1) * tokens));
      const range = { low: 0, high: rangeOf(patches).high };
      paint(canvas, patches, [facts.grid[1], facts.grid[0]], settings.value.map, range);
    });
  };

  const ask = latest(async () => {
    const facts = runner.facts.value;
    if (!facts?.attention || !isShown('attention')) return;
    const [row, column] = patchAt();
    const token = facts.readout + row * facts.grid[1] + column;
    const { direction } = settings.value;
    const asked = blockAt();
    const values = await runner.ask('insight.attention', {
      block: asked,
      token,
      column: direction === 'column',
    });
    if (!values || facts !== runner.facts.value) return;
    shown = { values, heads: facts.attention.heads, tokens: facts.attention.tokens };
    draw();
    element.dataset.query = `${asked} ${row} ${column} ${direction}`;
    askMeans();
  });
  const askMeans = latest(async () => {
    const facts = runner.facts.value;
    if (!facts?.attention || !isShown('attention')) return;
    const [row, column] = patchAt();
    const token = facts.readout + row * facts.grid[1] + column;
    const answer = await runner.ask('insight.meanAttention', {
      token,
      column: settings.value.direction === 'column',
    });
    if (facts !== runner.facts.value) return;
    means = answer;
    strip.hidden = means === undefined;
    drawThumbs();
  });

  const build = (): void => {
    const facts = runner.facts.value;
    if (!facts || built === facts) return;
    built = facts;
    shown = undefined;
    means = undefined;
    const ratio = `${facts.width} / ${facts.height}`;
    setStyle(element, '--ratio', ratio);
    frame.show(runner.photo.value, facts);
    const { attention } = facts;
    none.hidden = attention !== undefined;
    strip.hidden = attention === undefined;
    border.hidden = !attention || facts.readout === 0;
    if (!attention) {
      setText(
        none,
        'SwinV2 attends within windows, so there is no one map of all patches. Block norms and Stages work.',
      );
      fill(heads);
      // Nothing of the model before.
      fill(most);
      fill(kept);
      frame.map.width = 1;
      return;
    }
    tiles = Array.from({ length: attention.heads }, (_, i) =>
      mapCanvas(`Attention of head ${i + 1}`),
    );
    fill(
      heads,
      ...tiles.map((canvas, i) =>
        h(
          'figure',
          {},
          h('div', { class: 'frame ro' }, canvas),
          h('figcaption', { class: 'caption' }, h('span', {}, `Head ${i + 1}`), h('span', {})),
        ),
      ),
    );
    heads.classList.toggle('many', attention.heads > 8);
    heads.classList.toggle('few', attention.heads <= 2);
    thumbs = facts.blocks.map((_, i) => {
      const canvas = mapCanvas('');
      const button = h(
        'button',
        { type: 'button', 'aria-label': `Block ${i + 1}` },
        h('span', { class: 'frame' }, canvas),
        String(i + 1),
      );
      button.addEventListener('click', () => settings.change({ block: i }));
      return { button, canvas };
    });
    fill(blocks, ...thumbs.map(({ button }) => button));
    block.setRange({
      min: 1,
      max: facts.blocks.length,
      step: 1,
      start: Math.min(settings.start.block + 1, facts.blocks.length),
    });
    block.set(blockAt() + 1);
    fill(
      kept,
      'Only the attention of one block is kept, ',
      h('b', {}, bytesText(attention.bytes)),
      facts.reducedFrom ? `; reduced from ${facts.reducedFrom} px to fit this GPU` : '',
    );
  };

  settings.store.watch((value, before) => {
    block.set(blockAt() + 1);
    direction.set(value.direction);
    log.set(value.log);
    strength.set(value.strength);
    outline.set(value.outline);
    strength.element.hidden = !value.log;
    heads.classList.toggle('outlined', value.outline);
    showColumns(heads, value.columns);
    blocks.classList.toggle('outlined', value.outline);
    if (!isShown('attention')) return;
    const asked = ['block', 'patch', 'direction'] as const;
    if (asked.some((key) => value[key] !== before[key])) ask();
    drawThumbs();
    draw();
  });

  const step = (by: number) => (): boolean => {
    if (!isShown('attention')) return false;
    const count = runner.facts.value?.blocks.length ?? 1;
    settings.change({ block: Math.min(Math.max(blockAt() + by, 0), count - 1) });
    return true;
  };
  const toggle = (change: () => void) => (): boolean => {
    if (!isShown('attention')) return false;
    change();
    return true;
  };
  const pages = ['insight'] as const;
  app.keys.add(
    ...columnKeys(settings, 'Attention', () => (isShown('attention') ? heads : undefined)),
    {
      keys: ['k'],
      action: 'Attention: lock the patch',
      pages,
      original: true,
      run: toggle(() => frame.toggleLock()),
    },
    { keys: ['['], action: 'Attention: block before', pages, original: true, run: step(-1) },
    { keys: [']'], action: 'Attention: next block', pages, original: true, run: step(1) },
    {
      keys: ['a'],
      action: 'Attention: row or column',
      pages,
      original: true,
      run: toggle(() =>
        settings.change({ direction: settings.value.direction === 'row' ? 'column' : 'row' }),
      ),
    },
    {
      keys: ['l'],
      action: 'Attention: log scale',
      pages,
      original: true,
      run: toggle(() => settings.change({ log: !settings.value.log })),
    },
    {
      keys: ['t'],
      action: 'Attention: outline tiles',
      pages,
      original: true,
      run: toggle(() => settings.change({ outline: !settings.value.outline })),
    },
  );

  return {
    id: 'attention',
    title: 'Attention',
    box: 'encoder',
    element,
    groups,
    status,
    update() {
      build();
      ask();
    },
    async save() {
      if (!shown) return [];
      const [row, column] = patchAt();
      const name = `attention_block${blockAt() + 1}_row${row + 1}_column${column + 1}`;
      const numbers = encodeNpy(shown.values, [shown.heads, shown.tokens]);
      return [
        {
          name: `${name}.png`,
          blob: await pngOf(sheetOf(tiles, Math.ceil(Math.sqrt(tiles.length)), 480)),
        },
        { name: `${name}.npy`, blob: new Blob([new Uint8Array(numbers)]) },
      ];
    },
  };
}

import { encodeNpy } from '@dpt-webgpu/loaders';
import { fill, h, setAttribute, setStyle, setText } from '../../dom.ts';
import { choiceField } from '../../ui/choice.ts';
import { group } from '../../ui/group.ts';
import { slider } from '../../ui/slider.ts';
import { bytesText, valueText } from '../../words.ts';
import {
  type AttendedBlock,
  attendedBlock,
  finestPatch,
  onGrid,
  tileSize,
  tokenName,
  windowText,
} from './attended_block.ts';
import { addAttentionKeys } from './attention_keys.ts';
import { colourOf, mapCanvas, paint, pngOf, rangeOf, sheetOf } from './paint.ts';
import { PatchFrame } from './patch_frame.ts';
import { settingRows } from './setting_rows.ts';
import {
  colourField,
  latest,
  showColumns,
  steppedBlock,
  type Tool,
  type ToolContext,
  table,
} from './tool.ts';

/** Where a patch looks, or who looks at it: one map per head, their mean over the photo, and the same block by block. */
export function makeAttentionTool(context: ToolContext): Tool {
  const { app, settings, runner, isShown } = context;
  const frame = new PatchFrame({
    onPatch(row, column) {
      const of = blockNow();
      if (of) settings.change({ patch: finestPatch(of, row, column) });
    },
  });
  const heads = h('div', { class: 'heads' });
  const blocks = h('div', { class: 'blocks', role: 'group', 'aria-label': 'Block' });
  const strip = h('div', {}, h('h3', {}, 'This patch, block by block'), blocks);
  const none = h(
    'p',
    { class: 'quiet', hidden: true },
    'This encoder has no attention to show. Block norms and Stages work.',
  );
  const element = h(
    'div',
    { class: 'at' },
    h('div', { class: 'left' }, frame.element, strip, none),
    heads,
  );
  const said = h('span', {});
  const kept = h('span', { class: 'wideonly' });
  const status = h('div', { class: 'status' }, said, h('span', { class: 'grow' }), kept);

  const stage = choiceField({
    label: 'Stage',
    options: ['1', '2', '3', '4'].map((value) => ({ value, label: value })),
    value: '1',
    onChange(value) {
      const first = runner.facts.value?.windows?.findIndex((of) => of.stage === Number(value) - 1);
      if (first !== undefined && first >= 0) settings.change({ block: first });
    },
  });
  const block = slider({
    label: 'Block',
    min: 1,
    max: 12,
    step: 1,
    start: 1,
    onChange: (value) => settings.change({ block: value - 1 }),
  });
  const rows = settingRows(settings);
  const direction = rows.choice('direction', 'Show', { row: 'Row', column: 'Column' });
  direction.element.title = 'Row: where the patch looks. Column: which patches look at it.';
  const log = rows.flag('log', 'Log scale', 'L');
  const strength = rows.number('strength', {
    label: 'Log strength',
    min: 0,
    max: 6,
    step: 0.1,
    digits: 1,
  });
  const outline = rows.flag('outline', 'Outline tiles', 'T');
  const border = rows.flag('border', 'Readout token as border', 'E');
  const below = rows.flag('below', 'Heads below the photo', 'Space');
  const colours = colourField(settings);
  const most = h('div');
  const groups = [
    group(
      { id: 'layer', title: 'Layer' },
      stage.element,
      block.element,
      direction.element,
      log.element,
      strength.element,
      outline.element,
      border.element,
      below.element,
    ),
    group({ id: 'insight-colours', title: 'Colours' }, ...colours.elements),
    group({ id: 'most', title: 'Most attention' }, most),
  ];

  let shown: { readonly values: Float32Array; readonly of: AttendedBlock } | undefined;
  /** The facts that everything here was built for. */
  let built: unknown;
  let tiles: HTMLCanvasElement[] = [];
  let thumbs: { button: HTMLButtonElement; canvas: HTMLCanvasElement }[] = [];
  let mostWords = '';
  let means:
    | { readonly values: Float32Array; readonly patch: readonly [number, number] }
    | undefined;

  const blockAt = (): number => steppedBlock(settings.value.block, 0, runner.facts.value);
  /** Of the finest grid. */
  const patchAt = (): readonly [number, number] => {
    const [H, W] = runner.facts.value?.grid ?? [1, 1];
    const [row = Math.floor(0.55 * H), column = Math.floor(0.35 * W)] = settings.value.patch;
    return [Math.min(row, H - 1), Math.min(column, W - 1)];
  };
  const blockNow = (): AttendedBlock | undefined => {
    const facts = runner.facts.value;
    return facts && attendedBlock(facts, blockAt(), patchAt());
  };
  /** log(1 + 10^c · a), as the original has it, or a as it is. */
  const scaled = (values: Float32Array): Float32Array => {
    const { log: on, strength: c } = settings.value;
    return on ? values.map((a) => Math.log1p(10 ** c * a)) : values;
  };

  const draw = (): void => {
    // The model may have changed while another tool was open: what is here is of the one before until `update`.
    if (!shown || built !== runner.facts.value) return;
    const { map, border: withBorder } = settings.value;
    const { values, of } = shown;
    const { readout, count } = of;
    buildTiles(of);
    const mean = new Float32Array(count);
    tiles.forEach((canvas, head) => {
      const raw = values.subarray(head * count, (head + 1) * count);
      for (let i = 0; i < count; i++) mean[i]! += raw[i]! / of.heads;
      const all = scaled(raw);
      const patches = all.subarray(readout);
      const range = { low: 0, high: rangeOf(patches).high };
      paint(canvas, patches, tileSize(of), map, range);
      const tile = canvas.parentElement!;
      const share = Math.min(range.high > 0 ? all[0]! / range.high : 0, 1);
      setStyle(tile, '--ro', readout && withBorder ? colourOf(share, map) : 'transparent');
      const [, number] = tile.parentElement!.querySelectorAll('figcaption span');
      setText(number!, valueText(rangeOf(raw.subarray(readout)).high));
    });
    const patches = onGrid(mean, of);
    const high = rangeOf(patches).high;
    const size = [of.grid[1], of.grid[0]] as const;
    const shades = scaled(patches);
    paint(frame.map, shades, size, map, { low: 0, high: rangeOf(shades).high });
    colours.setEnds('0', `mean ${valueText(high)}`);
    const now = blockNow();
    if (now) frame.mark(now);
    showMost(mean, of);
    if (!of.window) return;
    setText(
      said,
      of.window.pieces.length > 1
        ? 'Dashed: joined to the window by its shift, and kept apart by the mask'
        : 'Each head shows the window that is outlined on the photo',
    );
    setText(kept, windowText(of.window));
  };

  const showMost = (mean: Float32Array, of: AttendedBlock): void => {
    // A column is no distribution: shares are of its own sum.
    const sum = mean.reduce((a, b) => a + b, 0) || 1;
    const order = [...mean.keys()].sort((a, b) => mean[b]! - mean[a]!).slice(0, 5);
    const lines = order.map((index) => [
      tokenName(of, index),
      `${((100 * mean[index]!) / sum).toFixed(1)} %`,
    ]);
    const looks = settings.value.direction === 'row' ? 'Looks most at' : 'Looked at most by';
    mostWords = `${looks} ${lines[0]!.join(': ')}`;
    fill(most, table(looks, [looks, 'Share'], lines));
  };

  const markThumb = (): void => {
    thumbs.forEach(({ button }, i) => {
      setAttribute(button, 'aria-current', i === blockAt() ? 'true' : undefined);
    });
  };

  const drawThumbs = (): void => {
    markThumb();
    const facts = runner.facts.value;
    if (!facts || !means || built !== facts) return;
    const { values, patch } = means;
    let from = 0;
    thumbs.forEach(({ canvas }, i) => {
      const of = attendedBlock(facts, i, patch)!;
      const patches = scaled(onGrid(values.subarray(from, from + of.count), of));
      from += of.count;
      const range = { low: 0, high: rangeOf(patches).high };
      paint(canvas, patches, [of.grid[1], of.grid[0]], settings.value.map, range);
    });
  };

  const ask = latest(async () => {
    const facts = runner.facts.value;
    const of = blockNow();
    if (!facts || !of || !isShown('attention')) return;
    const { direction } = settings.value;
    const { block: asked, token, row, column } = of;
    const query = { block: asked, token, column: direction === 'column' };
    const values = await runner.ask('insight.attention', query);
    if (!values || facts !== runner.facts.value) return;
    shown = { values, of };
    draw();
    app.announce.say(`Row ${row + 1}, column ${column + 1}. ${mostWords}`);
    element.dataset.query = `${asked} ${row} ${column} ${direction}`;
    askMeans();
  });
  const askMeans = latest(async () => {
    const facts = runner.facts.value;
    if (!facts || !isShown('attention')) return;
    const patch = patchAt();
    // The first block has the finest grid.
    const { token } = attendedBlock(facts, 0, patch)!;
    const values = await runner.ask('insight.meanAttention', {
      token,
      column: settings.value.direction === 'column',
    });
    if (facts !== runner.facts.value) return;
    means = values && { values, patch };
    strip.hidden = means === undefined;
    drawThumbs();
  });

  /** A picture per head; stages differ in how many they have. */
  const buildTiles = (of: AttendedBlock): void => {
    const [width, height] = tileSize(of);
    setStyle(heads, '--ratio', of.window ? `${width} / ${height}` : '');
    if (tiles.length === of.heads) return;
    tiles = Array.from({ length: of.heads }, (_, i) => mapCanvas(`Attention of head ${i + 1}`));
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
    heads.classList.toggle('many', of.heads > 8);
    heads.classList.toggle('few', of.heads <= 2);
  };

  const build = (): void => {
    const facts = runner.facts.value;
    if (!facts || built === facts) return;
    built = facts;
    shown = undefined;
    means = undefined;
    const ratio = `${facts.width} / ${facts.height}`;
    setStyle(element, '--ratio', ratio);
    frame.show(runner.photo.value, facts);
    const { attention, windows, readout } = facts;
    const has = attention !== undefined || windows !== undefined;
    none.hidden = has;
    strip.hidden = !has;
    stage.element.hidden = windows === undefined;
    border.element.hidden = readout === 0;
    // Nothing of the model before.
    fill(most);
    fill(kept);
    setText(said, '');
    tiles = [];
    fill(heads);
    frame.map.width = 1;
    // A click before the first answer is about this grid.
    const now = blockNow();
    if (now) frame.mark(now);
    if (!has) return;
    thumbs = facts.blocks.map((_, i) => {
      const canvas = mapCanvas();
      const of = windows?.[i];
      const button = h(
        'button',
        { type: 'button', 'aria-label': blockName(i, of) },
        h('span', { class: 'frame' }, canvas),
        of ? `${of.stage + 1}.${of.index + 1}` : String(i + 1),
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
    showBlock();
    if (readout) fill(said, 'Border colour: ', h('b', {}, 'readout token'));
    if (attention) {
      fill(
        kept,
        'Only the attention of one block is kept, ',
        h('b', {}, bytesText(attention.bytes)),
        facts.reducedFrom ? `; reduced from ${facts.reducedFrom} px to fit this GPU` : '',
      );
    }
  };

  const showBlock = (): void => {
    const of = runner.facts.value?.windows?.[blockAt()];
    block.set(blockAt() + 1);
    block.setNote(of ? `${of.index + 1} of stage ${of.stage + 1}` : '');
    if (of) stage.set(String(of.stage + 1));
  };

  settings.store.watch((value, before) => {
    showBlock();
    strength.element.hidden = !value.log;
    element.classList.toggle('below', value.below);
    heads.classList.toggle('outlined', value.outline);
    showColumns(heads, value.columns);
    blocks.classList.toggle('outlined', value.outline);
    if (!isShown('attention')) return;
    const asked = ['block', 'patch', 'direction'] as const;
    if (asked.some((key) => value[key] !== before[key])) {
      ask();
      markThumb();
      // The place first, what it looks at when that is known.
      const now = blockNow();
      if (now) frame.mark(now);
    }
    const seen = ['map', 'log', 'strength', 'border'] as const;
    if (!seen.some((key) => value[key] !== before[key])) return;
    drawThumbs();
    draw();
  });

  addAttentionKeys(context, {
    blockAt,
    shown: () => (isShown('attention') ? heads : undefined),
    toggleLock: () => frame.toggleLock(),
  });

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
      const { values, of } = shown;
      const name = `attention_block${of.block + 1}_row${of.row + 1}_column${of.column + 1}`;
      const numbers = encodeNpy(values, [of.heads, ...(of.window?.window ?? [of.count])]);
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

const blockName = (block: number, of: { stage: number; index: number } | undefined): string =>
  of ? `Block ${of.index + 1} of stage ${of.stage + 1}` : `Block ${block + 1}`;

import { fill, h, setStyle, setText, uniqueId } from '../../dom.ts';
import { group } from '../../ui/group.ts';
import { countText, pixelsText, valueText } from '../../words.ts';
import {
  boxes,
  type Shown,
  type SlicePicture,
  type TensorFacts,
} from '../../worker/insight/insight_calls.ts';
import { boxOf, boxTitles } from './box_titles.ts';
import { histogram, mapCanvas, pngOf, sheetOf, showPicture } from './paint.ts';
import { makeReferenceRows } from './reference_rows.ts';
import { settingRows } from './setting_rows.ts';
import { colourField, latest, type Tool, type ToolContext, table } from './tool.ts';

const shownWords = {
  tensor: '',
  reference: 'The reference. ',
  difference: 'This tensor minus the reference. ',
} as const;

interface Entry {
  readonly group: HTMLOptGroupElement;
  readonly options: readonly HTMLOptionElement[];
}

/** Any tensor of the model by its name: as a picture, a histogram, and numbers. */
export function makeStagesTool({ app, settings, runner, isShown }: ToolContext): Tool {
  const canvas = mapCanvas('The chosen tensor');
  const picture = h('div', { class: 'frame big' }, canvas);
  const caption = h('p', { class: 'caption' });
  const element = h('div', { class: 'at single' }, h('figure', {}, picture, caption));
  const said = h('span', {});
  const status = h('div', { class: 'status' }, said);

  const id = uniqueId('tensor');
  const select = h('select', { id, class: 'select full' });
  const find = h('input', {
    class: 'text',
    type: 'search',
    placeholder: 'Part of a name, such as mlp',
    'aria-label': 'Find a tensor',
    autocomplete: 'off',
  });
  select.addEventListener('change', () => settings.change({ tensor: select.value, plane: 0 }));
  const rows = settingRows(settings);
  const view = rows.choice('view', 'Show', { length: 'Length', channel: 'Channel' });
  const plane = rows.number('plane', { label: 'Channel', min: 0, max: 1, step: 1 });
  const plot = h('div');
  const numbers = h('div');
  const colours = colourField(settings);
  const reference = makeReferenceRows({ settings }, (keep) => {
    void runner.ask('insight.keep', { keep }).then(() => {
      if (!keep) settings.change({ shown: 'tensor' });
      ask();
    });
  });
  const groups = [
    group(
      { id: 'tensor', title: 'Tensor' },
      find,
      h('label', { class: 'sr', for: id }, 'Tensor'),
      select,
      view.element,
      plane.element,
    ),
    group({ id: 'tensor-numbers', title: 'Numbers' }, plot, numbers),
    reference.group,
    group({ id: 'tensor-colours', title: 'Colours' }, ...colours.elements),
  ];

  let facts: TensorFacts | undefined;

  /** An entry for each tensor, box by box: made once, and put into the list while their names fit what is looked for. */
  let entries: readonly Entry[] = [];
  let listed: unknown;
  const build = (): void => {
    const tensors = runner.facts.value?.tensors ?? [];
    if (listed === tensors) return;
    listed = tensors;
    entries = boxes.flatMap((box) => {
      const options = tensors
        .filter(({ name }) => boxOf(name) === box)
        .map(({ name, shape }) => h('option', { value: name }, `${name}  [${shape.join(', ')}]`));
      const label = boxTitles[box];
      return options.length > 0 ? [{ group: h('optgroup', { label }), options }] : [];
    });
  };
  const list = (): void => {
    build();
    const part = find.value.trim().toLowerCase();
    const chosen = nameAt();
    // The chosen one stays: a list shows what is in it.
    const fits = ({ value }: HTMLOptionElement): boolean =>
      value.toLowerCase().includes(part) || value === chosen;
    // A list that is on the page looks at itself again after each change.
    fill(select);
    const groups = entries.filter(({ group, options }) => {
      fill(group, ...options.filter(fits));
      return group.hasChildNodes();
    });
    fill(select, ...groups.map(({ group }) => group));
    select.value = chosen;
  };
  const nameAt = (): string => {
    const tensors = runner.facts.value?.tensors ?? [];
    const wanted = settings.value.tensor;
    if (tensors.some(({ name }) => name === wanted)) return wanted;
    return tensors.find(({ name }) => name === 'reassembled_1')?.name ?? tensors[0]?.name ?? '';
  };

  const draw = ({ bitmap, low, high, width, height, readout }: SlicePicture): void => {
    if (!facts) return;
    showPicture(canvas, bitmap);
    setStyle(picture, '--ratio', `${width} / ${height}`);
    // Small maps show their pixels; what is larger than the screen is smoothed by it anyway.
    picture.classList.toggle('smooth', width > 400);
    colours.setEnds(valueText(low), valueText(high));
    canvas.setAttribute('aria-label', `${facts.name}, ${width} by ${height}`);
    const what =
      facts.channels === 1
        ? ''
        : settings.value.view === 'length'
          ? `Length over ${facts.channels} channels. `
          : `Channel ${Math.min(settings.value.plane, facts.channels - 1)} of ${facts.channels}. `;
    const words = `${shownWords[shownAt()]}${what}${pixelsText(width, height)}${readout === undefined ? '' : `; readout token ${valueText(readout)}`}`;
    setText(caption, words);
    app.announce.say(`${facts.name}. ${words}`);
  };

  /** What can be shown of what is asked for: there may be no reference, or none that fits. */
  const shownAt = (): Shown =>
    typeof facts?.compared === 'object' ? settings.value.shown : 'tensor';
  const showFacts = (): void => {
    if (!facts) return;
    reference.show(facts);
    const { name, shape, dtype, min, max, mean, std, notFinite, histogram: counts } = facts;
    setText(said, `${name}  [${shape.join(', ')}] ${dtype}`);
    element.dataset.tensor = name;
    fill(plot, histogram(counts, true, `Histogram of ${name}`));
    fill(
      numbers,
      table(
        `Numbers of ${name}`,
        [],
        [
          ['Smallest', valueText(min)],
          ['Largest', valueText(max)],
          ['Mean', valueText(mean)],
          ['Standard deviation', valueText(std)],
          ['Values', countText(facts.count)],
          ...(notFinite > 0 ? [['Not numbers', String(notFinite)]] : []),
        ],
      ),
    );
  };

  const ask = latest(async () => {
    const all = runner.facts.value;
    if (!all || !isShown('stages')) return;
    const name = nameAt();
    if (!name) return;
    const answer = await runner.ask('insight.tensor', { name });
    if (!answer || all !== runner.facts.value) return;
    const { channels } = answer;
    plane.setRange({ min: 0, max: Math.max(channels - 1, 0), step: 1, start: 0 });
    plane.set(Math.min(settings.value.plane, Math.max(channels - 1, 0)));
    view.element.hidden = channels === 1;
    plane.element.hidden = channels === 1 || settings.value.view === 'length';
    const channel =
      settings.value.view === 'length' && channels > 1
        ? undefined
        : Math.min(settings.value.plane, Math.max(channels - 1, 0));
    facts = answer;
    const shown = shownAt();
    const cut = await runner.ask('insight.slice', { channel, shown, map: settings.value.map });
    if (!cut || all !== runner.facts.value) return;
    showFacts();
    draw(cut);
    element.dataset.shown = shown;
    element.dataset.input = `${all.width} ${all.height}`;
  });

  find.addEventListener('input', list);
  settings.store.watch((value, before) => {
    if (!isShown('stages')) return;
    const asked = ['tensor', 'view', 'plane', 'shown', 'map'] as const;
    if (asked.some((key) => value[key] !== before[key])) ask();
    if (value.tensor !== before.tensor) select.value = nameAt();
  });

  return {
    id: 'stages',
    title: 'Stages',
    box: undefined,
    element,
    groups,
    status,
    update() {
      list();
      ask();
    },
    async save() {
      if (!facts) return [];
      const shown = shownAt();
      const name = shown === 'tensor' ? facts.name : `${facts.name}_${shown}`;
      const npy = await runner.ask('insight.npy', { of: shown });
      return [
        { name: `${name}.png`, blob: await pngOf(sheetOf([canvas], 1, 640)) },
        ...(npy ? [{ name: `${name}.npy`, blob: npy }] : []),
      ];
    },
  };
}

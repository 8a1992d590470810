import { type ColourMap, colourMaps, colourTable } from '@dpt-webgpu/dpt';
import type { App } from '../../app.ts';
import { h, setStyle } from '../../dom.ts';
import type { Settings } from '../../settings.ts';
import { choiceField, radioGroup, selectField, switchRow } from '../../ui/choice.ts';
import type { Control } from '../../ui/control.ts';
import { type Group, group, groupTabs } from '../../ui/group.ts';
import { rangeSlider } from '../../ui/range_slider.ts';
import { slider } from '../../ui/slider.ts';
import { startValuesButton } from '../../ui/start_values.ts';
import { pixelsText, plural } from '../../words.ts';
import type { Upsampling } from '../../worker/image/image_calls.ts';
import { changedWords } from './changed_words.ts';
import type { ImageRunner } from './image_runner.ts';
import { type ImageSettings, MOST_TILES } from './image_settings.ts';

export interface Panel {
  readonly element: HTMLElement;
  readonly tabs: HTMLElement;
  focusSize(): void;
}

const tileCounts = Array.from({ length: MOST_TILES }, (_, i) => i + 1);

/** The controls of the image page. */
export function makePanel(
  app: App,
  settings: Settings<ImageSettings>,
  runner: ImageRunner,
  further: readonly Group[],
  foot: HTMLElement,
): Panel {
  const { value } = settings;
  const showPlane = switchRow({
    label: 'Show the plane',
    value: value.showplane,
    onChange: (showplane) => settings.change({ showplane }),
  });
  showPlane.element.title = 'The plane nearest to the map, which Remove plane takes away';
  const tiles = choiceField({
    label: 'Tiles',
    options: tileCounts.map((count) => ({
      value: String(count),
      label: count === 1 ? 'Off' : `${count} × ${count}`,
    })),
    value: String(value.tiles),
    onChange: (count) => settings.change({ tiles: Number(count) }),
  });
  tiles.element.title =
    'Overlapping parts of the photo, each of which the model sees at the image size: finer detail, and a run for each part';
  const flip = switchRow({
    label: 'Mean with the mirrored photo',
    value: value.flip,
    onChange: (on) => settings.change({ flip: on }),
  });
  flip.element.title = 'Every run twice, once mirrored: a steadier map in twice the time';
  const upsample = selectField<Upsampling>({
    label: 'Upsample',
    options: [
      { value: 'model', label: 'As the model' },
      { value: 'bilinear', label: 'Bilinear' },
      { value: 'guided', label: 'Guided by the photo' },
      { value: 'none', label: 'None' },
    ],
    value: value.upsample,
    onChange: (how) => settings.change({ upsample: how }),
  });
  upsample.element.title =
    'From the size of the map to that of the photo, on screen and in files: as the model prescribes, bilinear, guided by the edges of the photo, or not at all';
  settings.store.watch((now) => {
    upsample.set(now.upsample);
    showPlane.set(now.showplane);
    tiles.set(String(now.tiles));
    flip.set(now.flip);
  });
  const { groups: common, focusSize } = makePictureGroups(app, settings, runner, {
    look: [upsample.element],
    range: [showPlane.element],
    input: [tiles.element, flip.element],
  });
  const groups = [...common, ...further];
  const tabs = groupTabs(groups);
  const element = h(
    'aside',
    { class: 'panel', 'aria-label': 'Controls' },
    tabs,
    h(
      'div',
      { class: 'panel-body' },
      ...groups.map(({ element }) => element),
      startValuesButton(app, settings),
    ),
    foot,
  );
  return { element, tabs, focusSize };
}

/** A value to be shown, whoever has it. */
interface Watched<T> {
  readonly value: T | undefined;
  watch(listener: (value: T | undefined) => void): unknown;
}

/** What the controls of a picture show of it. */
export interface PictureFeed {
  readonly facts: Watched<{
    readonly networkWidth: number;
    readonly networkHeight: number;
    readonly runs?: number;
  }>;
  readonly look: Watched<{ readonly histogram: readonly number[] }>;
}

/** Settings of a page that has a picture, whatever else they hold. */
export interface PictureSettings {
  readonly value: ImageSettings;
  readonly start: ImageSettings;
  readonly store: Watched<ImageSettings>;
  change(changes: Partial<ImageSettings>): void;
}

/** Controls of one page alone, by the group that they belong to. */
export interface MoreControls {
  readonly look?: readonly HTMLElement[];
  readonly range?: readonly HTMLElement[];
  readonly input?: readonly HTMLElement[];
}

/** Look, range and input: each control writes settings, and shows them when they change elsewhere. */
export function makePictureGroups(
  app: App,
  settings: PictureSettings,
  runner: PictureFeed,
  more: MoreControls = {},
): { readonly groups: readonly Group[]; focusSize(): void } {
  const bound: (() => void)[] = [];
  const bind = <K extends keyof ImageSettings, C extends Control<ImageSettings[K]>>(
    key: K,
    control: C,
  ): C => {
    bound.push(() => control.set(settings.value[key]));
    return control;
  };
  const writes =
    <K extends keyof ImageSettings>(key: K) =>
    (value: ImageSettings[K]): void =>
      settings.change({ [key]: value } as Pick<ImageSettings, K>);
  const value = settings.value;

  const maps = bind('map', colourMapGroup(value.map, writes('map')));
  const reverse = bind(
    'reverse',
    switchRow({
      label: 'Reverse colours',
      key: 'R',
      value: value.reverse,
      onChange: writes('reverse'),
    }),
  );
  const contrast = bind(
    'contrast',
    switchRow({
      label: 'High contrast',
      key: 'H',
      value: value.contrast,
      onChange: writes('contrast'),
    }),
  );
  const look = group(
    { id: 'look', title: 'Look' },
    maps.element,
    reverse.element,
    contrast.element,
    ...(more.look ?? []),
  );
  bound.push(() => maps.element.classList.toggle('reversed', settings.value.reverse));

  const threshold = rangeSlider({
    label: 'Threshold',
    onChange: (low, high) => settings.change({ low, high }),
  });
  bound.push(() => threshold.set([settings.value.low, settings.value.high]));
  const percentile = choiceField({
    label: 'Percentile',
    options: [
      { value: '0', label: 'Off' },
      { value: '0.5', label: '0.5' },
      { value: '1', label: '1' },
      { value: '2', label: '2' },
    ],
    value: String(value.percentile),
    onChange: (text) => settings.change({ percentile: Number(text) }),
  });
  bound.push(() => percentile.set(String(settings.value.percentile)));
  const gamma = bind(
    'gamma',
    slider({
      label: 'Gamma',
      min: 0.2,
      max: 3,
      step: 0.05,
      start: 1,
      digits: 2,
      onChange: writes('gamma'),
    }),
  );
  const plane = bind(
    'plane',
    slider({
      label: 'Remove plane',
      min: -1,
      max: 2,
      step: 0.05,
      start: 0,
      digits: 2,
      onChange: writes('plane'),
    }),
  );
  const range = group(
    { id: 'range', title: 'Range' },
    threshold.element,
    percentile.element,
    gamma.element,
    plane.element,
    ...(more.range ?? []),
  );

  const size = slider({
    label: 'Image size',
    min: 64,
    max: 1280,
    step: 14,
    start: 518,
    unit: 'px',
    onChange: (pixels) => {
      const { info } = app.engine;
      settings.change({ size: pixels === info?.baseSize ? 0 : pixels });
    },
  });
  const shape = bind(
    'shape',
    choiceField({
      label: 'Shape',
      options: [
        { value: 'aspect', label: 'Keep aspect' },
        { value: 'square', label: 'Square' },
      ],
      value: value.shape,
      onChange: writes('shape'),
    }),
  );
  const rounding = bind(
    'rounding',
    choiceField({
      label: 'Rules',
      options: [
        { value: 'official', label: 'Authors’' },
        { value: 'muggled', label: 'Original’s' },
      ],
      value: value.rounding,
      onChange: writes('rounding'),
    }),
  );
  rounding.element.title =
    'How the photo is resized and where the model is tapped: as the authors of the models do, or as muggled_dpt does';
  const input = group(
    { id: 'input', title: 'Input' },
    size.element,
    shape.element,
    rounding.element,
    ...(more.input ?? []),
  );
  const showSize = (): void => {
    const { info } = app.engine;
    if (info) {
      const { multiple, baseSize, sizing } = info;
      const onlyOne = sizing === 'exact';
      // The start value is on the grid of steps, whatever the grid's offset.
      const min = Math.max(multiple, baseSize - multiple * Math.floor((baseSize - 64) / multiple));
      const max = baseSize + multiple * Math.max(0, Math.floor((1288 - baseSize) / multiple));
      size.setRange(
        onlyOne
          ? { min: baseSize, max: baseSize, step: multiple, start: baseSize }
          : { min, max, step: multiple, start: baseSize },
      );
      size.set(onlyOne ? baseSize : settings.value.size || baseSize);
      size.element.title = onlyOne ? 'By the authors’ rules this model takes one size only' : '';
    }
    const facts = runner.facts.value;
    const { networkWidth = 0, networkHeight = 0, runs = 1 } = facts ?? {};
    const seen = pixelsText(networkWidth, networkHeight);
    const times = runs > 1 ? `, ${plural(runs, 'run')}` : ' to the model';
    size.setNote(facts ? seen + times : '');
  };
  bound.push(showSize);

  const showBadges = (): void => {
    const words = changedWords(settings.value, settings.start);
    look.setBadge(words.look);
    range.setBadge(words.range);
    input.setBadge(words.input);
  };
  bound.push(showBadges);

  settings.store.watch(() => {
    for (const show of bound) show();
  });
  app.engine.model.watch(showSize);
  runner.facts.watch(showSize);
  runner.look.watch((facts) => {
    if (facts) threshold.setHistogram(facts.histogram);
  });

  return {
    groups: [look, range, input],
    focusSize() {
      input.element.open = true;
      size.input.focus();
    },
  };
}

/** Real gradients with their names, from the tables that the pipeline colours with. */
function colourMapGroup(value: ColourMap, onChange: (map: ColourMap) => void): Control<ColourMap> {
  const name = (map: ColourMap): string => map[0]!.toUpperCase() + map.slice(1);
  const control = radioGroup<ColourMap>({
    label: 'Colour map',
    class: 'maps',
    value,
    onChange,
    options: colourMaps.map((map) => {
      const swatch = h('i');
      setStyle(swatch, 'background', gradientOf(map));
      const label = h('span', { class: 'map-label' }, swatch, name(map));
      return { value: map, label };
    }),
  });
  return control;
}

function gradientOf(map: ColourMap): string {
  const table = colourTable(map);
  const stops = Array.from({ length: 17 }, (_, i) => {
    const at = 3 * Math.round((i * 255) / 16);
    return `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`;
  });
  return `linear-gradient(90deg, ${stops.join(', ')})`;
}

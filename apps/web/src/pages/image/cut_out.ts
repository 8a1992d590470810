import { h } from '../../dom.ts';
import type { Settings } from '../../settings.ts';
import { switchRow } from '../../ui/choice.ts';
import { type Group, group } from '../../ui/group.ts';
import { rangeSlider } from '../../ui/range_slider.ts';
import type { ImageRunner } from './image_runner.ts';
import type { ImageSettings } from './image_settings.ts';
import type { Save } from './save.ts';

/** A band of depths that is kept of the photo. Working on it shows it. */
export function makeCutOut(
  settings: Settings<ImageSettings>,
  runner: ImageRunner,
  save: () => Save,
): Group {
  const show = (changes: Partial<ImageSettings>): void =>
    settings.change({ ...changes, view: 'cutout' });
  const band = rangeSlider({
    label: 'Band',
    onChange: (cutlow, cuthigh) => show({ cutlow, cuthigh }),
  });
  const invert = switchRow({
    label: 'Invert',
    key: 'I',
    value: settings.value.invert,
    onChange: (value) => show({ invert: value }),
  });
  const button = (label: string, format: 'cutout' | 'mask'): HTMLElement =>
    h(
      'button',
      { class: 'btn grow', type: 'button', on: { click: () => void save().save(format) } },
      label,
    );
  const made = group(
    { id: 'cutout', title: 'Cut-out', open: false },
    band.element,
    invert.element,
    h('div', { class: 'row' }, button('Save cut-out', 'cutout'), button('Save mask', 'mask')),
  );
  settings.store.watch(({ cutlow, cuthigh, invert: inverted }) => {
    band.set([cutlow, cuthigh]);
    invert.set(inverted);
    const { start } = settings;
    const changed = cutlow !== start.cutlow || cuthigh !== start.cuthigh || inverted;
    made.setBadge(changed ? `${cutlow.toFixed(2)} to ${cuthigh.toFixed(2)}` : '');
  });
  runner.look.watch((look) => {
    if (look) band.setHistogram(look.histogram);
  });
  return made;
}

import { h, setText } from '../../dom.ts';
import { flag, number, oneOf, type Schema } from '../../settings.ts';
import { choiceField, switchRow } from '../../ui/choice.ts';
import { slider } from '../../ui/slider.ts';
import type { Steady } from '../../worker/film/film_calls.ts';

export const steadyKinds = ['off', 'range', 'motion'] as const;

/** How a film's depth is kept steady, wherever it is shown. */
export interface SteadySettings {
  readonly steady: Steady['kind'];
  /** Seconds over which the range follows the film. */
  readonly rangeOver: number;
  /** Seconds over which pixels follow it where the picture stands still. */
  readonly pixelsOver: number;
  readonly cuts: boolean;
}

/** The same as of `dpt video`. */
export const steadySchema: Schema<SteadySettings> = {
  steady: oneOf(steadyKinds, 'motion'),
  rangeOver: number(0.5, 0, 5),
  pixelsOver: number(0.25, 0, 5),
  cuts: flag(true),
};

export const steadyOf = ({ steady, rangeOver, pixelsOver, cuts }: SteadySettings): Steady => ({
  kind: steady,
  range: rangeOver,
  pixels: pixelsOver,
  cuts,
});

const words: Readonly<Record<Steady['kind'], string>> = {
  off: 'Each frame has its own nearest and farthest: the picture flickers.',
  range: 'Nearest and farthest follow the film slowly.',
  motion: 'Each pixel as well, where the picture stands still; what moves is followed at once.',
};

/** The controls of it, over the settings of any page that has them. `show` brings them to the settings. */
export function makeSteady(settings: {
  readonly value: SteadySettings;
  readonly start: SteadySettings;
  change(changes: Partial<SteadySettings>): void;
}) {
  const kind = choiceField({
    label: 'Keep steady',
    value: settings.value.steady,
    options: [
      { value: 'off', label: 'Off' },
      { value: 'range', label: 'Range' },
      { value: 'motion', label: 'Motion' },
    ],
    onChange: (steady) => settings.change({ steady }),
  });
  const note = h('p', { class: 'caption' });
  const over = (key: 'rangeOver' | 'pixelsOver', label: string) =>
    slider({
      ...{ label, min: 0, max: 2, step: 0.05, unit: 's', digits: 2 },
      start: settings.start[key],
      onChange: (value) => settings.change({ [key]: value }),
    });
  const range = over('rangeOver', 'Range over');
  const pixels = over('pixelsOver', 'Pixels over');
  const cuts = switchRow({
    label: 'Start fresh at cuts',
    value: settings.value.cuts,
    onChange: (on) => settings.change({ cuts: on }),
  });
  return {
    elements: [kind.element, note, range.element, pixels.element, cuts.element],
    show(): void {
      const { value } = settings;
      kind.set(value.steady);
      setText(note, words[value.steady]);
      for (const { element } of [range, cuts]) element.hidden = value.steady === 'off';
      pixels.element.hidden = value.steady !== 'motion';
      range.set(value.rangeOver);
      pixels.set(value.pixelsOver);
      cuts.set(value.cuts);
    },
  };
}

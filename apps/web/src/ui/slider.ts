import { h, setStyle, setText, uniqueId } from '../dom.ts';
import { icon } from '../icons.ts';
import type { Control } from './control.ts';

export interface SliderOptions {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Where reset leads, and where the filled part of the track begins. */
  readonly start: number;
  readonly unit?: string;
  /** Decimals shown. */
  readonly digits?: number;
  /** Further words beside the label, such as what the value leads to. */
  readonly note?: string;
  readonly onChange: (value: number) => void;
}

export interface Slider extends Control<number> {
  readonly input: HTMLInputElement;
  setNote(note: string): void;
  /** Another range, such as that of another model. */
  setRange(range: Pick<SliderOptions, 'min' | 'max' | 'step' | 'start'>): void;
}

/** A native range with a number to type in, and a way back that shows when there is one. */
export function slider(options: SliderOptions): Slider {
  const { label, unit = '', digits = 0, onChange } = options;
  let { min, max, step, start } = options;
  let value = start;
  const id = uniqueId('slider');
  // Degrees stand close to their number.
  const ending = unit === '' || unit === '°' ? unit : ` ${unit}`;
  const text = (of: number): string => of.toFixed(digits) + ending;

  const note = h('span', { class: 'caption' }, options.note);
  const name = h('label', { for: id }, label, ' ', note);
  const reset = h(
    'button',
    { class: 'reset', type: 'button', 'aria-label': `Reset ${label.toLowerCase()}` },
    icon('reset', true),
  );
  const number = h('input', {
    class: 'num',
    inputmode: 'decimal',
    'aria-label': `${label}, number`,
    autocomplete: 'off',
  });
  const input = h('input', { id, type: 'range' });
  const element = h('div', { class: 'slider' }, name, reset, number, input);

  const share = (of: number): string =>
    `${max > min ? (100 * (Math.min(Math.max(of, min), max) - min)) / (max - min) : 0}%`;
  const show = (): void => {
    input.value = String(value);
    input.setAttribute('aria-valuetext', text(value));
    if (document.activeElement !== number) number.value = text(value);
    setStyle(input, '--v', share(value));
    setStyle(input, '--z', share(start));
    element.classList.toggle('changed', value !== start);
  };
  const setRange = (): void => {
    Object.assign(input, { min: String(min), max: String(max), step: String(step) });
    show();
  };
  const take = (wanted: number): void => {
    if (!Number.isFinite(wanted)) {
      show();
      return;
    }
    const steps = Math.round((wanted - min) / step);
    const next = Number(Math.min(Math.max(min + steps * step, min), max).toFixed(6));
    if (next === value) {
      show();
      return;
    }
    value = next;
    show();
    onChange(value);
  };

  input.addEventListener('input', () => take(input.valueAsNumber));
  number.addEventListener('change', () => take(Number.parseFloat(number.value.replace(',', '.'))));
  number.addEventListener('blur', show);
  number.addEventListener('focus', () => number.select());
  number.addEventListener('keydown', (event) => {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === 'Enter') number.blur();
    if (!direction) return;
    event.preventDefault();
    take(value + direction * step);
    number.value = text(value);
  });
  // A wheel without focus scrolls the panel.
  number.addEventListener(
    'wheel',
    (event) => {
      if (document.activeElement !== number) return;
      event.preventDefault();
      take(value - Math.sign(event.deltaY) * step);
      number.value = text(value);
    },
    { passive: false },
  );
  const toStart = (event: Event): void => {
    event.preventDefault();
    take(start);
  };
  reset.addEventListener('click', (event) => {
    toStart(event);
    input.focus();
  });
  name.addEventListener('dblclick', toStart);
  element.addEventListener('contextmenu', toStart);
  setRange();

  return {
    element,
    input,
    set(next) {
      if (next === value) return;
      value = next;
      show();
    },
    setNote: (words) => setText(note, words),
    setRange(range) {
      ({ min, max, step, start } = range);
      setRange();
    },
  };
}

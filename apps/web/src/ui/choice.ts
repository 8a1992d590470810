import { type Child, h, uniqueId } from '../dom.ts';
import type { Control } from './control.ts';

export interface ChoiceOptions<T extends string> {
  readonly label: string;
  readonly options: readonly {
    readonly value: T;
    readonly label: Child;
    /** Said in place of a label that is no text. */
    readonly name?: string;
    readonly class?: string;
  }[];
  readonly value: T;
  readonly class?: string;
  readonly onChange: (value: T) => void;
}

/** One of a few: a radio group with one tab stop, in which arrows move. */
export function radioGroup<T extends string>(options: ChoiceOptions<T>): Control<T> {
  let value = options.value;
  const buttons = options.options.map((option) => {
    const button = h(
      'button',
      { type: 'button', role: 'radio', class: option.class, 'aria-label': option.name },
      option.label,
    );
    button.addEventListener('click', () => take(option.value));
    return { button, value: option.value };
  });
  const element = h(
    'div',
    { class: options.class ?? 'seg', role: 'radiogroup', 'aria-label': options.label },
    ...buttons.map(({ button }) => button),
  );
  const show = (): void => {
    const known = buttons.some((entry) => entry.value === value);
    for (const [i, { button, value: of }] of buttons.entries()) {
      button.setAttribute('aria-checked', String(of === value));
      button.tabIndex = of === value || (!known && i === 0) ? 0 : -1;
    }
  };
  const take = (next: T): void => {
    if (next === value) return;
    value = next;
    show();
    options.onChange(value);
  };
  element.addEventListener('keydown', (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    // Narrow screens hide some of them.
    const shown = buttons.filter(({ button }) => button.offsetParent !== null);
    const at = shown.findIndex((entry) => entry.value === value);
    const next = shown[(at + by + shown.length) % shown.length]!;
    take(next.value);
    next.button.focus();
  });
  show();
  return {
    element,
    set(next) {
      value = next;
      show();
    },
  };
}

/** A label with a radio group on the same line. */
export function choiceField<T extends string>(options: ChoiceOptions<T>): Control<T> {
  const group = radioGroup(options);
  return {
    ...group,
    element: h('div', { class: 'field' }, h('span', {}, options.label), group.element),
  };
}

export interface SwitchOptions {
  readonly label: string;
  readonly key?: string;
  readonly value: boolean;
  readonly onChange: (value: boolean) => void;
}

/** On or off; the whole row is the target. */
export function switchRow({ label, key, value, onChange }: SwitchOptions): Control<boolean> {
  const input = h('input', { type: 'checkbox', role: 'switch' });
  input.checked = value;
  input.addEventListener('change', () => onChange(input.checked));
  return {
    element: h(
      'label',
      { class: 'switch' },
      h('span', {}, label),
      key && h('kbd', { 'aria-hidden': 'true' }, key),
      input,
    ),
    set(next) {
      input.checked = next;
    },
  };
}

export interface SelectOptions<T extends string> {
  readonly label: string;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly value: T;
  readonly onChange: (value: T) => void;
}

/** More than a few: the browser's own list. */
export function selectField<T extends string>(options: SelectOptions<T>): Control<T> {
  const id = uniqueId('select');
  const select = h(
    'select',
    { id, class: 'select' },
    ...options.options.map(({ value, label }) => h('option', { value }, label)),
  );
  select.value = options.value;
  select.addEventListener('change', () => options.onChange(select.value as T));
  return {
    element: h('div', { class: 'field' }, h('label', { for: id }, options.label), select),
    set(next) {
      select.value = next;
    },
  };
}

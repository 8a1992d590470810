import type { Settings } from '../../settings.ts';
import { choiceField, switchRow } from '../../ui/choice.ts';
import type { Control } from '../../ui/control.ts';
import { type Slider, slider } from '../../ui/slider.ts';
import type { ModelInfo } from '../../worker/model_calls.ts';
import type { InsightSettings } from './insight_settings.ts';

/** Settings whose values are of one type. */
type Key<T> = {
  [K in keyof InsightSettings]: InsightSettings[K] extends T ? K : never;
}[keyof InsightSettings];

export interface NumberRow {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly digits?: number;
}

/** The sizes that a slider has: steps of the model's grid, from its base or another size in both directions. */
export function sizeRange(
  { multiple }: Pick<ModelInfo, 'multiple'>,
  base: number,
): { readonly min: number; readonly max: number; readonly step: number } {
  const below = Math.floor((base - 4 * multiple) / multiple);
  return {
    min: Math.max(multiple, base - multiple * below),
    max: base + multiple * Math.max(0, Math.floor((1036 - base) / multiple)),
    step: multiple,
  };
}

export interface SettingRows {
  /** One of a few; the options by their value. */
  choice<K extends Key<string>>(
    key: K,
    label: string,
    options: Readonly<Partial<Record<InsightSettings[K], string>>>,
  ): Control<InsightSettings[K]>;
  /** On or off, with the key that does the same. */
  flag(key: Key<boolean>, label: string, shortcut?: string): Control<boolean>;
  number(key: Key<number>, row: NumberRow): Slider;
}

/** Rows of the panel that are one setting each: what is changed there goes to the settings, and what changes there is shown. */
export function settingRows(settings: Settings<InsightSettings>): SettingRows {
  const set = <K extends keyof InsightSettings>(key: K, value: InsightSettings[K]): void =>
    settings.change({ [key]: value } as Pick<InsightSettings, K>);
  return {
    choice(key, label, options) {
      type Value = InsightSettings[typeof key];
      const row = choiceField<Value>({
        label,
        options: Object.entries<string>(options as Record<string, string>).map(([value, text]) => ({
          value: value as Value,
          label: text,
        })),
        value: settings.value[key],
        onChange: (value) => set(key, value),
      });
      settings.store.watch((value) => row.set(value[key]));
      return row;
    },
    flag(key, label, shortcut) {
      const row = switchRow({
        label,
        ...(shortcut ? { key: shortcut } : {}),
        value: settings.value[key],
        onChange: (value) => set(key, value),
      });
      settings.store.watch((value) => row.set(value[key]));
      return row;
    },
    number(key, row) {
      const made = slider({
        ...row,
        start: settings.start[key],
        onChange: (value) => set(key, value),
      });
      settings.store.watch((value) => made.set(value[key]));
      return made;
    },
  };
}

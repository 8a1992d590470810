import type { App } from '../../app.ts';
import { fill, h, setStyle, setText } from '../../dom.ts';
import { useModel } from '../../engine/default_model.ts';
import { icon } from '../../icons.ts';
import { choiceField } from '../../ui/choice.ts';
import { confirmDialog } from '../../ui/dialog.ts';
import { bytesText, plural } from '../../words.ts';
import type { Precision } from '../../worker/model_calls.ts';
import type { ModelLibrary } from './model_library.ts';

/** What a link to the card of the device ends with. */
export const DEVICE_CARD = 'device';

/** What the device can do, and how models are kept on it. */
export function deviceCard(app: App): HTMLElement {
  const { engine } = app;
  const facts = h('dl', {});
  const used = h('dd', {}, '–');
  const precision = choiceField<Precision>({
    label: 'Precision',
    options: [
      { value: 'auto', label: 'Auto' },
      { value: 'f16', label: 'f16' },
      { value: 'f32', label: 'f32' },
    ],
    value: 'auto',
    onChange: (chosen) => {
      const { info } = engine;
      if (info)
        void useModel(engine, info.source, { ...info.options, precision: chosen }).catch(() => {});
    },
  });
  engine.gpu.watch((state) => {
    if (state.state !== 'ready') {
      const words = { opening: 'opening …', lost: 'was reset', failed: 'none' }[state.state];
      fill(facts, h('dt', {}, 'GPU'), h('dd', {}, words));
      return;
    }
    const { name, f16, subgroups, largestBuffer, budget } = state.info;
    const rows: readonly (readonly [string, string])[] = [
      ['GPU', name],
      ['Half precision (f16)', f16 ? 'yes' : 'no'],
      ['Subgroups', subgroups ? 'yes' : 'no'],
      ['Largest buffer', bytesText(largestBuffer)],
      ['Memory to plan with', bytesText(budget)],
    ];
    fill(
      facts,
      ...rows.flatMap(([term, value]) => [h('dt', {}, term), h('dd', {}, value)]),
      h('dt', {}, 'In use now'),
      used,
    );
    const half = [...precision.element.querySelectorAll('button')][1]!;
    half.disabled = !f16;
    half.title = f16 ? '' : 'This GPU has no shader-f16';
  });
  engine.model.watch((state) => {
    if (state.state !== 'ready') return;
    precision.set(state.info.options.precision);
    void engine.call('gpu.memory', undefined).then(
      (bytes) => setText(used, bytesText(bytes)),
      () => setText(used, '–'),
    );
  });
  return h(
    'section',
    { id: DEVICE_CARD, class: 'card', 'aria-label': 'This device' },
    h('h3', {}, 'This device'),
    facts,
    precision.element,
  );
}

/** How much of the browser's private files is taken, and the button that clears it. */
export function storageCard(library: ModelLibrary): HTMLElement {
  const bar = h('div', { class: 'store', role: 'img' });
  const words = h('p', { class: 'small quiet' });
  const clear = h(
    'button',
    { class: 'btn danger', type: 'button' },
    icon('trash', true),
    'Clear all stored models',
  );
  clear.addEventListener('click', async () => {
    const { used } = library.state.value.stored;
    const text = `${bytesText(used)}. They must be loaded again.`;
    if (await confirmDialog('Remove all stored models?', text, { yes: 'Remove', no: 'Keep' })) {
      await library.clear();
    }
  });
  library.state.watch(({ stored }) => {
    const { models, used, quota, available } = stored;
    fill(
      bar,
      ...models.map(({ bytes, file }) => {
        const part = h('i', { title: file });
        setStyle(part, 'width', `${quota > 0 ? Math.max(0.5, (100 * bytes) / quota) : 0}%`);
        return part;
      }),
    );
    bar.setAttribute('aria-label', `${bytesText(used)} of ${bytesText(quota)} used`);
    if (!available) setText(words, 'This window gives the page no room to keep files.');
    else if (quota > 0) {
      fill(
        words,
        h('b', {}, bytesText(used)),
        ` of ${bytesText(quota)} this site may use, in ${plural(models.length, 'file')}`,
      );
    }
    clear.disabled = models.length === 0;
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'storage' },
    h('h3', { id: 'storage' }, 'Stored on this device'),
    bar,
    words,
    clear,
  );
}

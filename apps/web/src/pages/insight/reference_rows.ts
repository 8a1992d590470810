import { fill, h, setText } from '../../dom.ts';
import { group } from '../../ui/group.ts';
import { pixelsText, valueText } from '../../words.ts';
import type { Agreement, ReferenceFacts, TensorFacts } from '../../worker/insight/insight_calls.ts';
import { settingRows } from './setting_rows.ts';
import { type ToolContext, table } from './tool.ts';

/** What the stage browser keeps to compare with: another photo, size, precision or model gives another tensor of that name. */
export function makeReferenceRows(
  { settings }: Pick<ToolContext, 'settings'>,
  keep: (on: boolean) => void,
) {
  const button = (label: string, on: boolean): HTMLButtonElement =>
    h('button', { class: 'btn', type: 'button', on: { click: () => keep(on) } }, label);
  const take = button('Keep as reference', true);
  const forget = button('Forget', false);
  const words = h('p', { class: 'small quiet' });
  const shown = settingRows(settings).choice('shown', 'Show', {
    tensor: 'Tensor',
    reference: 'Reference',
    difference: 'Difference',
  });
  const numbers = h('div');
  const made = group(
    { id: 'tensor-reference', title: 'Reference' },
    words,
    h('div', { class: 'row wrap' }, take, forget),
    shown.element,
    numbers,
  );
  return {
    group: made,
    show({ name, reference, compared }: TensorFacts): void {
      forget.hidden = reference === undefined;
      shown.element.hidden = typeof compared !== 'object';
      setText(words, reference ? keptText(reference) : ABOUT);
      if (!reference) fill(numbers);
      else if (typeof compared === 'string') fill(numbers, h('p', { class: 'small' }, compared));
      else if (compared) fill(numbers, agreementTable(compared));
      made.setBadge(reference ? (name === reference.name ? 'kept' : reference.name) : '');
    },
  };
}

const ABOUT =
  'Keep this tensor, then take another photo, size, precision or model: the same tensor is shown beside it, and what differs.';

const keptText = ({ name, shape, dtype, model, photo, width, height }: ReferenceFacts): string =>
  `${name} [${shape.join(', ')}] ${dtype}: ${model}, ${photo} at ${pixelsText(width, height)}`;

/** Lines of numbers on two lists of values. */
export function agreementTable(of: Agreement): HTMLTableElement {
  return table(
    'How far they are apart',
    [],
    [
      ['Mean difference', valueText(of.mean)],
      ['Largest difference', valueText(of.largest)],
      ['RMS / standard deviation', valueText(of.relative)],
      ['Correlation', of.correlation.toFixed(5)],
    ],
  );
}

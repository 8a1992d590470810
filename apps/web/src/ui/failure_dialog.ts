import { h } from '../dom.ts';
import { failureIn, isCancelled } from '../engine/engine.ts';
import { why } from './card.ts';
import { showDialog } from './dialog.ts';

/** Says what did not work, until it was read: a toast would be gone by then. */
export function showFailure(title: string, error: unknown): void {
  if (isCancelled(error)) return;
  const failure = failureIn(error);
  const { message, remedy } = failure;
  void showDialog(
    title,
    h('p', {}, message),
    remedy && h('p', {}, remedy),
    ...why(failure).map(({ label, run }) =>
      h('button', { class: 'btn', type: 'button', on: { click: run } }, label),
    ),
  );
}

import { type Child, h, uniqueId } from '../dom.ts';
import { icon } from '../icons.ts';

/** A modal dialog with a title and a way out. Resolves when it is closed. */
export function showDialog(title: string, ...children: Child[]): Promise<void> {
  const id = uniqueId('dialog');
  const close = h(
    'button',
    { class: 'btn icon bare', type: 'button', 'aria-label': 'Close' },
    icon('cross'),
  );
  const dialog = h(
    'dialog',
    { 'aria-labelledby': id },
    h('div', { class: 'row dialog-head' }, h('h2', { id, class: 'grow' }, title), close),
    h('div', { class: 'dialog-body' }, ...children),
  );
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    // The backdrop belongs to the dialog's own box.
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    });
  });
}

/** Asks before something that cannot be taken back. */
export async function confirmDialog(
  title: string,
  text: string,
  { yes, no }: { readonly yes: string; readonly no: string },
): Promise<boolean> {
  let answer = false;
  const closeWith = (value: boolean) => (event: Event) => {
    answer = value;
    (event.currentTarget as Element).closest('dialog')?.close();
  };
  await showDialog(
    title,
    h('p', {}, text),
    h(
      'div',
      { class: 'row dialog-foot' },
      h('button', { class: 'btn danger', type: 'button', on: { click: closeWith(true) } }, yes),
      h(
        'button',
        { class: 'btn', type: 'button', autofocus: true, on: { click: closeWith(false) } },
        no,
      ),
    ),
  );
  return answer;
}

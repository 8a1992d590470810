import { type Child, h } from '../dom.ts';
import { type IconName, icon } from '../icons.ts';
import type { Failure } from '../worker/protocol.ts';
import { showDialog } from './dialog.ts';

export interface CardAction {
  readonly label: string;
  readonly main?: boolean;
  readonly run: () => void;
}

export interface CardOptions {
  readonly icon: IconName;
  readonly title: string;
  readonly bad?: boolean;
  readonly body: readonly Child[];
  readonly actions: readonly CardAction[];
}

/** Something that stands in the way, what it is, and what to do. */
export function card({ icon: name, title, bad = false, body, actions }: CardOptions): HTMLElement {
  return h(
    'div',
    { class: bad ? 'box bad' : 'box', role: 'group', 'aria-label': title },
    icon(name),
    h('h2', {}, title),
    ...body,
    h(
      'div',
      { class: 'row wrap' },
      ...actions.map(({ label, main, run }) =>
        h(
          'button',
          { class: main ? 'btn main' : 'btn', type: 'button', on: { click: run } },
          label,
        ),
      ),
    ),
  );
}

/** The action that shows what the library said, to be copied into a report. */
export function why({ message, details }: Failure): CardAction[] {
  if (!details) return [];
  return [
    {
      label: 'Why?',
      run: () => {
        const text = `${message}\n\n${details}`;
        const copy = h('button', { class: 'btn', type: 'button' }, 'Copy details');
        copy.addEventListener('click', () => {
          void navigator.clipboard.writeText(text).then(() => {
            copy.textContent = 'Copied';
          });
        });
        void showDialog(
          'Why?',
          h('p', {}, message),
          h('pre', { class: 'details', tabindex: 0 }, details),
          copy,
        );
      },
    },
  ];
}

import { h } from './dom.ts';
import { type KeyCommand, type Keys, lettersOn } from './keys.ts';
import { type PageId, pages } from './pages/addresses.ts';
import { switchRow } from './ui/choice.ts';
import { showDialog } from './ui/dialog.ts';

/** The table that keys work from, as a dialog: this page first, then the others. */
export function showKeySheet(keys: Keys, page: PageId): void {
  const title = (id: PageId): string => pages.find((known) => known.id === id)!.title;
  const held = keys.commands(page);
  const here = [...held.filter((of) => of.pages), ...held.filter((of) => !of.pages)];
  const others = pages
    .filter(({ id }) => id !== page)
    .map(({ id }) => ({
      id,
      commands: keys.commands(id).filter((of) => of.pages && !here.includes(of)),
    }))
    .filter(({ commands }) => commands.length > 0);
  const letters = switchRow({
    label: 'Single letters are keys',
    value: lettersOn.value,
    onChange: (on) => lettersOn.set(on),
  });
  void showDialog(
    'Keys and gestures',
    h('p', { class: 'small quiet' }, 'Keys marked ○ are those of the original, muggled_dpt.'),
    h('h3', {}, title(page)),
    table(here),
    ...others.flatMap(({ id, commands }) => [h('h3', {}, title(id)), table(commands)]),
    h('h3', {}, 'Touch'),
    h(
      'p',
      { class: 'small quiet' },
      'One finger drags the divider or the crop box, two fingers pan and zoom, a long press picks a point, a double tap shows its pixels one to one, and then all of it again. In 3D one finger turns, two move and zoom, a double tap resets the view.',
    ),
    letters.element,
  );
}

function table(commands: readonly KeyCommand[]): HTMLElement {
  return h(
    'table',
    { class: 'keys' },
    h(
      'tbody',
      {},
      ...commands.map(({ keys, shown, action, original }) =>
        h(
          'tr',
          {},
          h(
            'th',
            { scope: 'row' },
            ...(shown ? [shown] : keys).map((key) => h('kbd', {}, nameOf(key))),
          ),
          h('td', {}, action),
          h(
            'td',
            { class: 'quiet' },
            original ? h('span', { title: 'as in the original' }, '○') : '',
          ),
        ),
      ),
    ),
  );
}

const nameOf = (key: string): string =>
  ({ ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc', ' ': 'Space' })[
    key
  ] ?? (key.length === 1 ? key.toUpperCase() : key);

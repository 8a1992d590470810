import { type Child, h, setText, uniqueId } from '../dom.ts';
import { icon } from '../icons.ts';
import { recall, remember } from '../settings.ts';

export interface GroupOptions {
  /** For the memory of what is open, and for the tabs of small screens. */
  readonly id: string;
  readonly title: string;
  readonly open?: boolean;
}

export interface Group {
  readonly element: HTMLDetailsElement;
  readonly id: string;
  readonly title: string;
  /** A word on what is changed inside; empty when nothing is. Shown while it is closed. */
  setBadge(text: string): void;
  /** On small screens one group at a time is shown. */
  setTab(chosen: boolean): void;
}

/** A part of the panel that folds. */
export function group({ id, title, open = true }: GroupOptions, ...children: Child[]): Group {
  const key = `dpt-webgpu.group.${id}`;
  const badge = h('span', { class: 'badge', hidden: true });
  const element = h(
    'details',
    { class: 'group', id: uniqueId('group') },
    h('summary', {}, title, h('span', { class: 'grow' }), badge, icon('down', true)),
    h('div', { class: 'group-body' }, ...children),
  );
  element.open = (recall(key) ?? (open ? 'open' : 'closed')) === 'open';
  element.addEventListener('toggle', () => {
    if (matchMedia('(min-width: 761px)').matches) remember(key, element.open ? 'open' : 'closed');
  });
  return {
    element,
    id,
    title,
    setBadge(text) {
      setText(badge, text);
      badge.hidden = text === '';
    },
    setTab(chosen) {
      element.classList.toggle('tabbed', chosen);
      element.classList.toggle('offtab', !chosen);
    },
  };
}

/** The groups of a panel: folds on a wide screen, tabs on a narrow one. */
export function groupTabs(groups: readonly Group[]): HTMLElement {
  const tabs = groups.map((of) => {
    const tab = h(
      'button',
      { type: 'button', role: 'tab', 'aria-controls': of.element.id },
      of.title,
    );
    tab.addEventListener('click', () => choose(of));
    return { tab, of };
  });
  const choose = (chosen: Group): void => {
    for (const { tab, of } of tabs) {
      tab.setAttribute('aria-selected', String(of === chosen));
      tab.tabIndex = of === chosen ? 0 : -1;
      of.setTab(of === chosen);
    }
    chosen.element.open = true;
  };
  const element = h(
    'div',
    { class: 'tabs', role: 'tablist', 'aria-label': 'Control groups' },
    ...tabs.map(({ tab }) => tab),
  );
  element.addEventListener('keydown', (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = tabs.findIndex(({ tab }) => tab === document.activeElement);
    const next = tabs[(at + by + tabs.length) % tabs.length]!;
    choose(next.of);
    next.tab.focus();
  });
  choose(groups[0]!);
  return element;
}

import { type Child, h } from '../dom.ts';

export interface MenuItem {
  readonly label: Child;
  readonly detail?: string | undefined;
  readonly checked?: boolean;
  readonly href?: string;
  readonly run?: () => void;
}

/** A short list below a button. Arrows move, Escape and a click elsewhere close it, and the button has the focus again. */
export function attachMenu(
  button: HTMLElement,
  items: () => readonly (MenuItem | 'line')[],
  { align = 'end', up = false }: { align?: 'start' | 'end'; up?: boolean } = {},
): void {
  button.setAttribute('aria-haspopup', 'menu');
  button.setAttribute('aria-expanded', 'false');
  let menu: HTMLElement | undefined;
  const close = (focus = true): void => {
    if (!menu) return;
    menu.remove();
    menu = undefined;
    button.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside, true);
    removeEventListener('resize', away);
    if (focus) button.focus();
  };
  const away = (): void => close(false);
  const outside = (event: Event): void => {
    if (!menu?.contains(event.target as Node) && !button.contains(event.target as Node))
      close(false);
  };
  const open = (): void => {
    menu = h('div', { class: 'menu', role: 'menu' });
    for (const item of items()) {
      menu.append(item === 'line' ? h('hr') : entry(item, () => close()));
    }
    // Beside the button in the order of the document, so that Tab goes on from there.
    button.after(menu);
    place(menu, button, align, up);
    button.setAttribute('aria-expanded', 'true');
    document.addEventListener('pointerdown', outside, true);
    addEventListener('resize', away);
    menu.addEventListener('keydown', (event) => {
      const entries = [...menu!.querySelectorAll<HTMLElement>('[role^=menuitem]')];
      const at = entries.indexOf(document.activeElement as HTMLElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[
        event.key
      ];
      if (event.key === 'Escape' || event.key === 'Tab') close();
      else if (to !== undefined) entries[(to + entries.length) % entries.length]?.focus();
      if (event.key !== 'Tab' && event.key !== 'Enter' && event.key !== ' ') event.preventDefault();
      event.stopPropagation();
    });
    menu.querySelector<HTMLElement>('[role^=menuitem]')?.focus();
  };
  button.addEventListener('click', () => (menu ? close() : open()));
  button.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown' || menu) return;
    event.preventDefault();
    open();
  });
}

function entry({ label, detail, checked, href, run }: MenuItem, close: () => void): HTMLElement {
  const words = [
    h('span', { class: 'cut' }, label),
    detail !== undefined && h('span', { class: 'caption' }, detail),
  ];
  const role = checked === undefined ? 'menuitem' : 'menuitemradio';
  const element =
    href === undefined
      ? h('button', { type: 'button', role, 'aria-checked': checked }, ...words)
      : h('a', { href, role }, ...words);
  element.addEventListener('click', () => {
    close();
    run?.();
  });
  return element;
}

function place(menu: HTMLElement, button: HTMLElement, align: 'start' | 'end', up: boolean): void {
  const at = button.getBoundingClientRect();
  const { innerWidth, innerHeight } = window;
  menu.style.setProperty(
    up ? 'bottom' : 'top',
    `${up ? innerHeight - at.top + 6 : at.bottom + 6}px`,
  );
  if (align === 'start') menu.style.setProperty('left', `${at.left}px`);
  else menu.style.setProperty('right', `${Math.max(8, innerWidth - at.right)}px`);
  menu.style.setProperty('max-height', `${(up ? at.top : innerHeight - at.bottom) - 20}px`);
}

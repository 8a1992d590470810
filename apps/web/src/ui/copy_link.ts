import type { App } from '../app.ts';
import { h } from '../dom.ts';
import { withModel } from '../engine/model_link.ts';
import { icon } from '../icons.ts';

/** Copies the page's address with its settings. `without` says what the link does not hold: the photo, the picture. */
export function copyLinkButton(
  app: App,
  settings: { fragment(): string },
  without: string,
): HTMLButtonElement {
  const link = h(
    'button',
    {
      class: 'btn icon',
      type: 'button',
      'aria-label': 'Copy link with these settings',
      title: 'Copy link with these settings',
    },
    icon('link'),
  );
  link.addEventListener('click', () => {
    const fragment = withModel(app.engine, settings.fragment());
    const address = `${location.origin}${location.pathname}${fragment ? `#${fragment}` : ''}`;
    void navigator.clipboard.writeText(address).then(
      () => app.toast.show(`Link copied. It holds the settings, not the ${without}.`),
      () => app.toast.show('The link is in the address bar.'),
    );
  });
  return link;
}

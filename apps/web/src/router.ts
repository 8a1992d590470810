import { type PageId, pages } from './pages/addresses.ts';

const base = import.meta.env.BASE_URL;

/** The page that an address of this site means; what is unknown means the first. */
export function pageAt(pathname: string): PageId {
  const below = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
  const path = below.replace(/^\/+|\/+$|\/?index\.html$/g, '');
  return pages.find((page) => page.path === path)?.id ?? pages[0]!.id;
}

/** The address of a page, from the root of the server. */
export function addressOf(id: PageId): string {
  return base + pages.find((page) => page.id === id)!.path;
}

/**
 * Pages change without a new document, so that the device and the model stay. Links are plain links: they open in a new
 * tab, can be copied, and work without this when the server has the page at that address.
 */
export function followLinks(go: (page: PageId, fragment?: string) => void): void {
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || event.button !== 0 || event.defaultPrevented) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.origin !== location.origin || link.target || link.hasAttribute('download')) return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    go(pageAt(link.pathname), link.hash);
  });
  addEventListener('popstate', () => go(pageAt(location.pathname)));
}

/** One page of the site. A page is in the navigation when it is in this list. */
export interface PageAddress {
  readonly id: 'image' | 'models' | 'about';
  /** Below the site's root, without slashes. */
  readonly path: string;
  readonly title: string;
}

export const pages: readonly PageAddress[] = [
  { id: 'image', path: '', title: 'Image' },
  { id: 'models', path: 'models', title: 'Models' },
  { id: 'about', path: 'about', title: 'About' },
];

export type PageId = PageAddress['id'];

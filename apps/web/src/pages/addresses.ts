/** One page of the site. A page is in the navigation when it is in this list. */
export interface PageAddress {
  readonly id: 'image' | 'video' | 'view3d' | 'insight' | 'models' | 'about';
  /** Below the site's root, without slashes. */
  readonly path: string;
  readonly title: string;
}

export const pages: readonly PageAddress[] = [
  { id: 'image', path: '', title: 'Image' },
  { id: 'video', path: 'video', title: 'Video' },
  { id: 'view3d', path: '3d', title: '3D' },
  { id: 'insight', path: 'insight', title: 'Insight' },
  { id: 'models', path: 'models', title: 'Models' },
  { id: 'about', path: 'about', title: 'About' },
];

export type PageId = PageAddress['id'];

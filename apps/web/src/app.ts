import type { Engine } from './engine/engine.ts';
import type { Keys } from './keys.ts';
import type { PageId } from './pages/addresses.ts';
import type { Film } from './pages/video/film.ts';
import type { VideoSettings } from './pages/video/video_settings.ts';
import type { Settings } from './settings.ts';
import type { Announcer } from './ui/announcer.ts';
import type { Toaster } from './ui/toast.ts';
import type { ManyRunOptions, Rect } from './worker/image/image_calls.ts';

export type Shown =
  | { readonly kind: 'picture'; readonly key: File; readonly crop: Rect | undefined }
  | { readonly kind: 'film'; readonly key: number; readonly name: string };

/** How a still picture is run, but for its size: `guided` maps have their edges where the picture has them. */
export interface PictureRuns extends Pick<ManyRunOptions, 'square' | 'tiles' | 'flip'> {
  readonly guided: boolean;
}

/** What every page is given. */
export interface App {
  readonly engine: Engine;
  readonly keys: Keys;
  readonly toast: Toaster;
  readonly announce: Announcer;
  readonly go: (page: PageId) => void;
  /** Files that were dropped or pasted on another page and belong to the image page. */
  readonly openPhotos: (files: readonly File[]) => void;
  readonly openModelFile: (file: File) => void;
  /** As the image page has it. */
  readonly pictureRuns: () => PictureRuns;
  /** The size that pictures are run at, 0 for the model's own. */
  readonly setImageSize: (size: number) => void;
  readonly film: Film;
  /** How it plays and looks, on whichever page. */
  readonly filmSettings: Settings<VideoSettings>;
  /** What was looked at last, for pages that show it in another way. */
  readonly current: () => Shown | undefined;
}

/** One page, made when it is first visited and kept: going back finds everything as it was. */
export interface Page {
  /** Filled with what lies below the top bar. */
  readonly element: HTMLElement;
  /** The page is shown; `fragment` is what stands after # in the address. */
  show?(fragment: string): void;
  hide?(): void;
  /** What the address has after #, when the page is in front. */
  fragment?(): string;
  /** Files that were dropped or pasted here. Without it they go to the image page. */
  takeFiles?(files: readonly File[]): void;
  /** What a drop of these files would do, in a sentence; undefined when nothing. */
  dropText?(files: readonly DataTransferItem[]): string | undefined;
}

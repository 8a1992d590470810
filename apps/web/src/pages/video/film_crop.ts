import type { App } from '../../app.ts';
import { h, setText } from '../../dom.ts';
import { icon } from '../../icons.ts';
import type { Settings } from '../../settings.ts';
import { CropBox } from '../image/crop_box.ts';
import type { VideoSettings } from './video_settings.ts';
import type { VideoStage } from './video_stage.ts';

export interface FilmCrop {
  /** The row of the panel. */
  readonly element: HTMLElement;
  /** The frame is seen as a whole, for the box over it. */
  readonly open: boolean;
  toggle(): void;
  /** False when there is nothing to leave. */
  leave(): boolean;
}

/** The part of a film that is used: a box over the frame, which stands meanwhile. */
export function makeFilmCrop(
  { film }: App,
  settings: Settings<VideoSettings>,
  stage: VideoStage,
): FilmCrop {
  let open = false;
  let goesOn = false;
  const words = h('span', {});
  const button = h(
    'button',
    { class: 'btn', type: 'button', title: 'Crop (G)', 'aria-pressed': 'false' },
    icon('crop', true),
    words,
  );
  const box = new CropBox({
    accept(crop) {
      settings.change({ crop });
      leave();
    },
    leave: () => leave(),
    of: 'frame',
  });
  const setOpen = (next: boolean): void => {
    open = next;
    button.setAttribute('aria-pressed', String(open));
    stage.cropping = open;
    film.refresh();
  };
  const begin = async (): Promise<void> => {
    if (!film.facts.value) return;
    goesOn = film.playing.value;
    film.pause();
    setOpen(true);
    const { videoWidth: width, videoHeight: height } = film.video;
    stage.element.append(box.element);
    box.open({ width, height }, settings.value.crop);
    if (stage.frame) box.place(stage.frame);
  };
  const leave = (): boolean => {
    if (!open) return false;
    box.element.remove();
    setOpen(false);
    stage.element.focus({ preventScroll: true });
    if (goesOn) film.play();
    return true;
  };
  button.addEventListener('click', () => toggle());
  const toggle = (): void => {
    if (!leave()) void begin();
  };
  stage.element.addEventListener('layout', () => {
    if (open && stage.frame) box.place(stage.frame);
  });
  film.source.watch(() => leave());
  settings.store.watch(({ crop }) => {
    setText(words, crop.length > 0 ? 'A part of the frame' : 'The whole frame');
  });
  return {
    element: h('div', { class: 'field' }, h('span', {}, 'Crop'), button),
    get open() {
      return open;
    },
    toggle,
    leave,
  };
}

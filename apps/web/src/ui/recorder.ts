import type { App } from '../app.ts';
import { h, setAttribute } from '../dom.ts';
import { saveBlob } from './files.ts';

export interface Recorder {
  readonly button: HTMLButtonElement;
  readonly recording: boolean;
  toggle(): void;
  stop(): void;
  watch(listener: () => void): void;
}

const types = [
  'video/mp4;codecs=avc1.42E01F',
  'video/webm;codecs=vp9',
  'video/webm;codecs=vp8',
  'video/webm',
];

/** Films a canvas as it is shown, at its size; the browser's own encoder writes the file. */
export function makeRecorder(
  app: App,
  canvas: HTMLCanvasElement,
  nameOf: () => string,
  words = { start: 'Record the view', stop: 'Stop recording' },
): Recorder {
  const listeners: (() => void)[] = [];
  const button = h(
    'button',
    { class: 'btn icon', type: 'button', 'aria-label': words.start, title: words.start },
    h('span', { class: 'rec' }),
  );
  let media: MediaRecorder | undefined;
  const show = (): void => {
    const label = media ? words.stop : words.start;
    setAttribute(button, 'aria-label', label);
    setAttribute(button, 'title', label);
    setAttribute(button, 'aria-pressed', String(media !== undefined));
    for (const listener of listeners) listener();
  };
  const start = (): void => {
    const mimeType = types.find((type) => MediaRecorder.isTypeSupported(type));
    if (!mimeType) {
      app.toast.show('This browser cannot write a video.');
      return;
    }
    const chunks: Blob[] = [];
    const stream = canvas.captureStream(30);
    const made = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 12_000_000 });
    made.addEventListener('dataavailable', ({ data }) => chunks.push(data));
    made.addEventListener('stop', () => {
      for (const track of stream.getTracks()) track.stop();
      const name = `${nameOf()}.${mimeType.startsWith('video/mp4') ? 'mp4' : 'webm'}`;
      const blob = new Blob(chunks, { type: mimeType });
      if (blob.size === 0) return;
      saveBlob(blob, name);
      app.toast.show(`Saved ${name}`);
    });
    made.start(1000);
    media = made;
    show();
  };
  const stop = (): void => {
    if (!media) return;
    media.stop();
    media = undefined;
    show();
  };
  const toggle = (): void => (media ? stop() : start());
  button.addEventListener('click', toggle);
  return {
    button,
    get recording() {
      return media !== undefined;
    },
    toggle,
    stop,
    watch: (listener) => listeners.push(listener),
  };
}

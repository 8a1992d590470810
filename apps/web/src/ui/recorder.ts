import type { App } from '../app.ts';
import { showFailure } from './failure_dialog.ts';
import { saveBlob } from './files.ts';

export interface Recorder {
  /** From the moment that it was asked for until the file is there. */
  readonly recording: boolean;
  /** From now on, what is shown is in it: the encoder is there. */
  readonly begun: boolean;
  toggle(): void;
  stop(): void;
  watch(listener: () => void): void;
}

/** What writes the frames of a page. The worker's encoder comes first; a browser without one films the canvas. */
export interface RecorderOptions {
  readonly canvas: () => HTMLCanvasElement;
  /** Of the file, without its ending. */
  readonly nameOf: () => string;
  /** Begins in the worker; false where it cannot encode. */
  readonly start: () => Promise<boolean>;
  /** Undefined where the device took it away. */
  readonly finish: () => Promise<{ readonly blob: Blob; readonly suffix: string } | undefined>;
}

const types = [
  'video/mp4;codecs=avc1.42E01F',
  'video/webm;codecs=vp9',
  'video/webm;codecs=vp8',
  'video/webm',
];

/** Begins and ends a video, and saves the file that comes of it. */
export function makeRecorder(
  app: App,
  { canvas, nameOf, start, finish }: RecorderOptions,
): Recorder {
  const listeners: (() => void)[] = [];
  let state: 'off' | 'starting' | 'on' | 'stopping' = 'off';
  let stopWanted = false;
  let media: MediaRecorder | undefined;
  const setState = (next: typeof state): void => {
    state = next;
    for (const listener of listeners) listener();
  };
  const save = (blob: Blob, suffix: string): void => {
    if (blob.size === 0) {
      app.toast.show('The browser recorded nothing.');
      return;
    }
    const name = nameOf() + suffix;
    saveBlob(blob, name);
    app.toast.show(`Saved ${name}`);
  };
  const begin = async (): Promise<void> => {
    stopWanted = false;
    setState('starting');
    try {
      if (!(await start())) media = filmCanvas(canvas(), save);
      setState('on');
      if (stopWanted) await end();
    } catch (error) {
      setState('off');
      showFailure('The recording did not work', error);
    }
  };
  const end = async (): Promise<void> => {
    setState('stopping');
    try {
      if (media) media.stop();
      else {
        const movie = await finish();
        if (movie) save(movie.blob, movie.suffix);
      }
    } catch (error) {
      showFailure('The recording did not work', error);
    } finally {
      media = undefined;
      setState('off');
    }
  };
  const stop = (): void => {
    if (state === 'starting') stopWanted = true;
    if (state === 'on') void end();
  };
  const toggle = (): void => {
    if (state === 'off') void begin();
    else stop();
  };
  return {
    get recording() {
      return state !== 'off';
    },
    get begun() {
      return state === 'on' || state === 'stopping';
    },
    toggle,
    stop,
    watch: (listener) => listeners.push(listener),
  };
}

/** Films a canvas as it is shown, at its size; the browser's MediaRecorder writes the file. */
function filmCanvas(
  canvas: HTMLCanvasElement,
  save: (blob: Blob, suffix: string) => void,
): MediaRecorder {
  const isThere = 'MediaRecorder' in globalThis;
  const mimeType = types.find((type) => isThere && MediaRecorder.isTypeSupported(type));
  if (!mimeType) throw new Error('This browser cannot write a video.');
  const chunks: Blob[] = [];
  const stream = canvas.captureStream(30);
  const media = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 12_000_000 });
  media.addEventListener('dataavailable', ({ data }) => chunks.push(data));
  media.addEventListener('stop', () => {
    for (const track of stream.getTracks()) track.stop();
    save(new Blob(chunks, { type: mimeType }), mimeType.startsWith('video/mp4') ? '.mp4' : '.webm');
  });
  media.start(1000);
  return media;
}

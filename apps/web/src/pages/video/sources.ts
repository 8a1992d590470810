import type { App } from '../../app.ts';
import { recall, remember } from '../../settings.ts';
import type { CardAction } from '../../ui/card.ts';
import { chooseFiles } from '../../ui/files.ts';
import type { MenuItem } from '../../ui/menu.ts';
import { EngineError } from '../../worker/protocol.ts';
import type { FilmSource } from './film.ts';

type SourceKind = Exclude<FilmSource['kind'], 'none'>;

const CAMERA = 'dpt-webgpu.camera';

/** Browsers of phones have no way to share what they show. */
export const canShareScreen = (): boolean => 'getDisplayMedia' in (navigator.mediaDevices ?? {});

/** Where films come from. What goes wrong is left in `film.failure`, in words. */
export function makeSources(app: App) {
  const { film } = app;
  /** What went wrong: which of the sources, and the same once more. */
  let tried: { readonly what: SourceKind; readonly again: () => void } | undefined;
  const say = (
    what: SourceKind,
    [message, remedy]: readonly [message: string, remedy: string],
    error: unknown,
    again: () => void,
  ): void => {
    tried = { what, again };
    const details = error instanceof Error ? error.message : String(error);
    const { failure } = new EngineError({ code: 'bad-picture', message, remedy, details });
    film.failure.set(failure);
    app.announce.alert(message);
  };
  const openFile = async (file: File): Promise<void> => {
    try {
      await film.openFile(file);
    } catch (error) {
      film.close();
      const words = [
        `${file.name} cannot be played by this browser.`,
        'MP4 with H.264 and WebM with VP9 play nearly everywhere.',
      ] as const;
      say('file', words, error, () => void openFile(file));
    }
  };
  const choose = async (): Promise<void> => {
    const [file] = await chooseFiles({ accept: 'video/*,.mp4,.webm,.mov,.mkv' });
    if (file) await openFile(file);
  };
  /** Without an id the one that was used last, else one that looks away from the visitor. */
  const camera = async (id?: string): Promise<void> => {
    const last = recall(CAMERA);
    const usual = last ? { deviceId: { ideal: last } } : { facingMode: 'environment' };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: id ? { deviceId: { exact: id } } : usual,
        audio: false,
      });
      const [track] = stream.getVideoTracks();
      // The menu knows their names by the time that one of them plays.
      await listCameras();
      await film.openStream(stream, 'camera', track?.label || 'Camera');
      remember(CAMERA, track?.getSettings().deviceId ?? '');
    } catch (error) {
      const name = error instanceof DOMException ? error.name : '';
      say('camera', cameraWords[name] ?? NO_CAMERA, error, () => void camera(id));
    }
  };
  const screen = async (): Promise<void> => {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: false });
      await film.openStream(stream, 'screen', 'Screen');
    } catch (error) {
      const left = error instanceof DOMException && error.name === 'NotAllowedError';
      // Whoever closes the browser's own question needs no card about it.
      if (!left) {
        const words = ['The screen cannot be shared here.', 'Open a video instead.'] as const;
        say('screen', words, error, () => void screen());
      }
    }
  };
  film.ended = (kind) => {
    if (kind === 'screen') {
      app.toast.show('The screen is no longer shared');
      return;
    }
    const words = ['The camera is gone.', 'Plug it in again, then press Try again.'] as const;
    say('camera', words, 'Its stream has ended.', () => void camera());
  };
  /** The card is closed, and what it was about is tried once more. */
  const retry = (): void => {
    const again = tried?.again ?? (() => film.refresh());
    tried = undefined;
    film.failure.set(undefined);
    again();
  };
  /** After something went wrong: the same again, and the sources that were not tried. */
  const ways = (): CardAction[] => [
    { label: 'Try again', main: true, run: retry },
    ...[
      { what: 'file', label: 'Open a video', run: () => void choose() },
      { what: 'camera', label: 'Use the camera', run: () => void camera() },
      { what: 'screen', label: 'Share the screen', run: () => void screen() },
    ].filter(
      ({ what }) =>
        what === 'file' || (what !== tried?.what && (what === 'camera' || canShareScreen())),
    ),
  ];
  /** Browsers give cameras names only once one of them was allowed. */
  let cameras: readonly MediaDeviceInfo[] = [];
  const listCameras = async (): Promise<void> => {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    cameras = devices.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== '');
  };
  film.source.watch(() => void listCameras());
  const cameraItems = (): MenuItem[] =>
    cameras.length === 0
      ? [{ label: 'Camera', run: () => void camera() }]
      : cameras.map(({ label, deviceId }, i) => ({
          label: label || `Camera ${i + 1}`,
          run: () => void camera(deviceId),
        }));
  return { openFile, choose, camera, screen, cameraItems, ways };
}

const NO_CAMERA = ['No camera was found.', 'Plug one in, or open a video.'] as const;
/** By the names of a browser's errors. */
const cameraWords: Readonly<Record<string, readonly [message: string, remedy: string]>> = {
  NotAllowedError: [
    'The camera is not allowed for this page.',
    'Allow it in the address bar, then press Try again.',
  ],
  NotReadableError: [
    'The camera does not start.',
    'Another program may be using it. Close that, then press Try again.',
  ],
};

import type { App } from '../../app.ts';
import { chooseFiles } from '../../ui/files.ts';
import type { MenuItem } from '../../ui/menu.ts';
import { EngineError } from '../../worker/protocol.ts';

/** Where films come from. What goes wrong is left in `film.failure`, in words. */
export function makeSources(app: App) {
  const { film } = app;
  const say = (message: string, remedy: string, error: unknown): void => {
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
      say(
        `${file.name} cannot be played by this browser.`,
        'MP4 with H.264 and WebM with VP9 play nearly everywhere.',
        error,
      );
    }
  };
  const choose = async (): Promise<void> => {
    const [file] = await chooseFiles({ accept: 'video/*,.mp4,.webm,.mov,.mkv' });
    if (file) await openFile(file);
  };
  const camera = async (id?: string): Promise<void> => {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: id ? { deviceId: { exact: id } } : { facingMode: 'environment' },
        audio: false,
      });
      const name = stream.getVideoTracks()[0]?.label || 'Camera';
      await film.openStream(stream, 'camera', name);
    } catch (error) {
      const name = error instanceof DOMException ? error.name : '';
      if (name === 'NotAllowedError') {
        say(
          'The camera is not allowed for this page.',
          'Allow it in the address bar, then press Try again.',
          error,
        );
      } else say('No camera was found.', 'Plug one in, or open a video.', error);
    }
  };
  const screen = async (): Promise<void> => {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: false });
      await film.openStream(stream, 'screen', 'Screen');
    } catch (error) {
      const left = error instanceof DOMException && error.name === 'NotAllowedError';
      // Whoever closes the browser's own question needs no card about it.
      if (!left) say('The screen cannot be shared here.', 'Open a video instead.', error);
    }
  };
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
  return { openFile, choose, camera, screen, cameraItems };
}

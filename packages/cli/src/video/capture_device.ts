import { UsageError } from '../errors.ts';
import { capture, type Ffmpeg } from './ffmpeg.ts';

/** A camera as ffmpeg opens it. `which`: its number, from 0, or its name. */
export async function cameraInput(
  ffmpeg: Ffmpeg,
  which = '0',
  platform: string = process.platform,
): Promise<string[]> {
  const isNumber = /^\d+$/.test(which);
  switch (platform) {
    case 'linux':
      return ['-f', 'v4l2', '-i', isNumber ? `/dev/video${which}` : which];
    case 'darwin':
      // Cameras of Macs refuse the rate that ffmpeg asks for by default.
      return ['-f', 'avfoundation', '-framerate', '30', '-i', `${which}:none`];
    case 'win32':
      return [
        '-f',
        'dshow',
        '-i',
        `video=${isNumber ? await nameOf(ffmpeg, Number(which)) : which}`,
      ];
    default:
      throw new UsageError(`--webcam is not known on ${platform}; pipe the camera in with ffmpeg.`);
  }
}

/** DirectShow knows names only, and prints them as if that were an error. */
async function nameOf(ffmpeg: Ffmpeg, which: number): Promise<string> {
  const list = ['-hide_banner', '-list_devices', 'true', '-f', 'dshow', '-i', 'dummy'];
  const { err } = await capture(ffmpeg, ffmpeg.ffmpeg, list);
  const names = camerasIn(err);
  const name = names[which];
  if (name !== undefined) return name;
  const known = names.map((found, i) => `${i}: ${found}`).join(', ');
  throw new UsageError(
    `--webcam ${which}: there is no such camera${known ? `, only ${known}` : ''}.`,
  );
}

/** `[dshow @ …] "Integrated Camera" (video)` */
export const camerasIn = (text: string): string[] =>
  [...text.matchAll(/"([^"]+)" \(video\)/g)].map(([, name]) => name!);

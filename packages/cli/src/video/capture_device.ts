import { readdir } from 'node:fs/promises';
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

/** What to do when a camera cannot be opened: which there are, or how to see that, and how to do without. */
export async function cameraRemedy(
  input: readonly string[],
  message: string,
  platform: string = process.platform,
): Promise<string> {
  const [, format = '', ...rest] = input;
  const tried = `Tried: ffmpeg -f ${format} -i ${JSON.stringify(rest.at(-1))}.`;
  const other = 'Whatever else ffmpeg opens can be piped in: ffmpeg … -f matroska - | dpt video -';
  return [tried, await choiceOf(message, platform), other].join(' ');
}

async function choiceOf(message: string, platform: string): Promise<string> {
  if (platform === 'darwin') {
    return 'Plug a camera in, allow it for the terminal in System Settings, Privacy, or choose another by its number: ffmpeg -f avfoundation -list_devices true -i "" lists them.';
  }
  if (platform === 'win32') {
    return 'Plug a camera in, or choose another by its number: ffmpeg -f dshow -list_devices true -i dummy lists them.';
  }
  const files = await readdir('/dev').catch(() => []);
  const cameras = files.filter((name) => /^video\d+$/.test(name)).sort();
  if (cameras.length === 0) return 'There is no /dev/video*: plug a camera in.';
  const allow = /permission/i.test(message) ? ' Reading them takes the group video.' : '';
  const names = cameras.map((name) => name.slice('video'.length)).join(', ');
  return `Choose another: there are ${names}; some of them may be no pictures.${allow}`;
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

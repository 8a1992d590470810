// dpt video: what is refused before anything runs, what ffprobe says, arguments of ffmpeg, times in Matroska, the stages
// with fake ones (order, bounds, ends, failures). Where ffmpeg is, films of a few frames: rate, sound, rotation, odd sides,
// times of their own, wide pixels, ranges, frames as files, damage, an abort, a camera that ffmpeg makes up. Not here: what depths look like.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cameraRemedy, camerasIn } from '../../packages/cli/src/video/capture_device.ts';
import { containerNamed } from '../../packages/cli/src/video/containers.ts';
import { decoderArguments, type Frame } from '../../packages/cli/src/video/decode.ts';
import { encoderArguments } from '../../packages/cli/src/video/encode.ts';
import { passthrough } from '../../packages/cli/src/video/ffmpeg.ts';
import type { FrameDepth } from '../../packages/cli/src/video/film_depth.ts';
import { filmOf } from '../../packages/cli/src/video/probe.ts';
import { ahead, newest } from '../../packages/cli/src/video/queue.ts';
import { progressLine, runFilm } from '../../packages/cli/src/video/run_film.ts';
import { frameHead, streamHead } from '../../packages/cli/src/video/stamped_frames.ts';
import { decodeNpy } from '../../packages/loaders/src/index.ts';
import { dpt } from '../support/cli.ts';
import { hasFfmpeg, runTool } from '../support/ffmpeg.ts';
import { tinyModel } from '../support/models.ts';
import { compare } from '../support/tensors.ts';

const base = mkdtempSync(join(tmpdir(), 'dpt-video-'));
afterAll(() => rmSync(base, { recursive: true }));

const stream = {
  index: 0,
  codec_type: 'video',
  width: 64,
  height: 48,
  r_frame_rate: '30000/1001',
  avg_frame_rate: '30000/1001',
  nb_frames: '10',
};
const sound = { index: 1, codec_type: 'audio', codec_name: 'aac' };
const film = filmOf({ streams: [stream, sound] }, 'x');

describe('refused before work starts', () => {
  test.each([
    [[], /which film\?/],
    [['a.mp4', 'b.mp4'], /one argument too many/],
    [['a.mp4', '-o', 'x.gif'], /ends in none of \.mp4, /],
    [['a.mp4', '-o', '-'], /needs --output-format/],
    [['a.mp4', '--output-format', 'gif'], /it can be mp4, /],
    [['a.mp4', '--frames', '5:5'], /--frames takes/],
    [['a.mp4', '--frames', 'x'], /--frames takes/],
    [['a.mp4', '--smooth', '0'], /above 0/],
    [['a.mp4', '--smooth', '1', '--no-smooth'], /exclude each other/],
    [['a.mp4', '--smooth-pixels', '1', '--no-smooth'], /exclude each other/],
    [['a.mp4', '--smooth-pixels', '-1'], /no less than 0/],
    [['a.mp4', '--format', 'npy'], /about --frames-out/],
    [['a.mp4', '--input-format', 'mp4'], /piped in/],
    [['a.mp4', '--thresholds', '1,0'], /rising/],
  ])('%j', async (argv, message) => {
    const { code, err } = await dpt(['video', ...argv]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  test('no ffmpeg: how to get one', async () => {
    const { code, err } = await dpt(['video', 'a.mp4'], { env: { PATH: base } });
    expect(code).toBe(2);
    expect(err).toMatch(
      /^dpt video: ffprobe was not found on the PATH\..+apt install ffmpeg.+brew/,
    );
    const wrong = await dpt(['video', 'a.mp4'], { env: { FFMPEG_PATH: join(base, 'ff') } });
    expect(wrong).toMatchObject({ code: 2, err: expect.stringMatching(/FFMPEG_PATH is .+ENOENT/) });
  });
});

describe('what ffprobe says', () => {
  test('rates, rotation, shape of pixels, cover pictures', () => {
    expect(film).toMatchObject({ isVariable: false, frames: 10, audio: [{ codec: 'aac' }] });
    const turned = { ...stream, side_data_list: [{ rotation: -90 }], sample_aspect_ratio: '4:3' };
    expect(filmOf({ streams: [turned] }, 'x')).toMatchObject({
      size: { width: 48, height: 85 },
    });
    const sizeOf = (sample_aspect_ratio: string) =>
      filmOf({ streams: [{ ...stream, sample_aspect_ratio }] }, 'x').size;
    expect(sizeOf('3:4')).toEqual({ width: 64, height: 64 });
    for (const unknown of ['0:1', '1:0', '1:1', '100000:1', 'N/A']) {
      expect(sizeOf(unknown)).toEqual({ width: 64, height: 48 });
    }
    const tagged = { ...stream, tags: { rotate: '180' }, avg_frame_rate: '24/1' };
    expect(filmOf({ streams: [tagged] }, 'x')).toMatchObject({
      size: { width: 64, height: 48 },
      isVariable: true,
    });
    const cover = { ...stream, disposition: { attached_pic: 1 } };
    expect(() => filmOf({ streams: [sound, cover] }, 'song.m4a')).toThrow(
      'song.m4a: holds no video, only audio aac, video undefined.',
    );
  });

  test('cameras of Windows', () => {
    const text = '[dshow @ 1] "Front Camera" (video)\n[dshow @ 1] "Microphone" (audio)';
    expect(camerasIn(text)).toEqual(['Front Camera']);
  });

  test.each([
    ['darwin', 'avfoundation', '0:none', /allow it for the terminal.+ -list_devices true -i ""/],
    ['win32', 'dshow', 'video=Cam', /plug a camera in.+ -f dshow -list_devices true/i],
    ['linux', 'v4l2', '/dev/video7', /no \/dev\/video|Choose another: there are \d/],
  ])('what to do without a camera: %s', async (platform, format, device, expected) => {
    const text = await cameraRemedy(['-f', format, '-i', device], 'no', platform);
    expect(text).toMatch(expected);
    expect(text).toContain(`Tried: ffmpeg -f ${format} -i "${device}".`);
    expect(text).toMatch(/\| dpt video -$/);
  });
});

describe('arguments', () => {
  const options = { film, size: film.size, audioFrom: 'a.mp4', frames: undefined, crf: undefined };
  const encoder = (name: string, path?: string, audio = film.audio) =>
    encoderArguments(
      { version: '6.0' },
      {
        ...options,
        ...{ film: { ...film, audio }, container: containerNamed(name), path },
        ...{ isCutInFront: false, stamped: false },
      },
      new Set(['libx264', 'libvpx-vp9', 'wrapped_avframe', 'aac', 'libopus']),
      0,
    ).join(' ');

  test('frames are never doubled or dropped, by either name of the flag', () => {
    expect(passthrough('5.0.1')).toEqual(['-vsync', '0']);
    expect(passthrough('n7.1')).toEqual(['-fps_mode', 'passthrough']);
    expect(passthrough('N-1234-gabc')).toEqual(['-fps_mode', 'passthrough']);
  });

  test('sound is copied where it fits', () => {
    expect(encoder('mp4', 'x.mp4')).toMatch(/-c:a:0 copy.+-movflags \+faststart/);
    expect(encoder('webm', 'x.webm')).toMatch(/-c:a:0 libopus/);
    expect(encoder('webm', 'x.webm', [{ codec: 'opus' }])).toMatch(/-c:a:0 copy/);
    expect(encoder('y4m')).not.toMatch(/-c:a/);
    expect(encoder('mp4')).toMatch(/empty_moov.+ pipe:1$/);
  });

  test('part of a film', () => {
    const range = { from: 3, to: 7 };
    const given = { film, input: ['-i', 'file:a'], range, stamped: true };
    expect(decoderArguments({ version: '6.0' }, given).join(' ')).toMatch(
      /trim=start_frame=3:end_frame=7,scale=64:48,format=rgba,metadata/,
    );
  });

  test('an encoder that is missing', () => {
    const given = { ...options, container: containerNamed('mp4'), path: 'x' };
    const flags = { isCutInFront: false, stamped: false };
    expect(() => encoderArguments({ version: '6' }, { ...given, ...flags }, new Set(), 0)).toThrow(
      /none of the encoders libx264/,
    );
  });
});

describe('stages', () => {
  const none: FrameDepth = {
    picture: undefined,
    values: undefined,
    raw: undefined,
    range: [0, 1],
    nonFinite: 0,
  };
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  /** A decoder of `count` frames that knows how far it got. */
  function fake(count: number) {
    const decoder = {
      made: 0,
      stopped: false,
      stop: () => void (decoder.stopped = true),
      async *frames(): AsyncGenerator<Frame> {
        for (let index = 0; index < count && !decoder.stopped; index++) {
          decoder.made++;
          yield { index, seconds: index / 10, data: new Uint8Array(4) };
        }
      },
    };
    return decoder;
  }
  const signal = new AbortController().signal;
  const depth = { next: async () => none };

  test('in order, and never far ahead', async () => {
    const decoder = fake(40);
    const seen: number[] = [];
    let farthest = 0;
    const { frames } = await runFilm({
      ...{ decoder, depth, signal, isLive: false },
      async write({ index }) {
        await wait(1);
        seen.push(index);
        farthest = Math.max(farthest, decoder.made - index);
      },
    });
    expect(frames).toBe(40);
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(farthest).toBeLessThanOrEqual(12);
  });

  test('an abort ends the film; what was begun is written', async () => {
    const controller = new AbortController();
    const decoder = fake(1000);
    const { frames } = await runFilm({
      ...{ decoder, depth, signal: controller.signal, isLive: false },
      async write({ index }) {
        if (index === 5) controller.abort();
      },
    });
    expect(frames).toBeGreaterThan(5);
    expect(frames).toBeLessThan(20);
  });

  test.each(['network', 'encoder'])('a failure of the %s ends all', async (stage) => {
    const decoder = fake(1000);
    const fail = async (): Promise<never> => Promise.reject(new Error('no'));
    const stages = {
      ...{ decoder, signal, isLive: false },
      depth: stage === 'network' ? { next: fail } : depth,
      write: stage === 'encoder' ? fail : async () => {},
    };
    await expect(runFilm(stages)).rejects.toThrow('no');
    expect(decoder.stopped).toBe(true);
    expect(decoder.made).toBeLessThan(20);
  });

  test('a camera is followed, not queued', async () => {
    const seen: number[] = [];
    let dropped = 0;
    let made = 0;
    async function* camera() {
      while (made < 20) {
        await wait(0);
        yield made++;
      }
    }
    for await (const i of newest(camera(), () => dropped++)) {
      seen.push(i);
      // Each takes as long as four of the camera.
      const until = Math.min(made + 4, 20);
      while (made < until) await wait(0);
    }
    expect(dropped).toBeGreaterThan(5);
    expect(seen.length + dropped).toBe(20);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  test('a source that fails hands over what it had', async () => {
    async function* source() {
      yield 1;
      yield 2;
      throw new Error('cut');
    }
    const seen: number[] = [];
    await expect(async () => {
      for await (const item of ahead(source(), 5)) seen.push(item);
    }).rejects.toThrow('cut');
    expect(seen).toEqual([1, 2]);
  });

  test('the line says rate and time left', () => {
    const state = { frames: 30, dropped: 0, rate: 12 };
    expect(progressLine(state, 150)).toBe('frame 30 of 150, 12.0 per second, 0:10 left');
    expect(progressLine({ ...state, dropped: 2 })).toBe('frame 30, 12.0 per second, 2 dropped');
  });
});

test('ffmpeg is there, or the tests that need it are listed as skipped: ffmpeg', () => {
  expect(typeof hasFfmpeg).toBe('boolean');
});

describe.skipIf(!hasFfmpeg)('ffmpeg', () => {
  const path = (name: string): string => join(base, name);
  const make = (name: string, ...flags: string[]): string => {
    const pictures = ['-f', 'lavfi', '-i', 'testsrc=size=33x25:rate=10:duration=1.2'];
    const tone = ['-f', 'lavfi', '-i', 'sine=duration=1.2'];
    runTool('ffmpeg', ['-y', ...pictures, ...tone, '-pix_fmt', 'yuv444p', ...flags, path(name)]);
    return path(name);
  };
  const probed = (file: string) =>
    JSON.parse(
      runTool('ffprobe', [
        ...['-of', 'json', '-count_frames', '-show_format', '-show_streams', file],
      ]),
    ) as {
      streams: Record<string, string | number>[];
      format: Record<string, string>;
    };
  const run = (...argv: string[]) => dpt(['video', ...argv, '-m', tinyModel, '--size', '28']);
  const times = (file: string): number[] =>
    runTool('ffprobe', [
      '-of',
      'csv=p=0',
      '-show_entries',
      'packet=pts_time',
      '-select_streams',
      'v',
      file,
    ])
      .split(/\s+/)
      .filter(Boolean)
      .map(Number.parseFloat)
      .sort((a, b) => a - b);

  let clip: string;
  beforeAll(() => {
    clip = make('clip.mkv');
  });

  test('as many frames, the same rate and sound; odd sides; beside each other', async () => {
    const out = path('out.mp4');
    const done = await run(clip, '-o', out, '--side-by-side');
    expect(done).toMatchObject({ code: 0 });
    expect(done.out).toMatch(/clip\.mkv → .+out\.mp4 {2}\(12 frames, 42×28, .+ frames\/s\)$/);
    const [video, audio] = probed(out).streams;
    expect(video).toMatchObject({
      width: 66,
      height: 26,
      nb_read_frames: '12',
      avg_frame_rate: '10/1',
    });
    expect(audio).toMatchObject({ codec_type: 'audio' });
    expect(readdirSync(base).filter((name) => name.includes('.part'))).toEqual([]);
  });

  test('pixels that are not square: everything is as the film is shown', async () => {
    // A ball before a wall, 60 × 45; and the same film in columns of half the number, each twice as wide.
    const wall = `nullsrc=size=60x45:rate=10:duration=0.3,geq=lum='if(lt(hypot(X-30,Y-22),14),220,40+Y)':cb=128:cr=128`;
    const [square, narrow] = [path('square.mkv'), path('narrow.mkv')];
    const lossless = ['-c:v', 'ffv1', '-pix_fmt', 'yuv444p'];
    runTool('ffmpeg', ['-y', '-f', 'lavfi', '-i', wall, ...lossless, square]);
    runTool('ffmpeg', ['-y', '-i', square, '-vf', 'scale=30:45,setsar=2/1', ...lossless, narrow]);
    const maps: Float32Array[] = [];
    for (const film of [square, narrow]) {
      const [out, folder] = [`${film}.mp4`, `${film}.frames`];
      const flags = ['-o', out, '--frames-out', folder, '--format', 'npy'];
      expect(await run(film, ...flags)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/42×28/),
      });
      expect(probed(out).streams[0]).toMatchObject({
        ...{ width: 60, height: 46, sample_aspect_ratio: '1:1' },
      });
      const { data, shape } = decodeNpy(readFileSync(join(folder, '00000001.npy')));
      expect(shape).toEqual([45, 60]);
      maps.push(data as Float32Array);
    }
    const [a, b] = maps as [Float32Array, Float32Array];
    // Half of the columns are made up: some tenths of the deviation where the ball ends, far less on average.
    const { mean, std } = compare(b, a);
    expect(mean / std).toBeLessThan(0.1);
  });

  test('times of their own, and rotation', async () => {
    const uneven = make('uneven.mp4', '-an', '-vf', "select='mod(n,3)'", ...passthrough('5.0'));
    const turned = path('turned.mp4');
    runTool('ffmpeg', ['-y', '-i', uneven, '-c', 'copy', '-metadata:s:v', 'rotate=90', turned]);
    const out = path('uneven_out.mp4');
    expect(await run(uneven, '-o', out)).toMatchObject({
      code: 0,
      err: expect.not.stringMatching(/dpt video/),
    });
    const first = times(uneven)[0]!;
    const expected = times(uneven).map((time) => time - first);
    const begin = times(out)[0]!;
    times(out).forEach((time, i) => {
      expect(time - begin).toBeCloseTo(expected[i]!, 3);
    });
    expect(times(out).length).toBe(expected.length);
  });

  test('frames as files, with their numbers and ranges', async () => {
    const folder = path('frames');
    const done = await run(
      clip,
      '--frames-out',
      folder,
      '--format',
      'npy,png16',
      '--frames',
      '4:6',
    );
    expect(done).toMatchObject({ code: 0 });
    expect(readdirSync(folder)).toEqual([
      ...['00000004.16.png', '00000004.npy', '00000005.16.png', '00000005.npy', 'frames.csv'],
    ]);
    const { data, shape } = decodeNpy(readFileSync(join(folder, '00000004.npy')));
    expect(shape).toEqual([25, 33]);
    const [, line] = readFileSync(join(folder, 'frames.csv'), 'utf8').split('\n');
    const [index, seconds, lo, hi] = line!.split(',').map(Number);
    expect(index).toBe(4);
    // The sound of the clip begins some milliseconds before its picture.
    expect(seconds).toBeCloseTo(0.4, 1);
    const values = [...(data as Float32Array)];
    expect(Math.min(...values)).toBeGreaterThanOrEqual(lo! - 1e-3 * (hi! - lo!));
    expect(Math.max(...values)).toBeLessThanOrEqual(hi! + 1e-3 * (hi! - lo!));
  });

  test('what cannot be read is said, and nothing is written', async () => {
    const text = path('text.mp4');
    writeFileSync(text, 'no film');
    expect(await run(text, '-o', path('no.mp4'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/text\.mp4: ffmpeg cannot read it: .*Invalid data/),
    });
    const song = path('song.m4a');
    runTool('ffmpeg', ['-y', '-f', 'lavfi', '-i', 'sine=duration=0.2', song]);
    expect((await run(song)).err).toMatch(/holds no video, only audio aac/);
    expect((await run(clip, '--frames', '50:', '-o', path('no.mp4'))).err).toMatch(
      /has no frame 50, it has about 12/,
    );
    expect((await run(clip, '-o', clip)).err).toMatch(/is an input and would be overwritten/);
    expect(readdirSync(base)).not.toContain('no.mp4');
  });

  test('a film that is cut short is written as far as it goes', async () => {
    // Each picture by itself, so that half of the bytes is about half of the pictures.
    const whole = readFileSync(make('whole.mkv', '-an', '-c:v', 'ffv1'));
    const cut = path('cut.mkv');
    writeFileSync(cut, whole.subarray(0, Math.floor(whole.length * 0.6)));
    const { code, err } = await run(cut, '-o', path('cut.mp4'));
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/it ends after \d+ of about 12/),
    });
    expect(Number(probed(path('cut.mp4')).streams[0]!.nb_read_frames)).toBeGreaterThan(0);
  });

  test('an abort leaves a film that plays, no longer than its pictures', async () => {
    const long = path('long.mkv');
    const pictures = ['-f', 'lavfi', '-i', 'testsrc=size=32x24:rate=10:duration=60'];
    runTool('ffmpeg', ['-y', ...pictures, '-f', 'lavfi', '-i', 'sine=duration=60', long]);
    const controller = new AbortController();
    const progress = {
      report() {},
      clear() {},
      show: (text: string) => void (text.startsWith('frame 4 ') && controller.abort()),
    };
    const argv = ['video', long, '-o', path('long.mp4'), '-m', tinyModel, '--size', '28'];
    const { code, out } = await dpt(argv, { progress, signal: controller.signal });
    expect(code).toBe(130);
    const written = Number(/\((\d+) frames/.exec(out)?.[1]);
    const { streams, format } = probed(path('long.mp4'));
    expect(Number(streams[0]!.nb_read_frames)).toBe(written);
    expect(Number(format.duration)).toBeLessThan(written / 10 + 0.5);
  });

  test.skipIf(process.platform !== 'linux')('a camera that is not there', async () => {
    expect(await dpt(['video', '--webcam', '63', '-m', tinyModel])).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^dpt video: camera 63: ffmpeg cannot read it: .+ Tried: ffmpeg -f v4l2 -i "\/dev\/video63"\. .+ can be piped in: .+/,
      ),
    });
  });

  test.skipIf(process.platform !== 'linux')('a camera, which ffmpeg makes up', async () => {
    // FFMPEG_PATH leads to programs that take a moving picture for the camera, at its own pace.
    const folder = path('camera');
    mkdirSync(folder);
    for (const name of ['ffmpeg', 'ffprobe']) {
      const real = spawnSync('sh', ['-c', `command -v ${name}`], {
        encoding: 'utf8',
      }).stdout.trim();
      const pace = name === 'ffmpeg' ? '-re ' : '';
      const script = `#!/bin/sh
case "$*" in *"-f v4l2 -i /dev/video0"*) ;; *) exec ${real} "$@" ;; esac
n=$#
while [ "$n" -gt 0 ]; do
  word=$1; shift; n=$((n - 1))
  [ "$word" = v4l2 ] && word=lavfi
  [ "$word" = /dev/video0 ] && word=testsrc=size=64x48:rate=10
  set -- "$@" "$word"
done
exec ${real} ${pace}"$@"
`;
      writeFileSync(join(folder, name), script, { mode: 0o755 });
    }
    const out = path('camera.mkv');
    const argv = ['video', '--webcam', '-o', out, '--frames', ':8', '--json'];
    const done = await dpt([...argv, '-m', tinyModel, '--size', '28'], {
      env: { FFMPEG_PATH: folder },
    });
    expect(done).toMatchObject({ code: 0, err: '' });
    const { input, frames, dropped } = JSON.parse(done.out);
    expect(input).toBe('camera 0');
    expect(frames).toBeGreaterThan(0);
    expect(frames + dropped).toBe(8);
    expect(times(out).length).toBe(frames);
  });

  test('a pipe', async () => {
    async function* input() {
      yield readFileSync(clip);
    }
    const done = await dpt(
      ['video', '-', '-o', path('piped.mkv'), '-m', tinyModel, '--size', '28', '--json'],
      { input: input() },
    );
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(done.out)).toMatchObject({ frames: 12, input: 'stdin', interrupted: false });
  });

  test('Matroska of our own is read as it was written', () => {
    const file = path('stamped.mkv');
    const size = { width: 4, height: 2 };
    const parts = [0, 0.1, 0.35].flatMap((s) => [frameHead(s, 32), new Uint8Array(32).fill(9)]);
    writeFileSync(file, Buffer.concat([streamHead(size), ...parts]));
    expect(times(file)).toEqual([0, 0.1, 0.35]);
  });
});

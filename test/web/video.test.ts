// The video page in a real browser, on SwiftShader, with one second of a real film (24 frames, with B-frames): each frame once, in order;
// step, scrub, loop, speed; late frames dropped and counted; recordings as video and as frames, opened by other readers; two made-up cameras
// and the screen; the GPU process killed; memory over 100 frames. ffprobe is asked too where there is one.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import npyjs from 'npyjs';
import type { Download, Page } from 'playwright';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chain } from '../reference/depth_map.ts';
import { hasFfmpeg, runTool } from '../support/ffmpeg.ts';
import { openSite, type Site } from '../support/site.ts';
import { unzip } from '../support/unzip.ts';

const FRAMES = 24;
const films = join(import.meta.dirname, '../fixtures/films');
const hasFfprobe = spawnSync('ffprobe', ['-version']).status === 0;

let site: Site;
let page: Page;
beforeAll(async () => {
  site = await openSite({
    flags: [
      '--use-fake-device-for-media-stream=device-count=2',
      '--use-fake-ui-for-media-stream',
      '--auto-select-desktop-capture-source=Entire screen',
    ],
  });
});
afterAll(() => site?.close());

async function openFilm(settings: string, name = 'flower.mp4', size = 56): Promise<void> {
  await page?.context().close();
  page = await site.open(`video#size=${size}&${settings}`, { width: 480, height: 640 });
  // One ZIP in place of a question for a folder, which nobody answers here.
  await page.evaluate(() => Reflect.deleteProperty(globalThis, 'showDirectoryPicker'));
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Open a video' }).last().click(),
  ]);
  await chooser.setFiles(resolve(films, name));
}

/** The number of the frame that is shown, from 1. */
const frame = async (): Promise<number> => {
  const words = (await page.locator('.bar .small').textContent()) ?? '';
  const [, at, of] = /^frame (\d+) of (\d+)$/.exec(words) ?? [];
  return Number(of) === FRAMES ? Number(at) : Number.NaN;
};
const stands = () => page.getByRole('button', { name: 'Play', exact: true }).waitFor();
const plays = () => page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
async function play(): Promise<void> {
  await page.locator('#stage').focus();
  const button = page.getByRole('button', { name: 'Play', exact: true });
  if (await button.isVisible()) await page.keyboard.press(' ');
  await plays();
}
/** Model, frame, per second, dropped. */
const numbers = async (): Promise<number[]> =>
  (await page.locator('.nums b').allTextContents()).map(Number);
/** The frame that was asked for is shown, and written where frames are. */
const settled = () => page.locator('html[data-film="done"]').waitFor();
/** In the link; browsers tell of it a little later. */
const hash = (): string => new URL(page.url()).hash;
const shown = async (): Promise<string> =>
  (await page.locator('#stage').screenshot()).toString('base64');

/** The film goes on there, as a surface. */
async function to3d(): Promise<void> {
  await page.getByRole('link', { name: '3D' }).click();
  await expect
    .poll(() => page.locator('.work-3d .status b').first().textContent())
    .toMatch(/[1-9]/);
}

/** A film that stands. */
async function toStart(): Promise<void> {
  await page.getByRole('slider', { name: 'Position' }).press('Home');
  await expect.poll(frame).toBe(1);
  await settled();
  await page.locator('#stage').focus();
}

/** Until every frame went through and it stands at the last: that it plays may be over before one looks. */
async function toEnd(): Promise<void> {
  const last = page.locator('.bar .small', { hasText: `frame ${FRAMES} of ${FRAMES}` });
  await last.waitFor({ state: 'attached' });
  await stands();
  await settled();
}

/** Plays once from start to end and records it. */
async function recordAll(): Promise<Download> {
  await toStart();
  await page.keyboard.press('o');
  await page.getByRole('button', { name: 'Stop recording' }).waitFor();
  await page.keyboard.press(' ');
  await toEnd();
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('o')]);
  return download;
}

/** How the browser's own player reads a video: its sides, its length, and the picture at a moment as R G B A. */
function played(bytes: Buffer, type: string, at: number) {
  return page.evaluate(
    async ({ base64, type: kind, at: seconds }) => {
      const blob = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], {
        type: kind,
      });
      const video = document.createElement('video');
      video.muted = true;
      video.src = URL.createObjectURL(blob);
      const once = (name: string) =>
        new Promise((resolve, reject) => {
          video.addEventListener(name, resolve, { once: true });
          video.addEventListener('error', () => reject(video.error), { once: true });
        });
      await once('loadeddata');
      video.currentTime = seconds;
      await once('seeked');
      const { videoWidth: width, videoHeight: height, duration } = video;
      const context = new OffscreenCanvas(width, height).getContext('2d')!;
      context.drawImage(video, 0, 0);
      const data = [...context.getImageData(0, 0, width, height).data];
      return { width, height, duration, data };
    },
    { base64: bytes.toString('base64'), type, at },
  );
}

/** Of the map in PNG of 16 bits, from each frame to the next, on average. */
function changeIn(files: Map<string, Buffer>): number {
  expect(files.size).toBe(FRAMES);
  const maps = [...files.values()].map(
    (bytes) => PNG.sync.read(bytes, { skipRescale: true }).data as unknown as Uint16Array,
  );
  let [sum, count] = [0, 0];
  for (const [i, map] of maps.slice(1).entries()) {
    for (const [at, value] of map.entries()) sum += Math.abs(value - maps[i]![at]!);
    count += map.length;
  }
  return sum / count;
}

function probe(path: string): Record<string, string> {
  const fields = 'stream=nb_read_frames,width,height,codec_name';
  const { stdout } = spawnSync(
    'ffprobe',
    ['-v', 'error', '-count_frames', '-show_entries', fields, '-of', 'default=nw=1', path],
    { encoding: 'utf8' },
  );
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')),
  );
}

describe('every frame of a file', () => {
  /** With nothing kept steady. */
  let unsteady = 0;
  const look = 'percentile=1&plane=0.3&low=0.1&high=0.9&gamma=0.5&reverse=1';
  beforeAll(async () => {
    await openFilm(`every=1&loop=0&record=video&recordSize=film&steady=off&${look}`);
    await toEnd();
  });

  test('is played once, to the end', async () => {
    const [model, , , dropped] = await numbers();
    expect(model).toBeGreaterThan(0);
    expect(dropped).toBe(0);
  });

  test('steps and scrubs to exact frames', async () => {
    await toStart();
    for (const expected of [2, 3]) {
      await page.keyboard.press('ArrowRight');
      await expect.poll(frame).toBe(expected);
    }
    await page.keyboard.press('ArrowLeft');
    await expect.poll(frame).toBe(2);
    await settled();
    const before = await shown();
    const bar = (await page.locator('.scrub').boundingBox())!;
    await page.mouse.click(bar.x + (bar.width * 12.5) / FRAMES, bar.y + bar.height / 2);
    await expect.poll(frame).toBe(13);
    await settled();
    await expect.poll(shown).not.toBe(before);

    // The wheel enlarges the frame that stands, and what is dragged is no click: it goes on standing.
    const whole = await shown();
    const { x, y, width, height } = (await page.locator('#stage').boundingBox())!;
    await page.mouse.move(x + width / 3, y + height / 3);
    await page.mouse.wheel(0, -800);
    await expect.poll(shown).not.toBe(whole);
    const enlarged = await shown();
    await page.mouse.down();
    await page.mouse.move(x + width / 2, y + height / 2, { steps: 3 });
    await page.mouse.up();
    await expect.poll(shown).not.toBe(enlarged);
    await page.mouse.wheel(0, 8000);
    await stands();
    expect(await frame()).toBe(13);
  });

  test('becomes a video of the size of the film, with the picture that a PNG has', async () => {
    const movie = await recordAll();
    expect(movie.suggestedFilename()).toBe('flower_depth.mp4');
    const path = await movie.path();
    const { width, height, duration, data } = await played(readFileSync(path), 'video/mp4', 0.001);
    expect([width, height]).toEqual([160, 90]);
    expect(duration).toBeCloseTo(1, 1);
    if (hasFfprobe) {
      const facts = { codec_name: 'h264', width: '160', height: '90', nb_read_frames: '24' };
      expect(probe(path)).toEqual(facts);
    }

    await setting('Write', 'png');
    const zip = await recordAll();
    expect(zip.suggestedFilename()).toBe('flower_frames.zip');
    const files = await unzip(await zip.path());
    expect([...files.keys()]).toEqual(
      Array.from({ length: FRAMES }, (_, i) => `flower_${String(i + 1).padStart(8, '0')}.png`),
    );
    const first = PNG.sync.read(files.get('flower_00000001.png')!);
    expect([first.width, first.height]).toEqual([160, 90]);
    let sum = 0;
    for (const [i, value] of data.entries()) sum += Math.abs(value - first.data[i]!);
    // H.264 keeps one colour for four pixels, in a limited range; another picture is dozens of levels away.
    expect(sum / data.length).toBeLessThan(6);
  });

  test('becomes PNG of 16 bits and NPY of the size of the map', async () => {
    await setting('Write', 'png16');
    await setting('Size', 'map');
    const pictures = await unzip(await (await recordAll()).path());
    expect(pictures.size).toBe(FRAMES);
    unsteady = changeIn(pictures);
    // All of them, also the one that was there when the recording began.
    for (const file of pictures.values()) expect(file.readUInt32BE(16)).toBe(98);
    const bytes = pictures.get('flower_00000007.png')!;
    // Sides at byte 16, depth at 24, kind of colour at 25.
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20), bytes[24], bytes[25]]).toEqual([
      98, 56, 16, 0,
    ]);
    await setting('Write', 'npy');
    const arrays = await unzip(await (await recordAll()).path());
    const npy = arrays.get('flower_00000024.npy')!;
    const { shape, data } = await new npyjs().parse(new Uint8Array(npy).buffer);
    expect(shape).toEqual([56, 98]);
    expect(new Set(data as Float32Array).size).toBeGreaterThan(1000);
    // The picture of a frame is what the reference makes of its map with the controls as they are.
    const { values } = chain(
      { shape, data: Float64Array.from(data as Float32Array) },
      {
        ...{ metric: false, percentiles: [1, 99], planeStrength: 0.3, thresholds: [0.1, 0.9] },
        ...{ gamma: 0.5, equalise: false, reverse: true },
      },
    );
    const last = PNG.sync.read(pictures.get('flower_00000024.png')!, { skipRescale: true });
    const seen = last.data as unknown as Uint16Array;
    const apart = values.data.map((value, i) => Math.abs(value - seen[4 * i]! / 65_535));
    expect([last.width, last.height, Math.max(...apart) < 1e-3]).toEqual([98, 56, true]);
  });

  test('changes less from frame to frame the more of it is kept steady', async () => {
    await setting('Write', 'png16');
    const changes = [unsteady];
    for (const kind of ['range', 'motion']) {
      await toStart();
      await page.keyboard.press('e');
      await expect.poll(() => hash().includes('steady')).toBe(kind === 'range');
      changes.push(changeIn(await unzip(await (await recordAll()).path())));
    }
    expect(changes[1]).toBeLessThan(changes[0]!);
    expect(changes[2]).toBeLessThan(changes[1]!);
  });

  test('is cropped, and the part goes through the model as a frame of its own', async () => {
    await page.locator('#stage').focus();
    await page.keyboard.press('g');
    const box = page.getByRole('group', { name: /^Crop box/ });
    await box.getByText(/160.×.90/).waitFor();
    const { x, y, width, height } = (await box.boundingBox())!;
    await page.keyboard.down('Shift');
    await page.mouse.move(x + 2, y + 2);
    await page.mouse.down();
    await page.mouse.move(x + width / 2, y + height / 2, { steps: 3 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await page.keyboard.press('Enter');
    await page
      .getByRole('img', { name: /^Depth of a film, (79|80|81) by (44|45|46)(,|$)/ })
      .waitFor();
    await expect.poll(hash).toMatch(/crop=0/);
    await page.keyboard.press('g');
    await page.getByRole('button', { name: 'Whole frame' }).click();
    await page.getByRole('button', { name: 'Use this part' }).click();
    await page.getByRole('img', { name: /^Depth of a film, 160 by 90, nearest at / }).waitFor();
  });

  test('is stepped through in 3D as well, and saved with its number', async () => {
    await toStart();
    await to3d();
    expect(await frame()).toBe(1);
    const depth = async (name: string): Promise<Buffer> => {
      await page.getByRole('button', { name: 'More formats' }).click();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('menuitem', { name: 'Depth, PNG of 16 bits' }).click(),
      ]);
      expect(download.suggestedFilename()).toBe(name);
      return readFileSync(await download.path());
    };
    const first = await depth('flower_00000001_depth_16.png');
    await page.getByRole('application', { name: /^3D view of flower.*, nearest at / }).waitFor();
    await page.getByRole('button', { name: 'Step forward' }).click();
    await expect.poll(frame).toBe(2);
    // The relief follows its frame.
    await expect
      .poll(async () => (await depth('flower_00000002_depth_16.png')).equals(first))
      .toBe(false);
    await page.goBack();
  });
});

describe('a film that plays', () => {
  // As small as a map can be: hundreds of frames go through.
  beforeAll(() => openFilm('speed=2', 'flower.webm', 28));

  test('drops late frames, counts them, and loops within its handles', async () => {
    // At twice its speed a frame lasts 21 ms, and this GPU takes ten times that.
    await expect.poll(async () => (await numbers())[3]).toBeGreaterThan(0);
    // The handles go by the file's own table.
    await expect.poll(frame).toBeGreaterThan(0);
    const [model, passed, rate] = await numbers();
    for (const number of [model, passed, rate]) expect(number).toBeGreaterThan(0);
    await page.keyboard.press(' ');
    await stands();
    const [from, to] = ['Loop from', 'Loop to'].map((name) => page.getByRole('slider', { name }));
    for (let i = 0; i < 8; i++) await from!.press('ArrowRight');
    const bar = (await page.locator('.scrub').boundingBox())!;
    const end = (await to!.boundingBox())!;
    await page.mouse.move(end.x + end.width / 2, end.y + end.height / 2);
    await page.mouse.down();
    await page.mouse.move(bar.x + (bar.width * 12) / FRAMES, bar.y, { steps: 3 });
    await page.mouse.up();
    expect(Number(await from!.getAttribute('aria-valuenow'))).toBeCloseTo(8 / FRAMES, 2);
    expect(Number(await to!.getAttribute('aria-valuenow'))).toBeCloseTo(12 / FRAMES, 2);
    // Every one of the four between them, again and again.
    await page.locator('#stage').focus();
    await page.keyboard.press('n');
    await page.keyboard.press(' ');
    await plays();
    const seen = new Set<number>();
    const inside = (): number[] => [...seen].filter((at) => at >= 9 && at <= 12);
    await expect.poll(async () => seen.add(await frame()) && inside().length).toBe(4);
    for (let i = 0; i < 20; i++) seen.add(await frame());
    await page.keyboard.press(' ');
    await stands();
    // The frame it stood at when playing began may be outside.
    expect(seen.size).toBeLessThanOrEqual(5);
    await to!.dblclick();
    expect(Number(await to!.getAttribute('aria-valuenow'))).toBeCloseTo(1, 2);
  });

  test('is paused and goes on when the GPU is reset, in f32 where half precision then fails', async () => {
    await play();
    const canvas = await page.locator('canvas.screen').elementHandle();
    // This GPU has no halves. The worker says it had them, and that they gave no numbers, until it is asked for f32.
    await page.workers()[0]!.evaluate(() => {
      interface Said {
        readonly kind: string;
        readonly name?: string;
        readonly id?: number;
        readonly value: { state: string; info: { dtype: string; options: { precision: string } } };
      }
      type Send = (message: object, transfer: Transferable[]) => void;
      const send = globalThis.postMessage as Send;
      const frames = new Set<number>();
      addEventListener('message', ({ data }) => {
        if (data.name === 'film.frame') frames.add(data.id);
      });
      let isHalf = false;
      const say = (message: Said, transfer: Transferable[]): void => {
        const { kind, name, id, value } = message;
        if (name === 'model' && value.state === 'ready') {
          isHalf = value.info.options.precision !== 'f32';
          if (isHalf) value.info = { ...value.info, dtype: 'f16' };
        }
        const failure = { code: 'not-finite', message: 'Half precision gave no numbers.' };
        const fails = isHalf && kind === 'result' && frames.has(id!);
        send(fails ? { kind: 'failure', id, failure } : message, transfer);
      };
      Object.assign(globalThis, { postMessage: say });
    });
    const session = await site.browser.newBrowserCDPSession();
    // It is said for a few seconds only.
    const said = page.locator('.toast', { hasText: 'no numbers. Running in f32 instead.' });
    const told = said.waitFor();
    await session.send('Browser.crashGpuProcess');
    // Another takes its place, once there is a device again.
    await canvas!.waitForElementState('hidden');
    await told;
    await plays();
    const at = await frame();
    await expect.poll(frame).not.toBe(at);
  });

  test('is recorded by the browser where the worker cannot encode, after a reset as well', async () => {
    await play();
    await page.workers()[0]!.evaluate(() => Reflect.deleteProperty(globalThis, 'VideoEncoder'));
    await page.keyboard.press('o');
    await page.getByText(/^Recording \d+:(?!00)/).waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('o')]);
    const bytes = readFileSync(await download.path());
    const { width, height } = await played(bytes, 'video/mp4', 0);
    const { width: w, height: h } = (await page.locator('canvas.screen').boundingBox())!;
    // Encoders round sides to even numbers.
    expect(Math.abs(width - w) + Math.abs(height - h)).toBeLessThan(4);
    await page.keyboard.press(' ');
    await stands();
  });

  test('keeps its memory flat over 100 frames', async () => {
    await play();
    const [worker] = page.workers();
    // Buffers and textures of the device, from now on: what is made less what is destroyed.
    await worker!.evaluate(() => {
      const live = { count: 0, frames: 0 };
      Object.assign(globalThis, { live });
      const made = new WeakSet<object>();
      const counted = (prototype: GPUDevice, name: 'createBuffer' | 'createTexture'): void => {
        const create = prototype[name] as (this: GPUDevice, what: never) => object;
        Object.defineProperty(prototype, name, {
          value(this: GPUDevice, what: never) {
            const object = create.call(this, what);
            made.add(object);
            live.count++;
            return object;
          },
        });
      };
      counted(GPUDevice.prototype, 'createBuffer');
      counted(GPUDevice.prototype, 'createTexture');
      for (const { prototype } of [GPUBuffer, GPUTexture]) {
        const { destroy } = prototype;
        prototype.destroy = function (this: GPUBuffer & GPUTexture) {
          if (made.delete(this)) live.count--;
          return destroy.call(this);
        };
      }
      const { copyExternalImageToTexture } = GPUQueue.prototype;
      GPUQueue.prototype.copyExternalImageToTexture = function (...all) {
        live.frames++;
        return copyExternalImageToTexture.apply(this, all);
      };
    });
    const session = await page.context().newCDPSession(page);
    const heap = async (): Promise<number> => {
      await session.send('HeapProfiler.collectGarbage');
      return (await session.send('Runtime.getHeapUsage')).usedSize;
    };
    const live = (): Promise<{ count: number; frames: number }> =>
      worker!.evaluate(() => (globalThis as unknown as { live: never }).live);
    await expect.poll(async () => (await live()).frames).toBeGreaterThan(5);
    const [before, heapBefore] = [await live(), await heap()];
    await expect
      .poll(async () => (await live()).frames, { interval: 500 })
      .toBeGreaterThan(before.frames + 100);
    const after = await live();
    // One frame may be in work at either look, with two small buffers of its own.
    expect(Math.abs(after.count - before.count)).toBeLessThanOrEqual(2);
    expect((await heap()) - heapBefore).toBeLessThan(1e6);
    // As a relief, too, each frame drawn.
    await to3d();
    const passed = async (count: number) => {
      const since = (await live()).frames;
      await expect
        .poll(async () => (await live()).frames, { interval: 500 })
        .toBeGreaterThan(since + count);
      return live();
    };
    const begun = await passed(5);
    expect(Math.abs((await passed(30)).count - begun.count)).toBeLessThanOrEqual(2);
    expect(site.complaints).toEqual([]);
  });
});

describe.skipIf(!hasFfmpeg)('a film is seen, and its depth computed, as it is shown', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dpt-shape-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const made = (name: string, ...options: string[]): string => {
    const path = join(folder, name);
    const input = ['-i', join(films, 'flower.mp4')];
    runTool('ffmpeg', ['-y', ...input, '-c', 'copy', ...options, path]);
    return path;
  };

  test('where pixels are not square', async () => {
    await openFilm('every=1&loop=0', made('wide.mp4', '-aspect', '32:9'));
    const label = 'Depth of a film, 320 by 90';
    await page.getByRole('img', { name: label }).waitFor();
    await page.getByRole('tab', { name: 'Input' }).click();
    await page.getByText('196 × 56').waitFor();
  });

  test('where a tag turns it: upright', async () => {
    const settings = 'every=1&loop=0&record=png&recordSize=film&beside=1&steady=off';
    await openFilm(settings, made('turned.mp4', '-metadata:s:v', 'rotate=90'));
    await page.getByRole('img', { name: 'Depth of a film, 90 by 160' }).waitFor();
    await toEnd();
    await page.keyboard.press('o');
    await page.getByRole('button', { name: 'Stop recording' }).waitFor();
    await toStart();
    const seen = await page.evaluate(() => {
      const context = new OffscreenCanvas(90, 160).getContext('2d')!;
      context.drawImage(document.querySelector('video')!, 0, 0, 90, 160);
      return [...context.getImageData(0, 0, 90, 160).data];
    });
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('o')]);
    const files = await unzip(await download.path());
    // The frame to the left, its depth to the right.
    const both = PNG.sync.read(files.get('turned_00000001.png')!);
    expect([both.width, both.height]).toEqual([180, 160]);
    let sum = 0;
    for (const [i, value] of seen.entries()) {
      const [x, y] = [(i >> 2) % 90, Math.floor(i / 360)];
      sum += Math.abs(value - both.data[4 * (180 * y + x) + (i % 4)]!);
    }
    // Two decoders of one picture; turned the wrong way it is dozens of levels away.
    expect(sum / seen.length).toBeLessThan(5);
  });
});

describe('what is filmed now', () => {
  beforeAll(async () => {
    await page?.context().close();
    page = await site.open('video#size=56', { width: 480, height: 640 });
  });

  test('the camera plays, pauses, changes its colours', async () => {
    // The visitor says no, and then yes.
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () =>
        Promise.reject(new DOMException('', 'NotAllowedError'));
    });
    await page.getByRole('button', { name: 'Use the camera' }).click();
    const refused = page.getByRole('group', { name: 'The camera is not allowed for this page.' });
    await refused.getByRole('button', { name: 'Share the screen' }).waitFor();
    await page.evaluate(() => Reflect.deleteProperty(navigator.mediaDevices, 'getUserMedia'));
    await refused.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(async () => (await numbers())[0]).toBeGreaterThan(0);
    await page.keyboard.press(' ');
    await stands();
    await settled();
    const before = await shown();
    await page.keyboard.press('r');
    await expect.poll(shown).not.toBe(before);
    await expect.poll(hash).toContain('reverse=1');
  });

  test('another camera is chosen by its name', async () => {
    const source = page.locator('.source');
    await expect.poll(() => source.innerText()).toMatch(/fake_device_[01]/);
    const first = await source.innerText();
    const other = first.includes('_0') ? 'fake_device_1' : 'fake_device_0';
    await page.getByRole('button', { name: 'Webcam' }).click();
    await page.getByRole('menuitem', { name: other }).click();
    await expect.poll(() => source.innerText()).toContain(other);
    await plays();
    await expect.poll(async () => (await numbers())[0]).toBeGreaterThan(0);
  });

  test('a film of a camera has the frames that went through, as many as were seen', async () => {
    await page.evaluate(() => Reflect.deleteProperty(globalThis, 'showDirectoryPicker'));
    await page.locator('#stage').focus();
    const recorded = async (seconds: number) => {
      const begun = performance.now();
      await page.keyboard.press('o');
      const tag = page.locator('.tag').filter({ hasText: /^Recording/ });
      const times = new Set<number>();
      const clock = async (): Promise<number> => {
        const [, minutes, rest] = /(\d+):(\d\d\.\d)/.exec(await tag.innerText()) ?? [];
        const time = 60 * Number(minutes) + Number(rest);
        times.add(time);
        return time;
      };
      await expect.poll(clock).toBeGreaterThanOrEqual(seconds);
      // The clock goes on with each frame, and the first may have been in work when it began.
      await expect.poll(async () => (await clock()) && times.size).toBeGreaterThan(2);
      // Escape stops it as well as its own key.
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.keyboard.press('Escape'),
      ]);
      const path = await download.path();
      const facts = await played(readFileSync(path), 'video/mp4', 0);
      return { ...facts, path, wall: (performance.now() - begun) / 1000 };
    };
    let film = await recorded(2);
    // A busy machine may let a single frame through in that time.
    for (let seconds = 4; seconds < 40 && film.duration <= 0.5; seconds *= 2) {
      film = await recorded(seconds);
    }
    expect(film.duration).toBeGreaterThan(0.5);
    expect(film.duration).toBeLessThan(film.wall);
    expect(film.width % 2).toBe(0);
    if (hasFfprobe) expect(Number(probe(film.path).nb_read_frames)).toBeGreaterThan(1);
  });

  test('a camera that is unplugged is said to be gone, and taken again', async () => {
    await page.evaluate(() => {
      const { srcObject } = document.querySelector('video')!;
      (srcObject as MediaStream).getTracks()[0]!.dispatchEvent(new Event('ended'));
    });
    const gone = page.getByRole('group', { name: 'The camera is gone.' });
    await gone.getByRole('button', { name: 'Try again' }).click();
    await plays();
  });

  test('it goes on in 3D', async () => {
    await to3d();
    await page.goBack();
  });

  test('the screen plays', async () => {
    await page.setViewportSize({ width: 1100, height: 640 });
    await page.getByRole('button', { name: 'Screen', exact: true }).click();
    await expect.poll(() => page.locator('.source').innerText()).toBe('Screen');
    await expect.poll(async () => (await numbers())[0]).toBeGreaterThan(0);
    await page.getByText('Live', { exact: true }).waitFor();
    expect(site.complaints).toEqual([]);
  });
});

/** Chooses in a select of the panel, wherever it is folded away. */
async function setting(label: string, value: string): Promise<void> {
  await page.getByLabel(label, { exact: true }).evaluate((select, to) => {
    (select as HTMLSelectElement).value = to;
    select.dispatchEvent(new Event('change', { bubbles: true }));
  }, value);
}

// Parts of the web app that need no browser: what a device can run and what it is offered instead, settings and their links, where pictures
// lie in the stage, checksums piece by piece, PNG files. Controls and pages are tested in a browser: image.test.ts, models.test.ts.
import { createHash } from 'node:crypto';
import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import {
  fitted,
  layOut,
  settled,
  viewOf,
  zoomAbout,
} from '../../apps/web/src/pages/image/layout.ts';
import { nearestPart, places } from '../../apps/web/src/pages/image/nearest.ts';
import { tilesInstead } from '../../apps/web/src/pages/image/tiles_instead.ts';
import { flag, number, numbers, oneOf, Settings, whole } from '../../apps/web/src/settings.ts';
import {
  bytesText,
  countText,
  metresText,
  partOfBytesText,
  timeText,
  valueText,
} from '../../apps/web/src/words.ts';
import { encodePng } from '../../apps/web/src/worker/image/png.ts';
import { inputSize } from '../../apps/web/src/worker/input_size.ts';
import { forecast } from '../../apps/web/src/worker/model_forecast.ts';
import { needsOf, smallerThatFits } from '../../apps/web/src/worker/model_needs.ts';
import { Sha256 } from '../../apps/web/src/worker/sha256.ts';
import { manifest } from '../../packages/cli/src/manifest.ts';
import { buildDpt, recognise } from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { Context } from '../../packages/tensor/src/index.ts';
import { publishedFiles } from '../../scripts/state_dict_shapes.ts';
import { tinyModel } from '../support/models.ts';

describe('what a device can run', async () => {
  const file = await openCheckpointFile(tinyModel);
  await file.close();
  const recognised = recognise(file);
  const model = buildDpt(Context.planning(), recognised);
  const photo = { width: 1500, height: 1000 };
  const roomy = { largestBuffer: 2 ** 30, budget: 2 ** 32 };

  test('a large size fits a large device and not a small one', () => {
    const needs = needsOf(model, photo, 518, false, roomy);
    expect(needs).toMatchObject({ size: 518, width: 784, height: 518, fits: true });
    expect(needs.bytes).toBeGreaterThan(needs.largestBuffer);
    const small = { largestBuffer: needs.largestBuffer - 4, budget: 2 ** 32 };
    expect(needsOf(model, photo, 518, false, small).fits).toBe(false);
    expect(needsOf(model, photo, 518, false, { ...roomy, budget: needs.bytes - 1 }).fits).toBe(
      false,
    );
  });

  test('the proposal is the largest that fits', () => {
    const { bytes } = needsOf(model, photo, 336, false, roomy);
    const device = { ...roomy, budget: bytes };
    const proposed = smallerThatFits(model, photo, 518, false, device)!;
    expect(proposed.size).toBe(336);
    expect(needsOf(model, photo, proposed.size + 14, false, device).fits).toBe(false);
    expect(smallerThatFits(model, photo, 518, false, { ...roomy, budget: 1000 })).toBeUndefined();
  });

  test('tiles are proposed that see as much, and as few as fit', () => {
    // Two tiles that share a quarter of one are 1.75 times as long together, three 2.5 times.
    expect(tilesInstead(1288, 1036, 14)).toEqual({ tiles: 2, size: 742 });
    expect(tilesInstead(1288, 742, 14)).toEqual({ tiles: 2, size: 742 });
    expect(tilesInstead(1288, 728, 14)).toEqual({ tiles: 3, size: 518 });
    expect(tilesInstead(1288, 14, 14)).toBeUndefined();
  });

  test('of published models is known before they are downloaded', () => {
    const names = [...publishedFiles.keys()].filter((name) => name !== 'v2-giant');
    // Every one of the list is forecast, whichever of its files it is.
    expect(new Set(manifest.map(({ name }) => name.replace(/-hf$/, '')))).toEqual(new Set(names));
    const on = (name: string, budget: number) => {
      const info = { name: '', software: false, f16: true, subgroups: true };
      return forecast(name, { ...info, largestBuffer: 2 ** 31, budget })!;
    };
    expect(on('v2-small-hf', 2e9)).toMatchObject({ needs: { size: 518, fits: true } });
    expect(on('v2-small', 2e9).proposed).toBeUndefined();
    const { bytes } = on('beit-large-512', 1e12).needs;
    // Half precision: two bytes for each of 345 million parameters, and what lies between the steps.
    expect(bytes).toBeGreaterThan(690e6);
    const { needs, proposed } = on('beit-large-512', bytes - 1);
    expect(needs).toMatchObject({ size: 512, bytes, fits: false });
    expect(proposed).toMatchObject({ size: 480, fits: true });
    expect(on('beit-large-512', 1e8).proposed).toBeUndefined();
  });

  test('a square is a square whatever the photo', () => {
    const needs = needsOf(model, photo, 168, true, roomy);
    expect([needs.width, needs.height]).toEqual([168, 168]);
  });
});

test('a model that takes one size gets it, whatever is asked', () => {
  const image = { baseSize: 256, multiple: 32, sizing: 'exact' } as const;
  const rest = {
    mean: [0, 0, 0],
    std: [1, 1, 1],
    filter: 'cubic',
    depthFilter: 'bicubic',
  } as const;
  const photo = { width: 1500, height: 1000 };
  const of = (sizing: 'exact' | 'longer_side') =>
    inputSize({ ...rest, ...image, sizing }, photo, { size: 84, square: false });
  expect(of('exact')).toEqual({ width: 256, height: 256 });
  expect(of('longer_side').width).toBe(96);
});

describe('settings', () => {
  const schema = {
    on: flag(false),
    map: oneOf(['magma', 'grey'] as const, 'magma'),
    size: number(518, 1, 4096),
    tiles: whole(1, 1, 4),
    crop: numbers(4, 0, 1),
  };
  const open = (address = '') => new Settings('test', schema, address);

  test('what differs from the start is in the address, and comes back from it', () => {
    const settings = open();
    expect(settings.fragment()).toBe('');
    settings.change({ on: true, size: 770, tiles: 3, crop: [0, 0.25, 0.5, 1] });
    expect(settings.fragment()).toBe('on=1&size=770&tiles=3&crop=0,0.25,0.5,1');
    expect(open(`#${settings.fragment()}`).value).toEqual(settings.value);
    settings.change({ on: false, size: 518, tiles: 1, crop: [] });
    expect(settings.fragment()).toBe('');
  });

  test.each([
    'on=yes',
    'map=rainbow',
    'size=0',
    'size=',
    'size=1e9',
    'tiles=2.5',
    'tiles=5',
    'crop=1,2',
    'crop=0,0,0,nan',
    '__proto__=1',
    'size=%',
  ])('%s is left out', (fragment) => {
    expect(open(`#${fragment}`).value).toEqual(open().start);
  });
});

describe('the stage', () => {
  const stage = { width: 1000, height: 600 };
  const picture = { width: 800, height: 400 };
  const padding = { x: 0, y: 0 };
  const options = { two: false, camera: fitted, padding };

  test('a picture fits, centred', () => {
    expect(layOut(stage, picture, options).pictures).toEqual([
      { x: 0, y: 50, width: 1000, height: 500 },
    ]);
  });

  test('two stand beside each other or above, whichever shows more', () => {
    const above = layOut(stage, picture, { ...options, two: true }).frames;
    expect(above[1]!.x).toBe(0);
    const beside = layOut({ width: 2000, height: 600 }, picture, { ...options, two: true }).frames;
    expect(beside[1]!.y).toBe(0);
  });

  test('zooming keeps the place under the pointer, and edges stay in the frame', () => {
    const before = layOut(stage, picture, options).pictures[0]!;
    const camera = zoomAbout(fitted, before, 2, 250, 300);
    const after = layOut(stage, picture, { ...options, camera }).pictures[0]!;
    expect((250 - after.x) / after.width).toBeCloseTo((250 - before.x) / before.width, 9);
    const corner = settled({ zoom: 4, x: -1, y: 2 }, { x: 0, y: 0, ...stage }, picture);
    const at = layOut(stage, picture, { ...options, camera: corner }).pictures[0]!;
    expect(at.x).toBeCloseTo(0, 9);
    expect(at.y + at.height).toBeCloseTo(600, 9);
  });

  test('comparing cuts both pictures at the divider', () => {
    const view = viewOf(stage, layOut(stage, picture, options), {
      view: 'compare',
      divider: 0.25,
      scale: 2,
      radius: 8,
      cropping: false,
      ready: true,
    });
    expect(view.panes.map(({ content, clip }) => [content, clip!.x, clip!.width])).toEqual([
      ['photo', 0, 500],
      ['depth', 500, 1500],
    ]);
  });
});

test('the part of a picture that is nearest has a name', () => {
  const near = (x: number, y: number) =>
    nearestPart(places.map((at) => 1 - Math.hypot(at.x - x, at.y - y)));
  expect([near(0, 1), near(0.5, 0.5), near(0.9, 0.5), near(0.5, 0)]).toEqual([
    'lower left',
    'the middle',
    'right',
    'upper',
  ]);
  expect(nearestPart(places.map(() => 0.5))).toBeUndefined();
  expect(nearestPart(places.map(() => Number.NaN))).toBeUndefined();
});

test('SHA-256 piece by piece is that of the whole', () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1000, 100_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31) % 251);
    const hash = new Sha256();
    for (let at = 0; at < length; at += 777) hash.update(bytes.subarray(at, at + 777));
    expect(hash.digest()).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});

test.each([
  { channels: 1, data: Uint8Array.from({ length: 35 }, (_, i) => 7 * i) },
  { channels: 3, data: Uint8Array.from({ length: 105 }, (_, i) => 11 * i) },
  { channels: 4, data: Uint8Array.from({ length: 140 }, (_, i) => 13 * i) },
  { channels: 1, data: Uint16Array.from({ length: 35 }, (_, i) => 1871 * i) },
] as const)('a PNG of $channels channels is read back by pngjs', async ({ channels, data }) => {
  const file = await encodePng({
    width: 7,
    height: 5,
    channels,
    data,
    text: [['Software', 'dpt']],
  });
  const png = PNG.sync.read(Buffer.from(file), { skipRescale: true });
  expect([png.width, png.height]).toEqual([7, 5]);
  const read: ArrayLike<number> = png.data;
  for (let i = 0; i < 35; i++) {
    const expected = channels === 1 ? data[i] : data[channels * i];
    expect(read[4 * i]).toBe(expected);
    if (channels === 4) expect(read[4 * i + 3]).toBe(data[4 * i + 3]);
  }
});

test('numbers for people', () => {
  const plain = (text: string): string => text.replaceAll('\u202f', ' ');
  expect(plain(bytesText(49_595_802))).toBe('49.6 MB');
  expect(plain(bytesText(0))).toBe('0 MB');
  expect(plain(bytesText(33))).toBe('33 bytes');
  expect(plain(partOfBytesText(242e6, 390e6))).toBe('242 of 390 MB');
  expect(plain(partOfBytesText(31_400_000, 1.58e9))).toBe('0.03 of 1.58 GB');
  expect(plain(timeText(23.4))).toBe('23 ms');
  expect(plain(timeText(61_000))).toBe('1 min 1 s');
  expect(plain(metresText(1.4159))).toBe('1.42 m');
  expect(plain(metresText(Number.POSITIVE_INFINITY))).toBe('∞ m');
  expect([7, 999, 1000, 1234567].map(countText)).toEqual(['7', '999', '1,000', '1,234,567']);
  expect(valueText(0.00001234)).toBe('1.23e-5');
  expect([1200, 9999.6, 73_990.4, -18.394].map(valueText)).toEqual([
    '1200',
    '10000',
    '73990',
    '-18.39',
  ]);
});

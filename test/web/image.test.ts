// The image page in a real browser, on SwiftShader: from load to result, each control against the reference chain in f64, every file by an
// independent reader, points and metres, crop, links, a broken picture, the GPU process killed. One browser, one page: a software GPU takes
// a second per run.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateBytes } from 'gltf-validator';
import type { Page } from 'playwright';
import { PNG } from 'pngjs';
import { FloatType, type Mesh } from 'three';
import { EXRLoader } from 'three/addons/loaders/EXRLoader.js';
import { OBJLoader } from 'three/addons/loaders/OBJLoader.js';
import { PLYLoader } from 'three/addons/loaders/PLYLoader.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  colourTable,
  lineBetween,
  normals as normalsOf,
  normalsToRgba,
  viewValues,
} from '../../packages/dpt/src/index.ts';
import { type Chain, type ChainOptions, chain, levelsOf } from '../reference/depth_map.ts';
import type { Nd } from '../reference/nd.ts';
import { dpt } from '../support/cli.ts';
import {
  dogPhoto,
  lookAt,
  openPhoto,
  readNpy,
  saveAs,
  settled as settledOn,
  smallPicture,
} from '../support/image_page.ts';
import { tinyModel } from '../support/models.ts';
import { asSoonAs, dropFile, openSite, type Site } from '../support/site.ts';
import { testContext } from '../support/tensors.ts';

const WIDTH = 96;
const HEIGHT = 64;

interface Place {
  readonly x: number;
  readonly y: number;
}

let site: Site;
let page: Page;
let picture: Buffer;
/** The map as this page gave it, at the size of the network. */
let map: Nd;
/** The same at the size of the photo. */
let large: Nd;

beforeAll(async () => {
  picture = await smallPicture(WIDTH, HEIGHT);
  site = await openSite();
  page = await site.open('#size=56');
});
afterAll(() => site?.close());

const settled = (what: () => Promise<void>): Promise<void> => settledOn(page, what);
const drop = (name: string, bytes: Uint8Array, type: string): Promise<void> =>
  dropFile(page, name, bytes, type);

const save = (label: string | RegExp) => saveAs(page, label);

const bufferOf = ({ bytes }: { bytes: Buffer }): ArrayBuffer => new Uint8Array(bytes).buffer;

/** The largest difference of colours from the normals of the map, 1 to 10 m away and seen by a normal lens. */
async function normalsApart(rgba: Uint8Array): Promise<number> {
  const context = await testContext();
  const { slope, offset } = lineBetween(1, 10);
  const { nearness } = chain(map, plain);
  const metres = Float32Array.from(nearness.data, (v) => 1 / (slope * v + offset));
  const seen = normalsOf(
    context.tensor(metres, [...nearness.shape]),
    context.tensor(viewValues(50), [1]),
  );
  const expected = await normalsToRgba(seen).readBytes();
  return Math.max(...expected.map((value, i) => Math.abs(value - rgba[i]!)));
}

const radio = (name: string) => page.getByRole('radio', { name, exact: true });

test('a dropped picture becomes a depth map', async () => {
  await page.getByText('Drop a photo here').waitFor();
  const seen = await page.evaluateHandle(() => {
    const still = document.querySelector<HTMLImageElement>('img.still')!;
    const changes: string[] = [];
    new MutationObserver(() => changes.push(still.hidden ? 'map' : 'photo')).observe(still, {
      attributeFilter: ['hidden'],
    });
    return changes;
  });
  await openPhoto(page, 'small.png', picture, 'image/png');
  // The photo is there at once, and goes when the map has come.
  expect(await seen.jsonValue()).toEqual(['photo', 'map']);
  // The dog's bowl stands in front.
  await page.getByRole('img', { name: /^Depth of small\.png, 96 by 64.*, nearest at / }).waitFor();
  expect(await page.locator('.status').innerText()).toMatch(/ms|s/);
  map = await readNpy((await save('NPY, size of the map')).bytes);
  expect(map.shape).toEqual([56, 84]);
  expect(site.complaints).toEqual([]);
});

/** What the page saves is what `dpt image` writes with these flags. */
async function expectAsInNode(...flags: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'dpt-web-'));
  try {
    writeFileSync(join(folder, 'small.png'), picture);
    const usual = ['-m', tinyModel, '--size', '56', '--format', 'npy', '-o', folder];
    const { code, err } = await dpt(['image', join(folder, 'small.png'), ...usual, ...flags]);
    expect(code, err).toBe(0);
    const written = readdirSync(folder).find((name) => name.endsWith('.npy'))!;
    const expected = await readNpy(readFileSync(join(folder, written)));

    const { name, bytes } = await save('NPY, as the network gave it');
    expect(name).toBe('small_depth.npy');
    const { shape, data } = await readNpy(bytes);
    expect(shape).toEqual(expected.shape);
    const range = Math.max(...expected.data) - Math.min(...expected.data);
    const worst = Math.max(...expected.data.map((value, i) => Math.abs(value - data[i]!)));
    // The browser's SwiftShader is another build than Node's, so sums may be in another order.
    expect(worst / range).toBeLessThan(1e-4);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the same picture, model and settings give what `dpt image` gives', () => expectAsInNode());

const plain: ChainOptions = {
  metric: false,
  percentiles: undefined,
  planeStrength: undefined,
  thresholds: [0, 1],
  gamma: 1,
  equalise: false,
  reverse: false,
};

describe('each control changes the picture as the reference says:', () => {
  /** The colours of the saved picture, against those of the levels; one level may differ where the rounding is close. */
  async function expectPicture(
    options: Partial<ChainOptions>,
    colours: 'magma' | 'viridis' = 'magma',
  ) {
    const expected: Chain = chain(map, { ...plain, ...options });
    const { bytes } = await save('Coloured PNG, size of the map');
    const { data, width, height } = PNG.sync.read(bytes);
    expect([height, width]).toEqual(map.shape);
    const table = colourTable(colours);
    let different = 0;
    for (const [i, level] of expected.levels.entries()) {
      const near = [level, Math.max(level - 1, 0), Math.min(level + 1, 255)];
      const fits = near.some((entry) =>
        [0, 1, 2].every((k) => data[4 * i + k] === table[3 * entry + k]),
      );
      if (!fits) different++;
    }
    // Equalising spreads levels, so that one level beside the edge is several afterwards.
    expect(different / expected.levels.length).toBeLessThan(options.equalise ? 0.02 : 0.001);
  }

  test('nothing', async () => {
    await expectPicture({});
  });

  test('colour map and reverse, by mouse and by key', async () => {
    await settled(() => radio('Viridis').click());
    await expectPicture({}, 'viridis');
    await settled(() => radio('Magma').click());
    await page.locator('#stage').focus();
    await settled(() => page.keyboard.press('r'));
    expect(await page.getByRole('switch', { name: /Reverse colours/ }).isChecked()).toBe(true);
    await expectPicture({ reverse: true });
    await settled(() => page.keyboard.press('r'));
  });

  test('Tab goes from colours to colours once the picture was clicked, and else from control to control', async () => {
    await page.locator('#stage').click();
    await settled(() => page.keyboard.press('Tab'));
    expect(await radio('Viridis').isChecked()).toBe(true);
    await settled(() => page.keyboard.press('Shift+Tab'));
    expect(await radio('Magma').isChecked()).toBe(true);
    await page.getByRole('button', { name: 'Crop' }).focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await radio('Magma').isChecked()).toBe(true);
  });

  test('high contrast', async () => {
    await settled(() => page.getByRole('switch', { name: /High contrast/ }).click());
    await expectPicture({ equalise: true });
    await settled(() => page.getByRole('switch', { name: /High contrast/ }).click());
  });

  test('thresholds, percentile, gamma and plane, together', async () => {
    await page.getByRole('slider', { name: 'Threshold, lowest' }).focus();
    await settled(async () => {
      for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowRight');
    });
    await page.getByRole('slider', { name: 'Threshold, highest' }).focus();
    await settled(() => page.keyboard.press('PageDown'));
    const number = async (label: string, value: string): Promise<void> => {
      await page.getByRole('textbox', { name: `${label}, number` }).fill(value);
      await page.keyboard.press('Enter');
    };
    await settled(() => number('Gamma', '0.5'));
    await settled(() => number('Remove plane', '0.6'));
    await settled(() => radio('2').click());
    await expectPicture({
      thresholds: [0.2, 0.9],
      gamma: 0.5,
      planeStrength: 0.6,
      percentiles: [2, 98],
    });
    const link = (): URLSearchParams => new URLSearchParams(new URL(page.url()).hash.slice(1));
    await expect
      .poll(() => Object.fromEntries(link()))
      .toMatchObject({ size: '56', low: '0.2', plane: '0.6', percentile: '2' });
    // A group that is closed says what is changed in it.
    const range = page.locator('summary', { hasText: 'Range' });
    await range.click();
    expect(await range.innerText()).toMatch(/4 changed/);
    await range.click();
    for (const name of ['Reset gamma', 'Reset remove plane']) {
      await settled(() => page.getByRole('button', { name }).click());
    }
    const percentiles = page.getByRole('radiogroup', { name: 'Percentile' });
    await settled(() => percentiles.getByRole('radio', { name: 'Off' }).click());
    await settled(() => page.getByRole('button', { name: 'Reset', exact: true }).first().click());
    await expectPicture({});
  });

  test('the plane alone is seen, and not saved', async () => {
    const seen = async (): Promise<string> => (await lookAt(page, '#stage')).toString('base64');
    const before = await seen();
    const show = page.getByRole('switch', { name: 'Show the plane' });
    await settled(() => show.click());
    await expect.poll(seen).not.toBe(before);
    await expectPicture({});
    await settled(() => show.click());
    await expect.poll(seen).toBe(before);
  });
});

describe('files', () => {
  test('of pictures', async () => {
    const coloured = PNG.sync.read((await save('Coloured PNG, size of the photo')).bytes);
    expect([coloured.width, coloured.height]).toEqual([WIDTH, HEIGHT]);

    large = await readNpy((await save('NPY, as the network gave it')).bytes);
    // The range is that of the map, which is made larger between its values.
    const lowest = Math.min(...map.data);
    const range = Math.max(...map.data) - lowest;
    const share = large.data.map((value) => (value - lowest) / range);
    const { nearness, values } = levelsOf({ shape: large.shape, data: share }, plain);
    const { bytes, name } = await save('PNG of 16 bits');
    expect(name).toBe('small_depth_16.png');
    // Byte 24 of a PNG is its depth, 25 its kind of colour.
    expect([bytes[24], bytes[25]]).toEqual([16, 0]);
    const sixteen = PNG.sync.read(bytes, { skipRescale: true }).data as unknown as Uint16Array;
    // Grey is read back as four numbers each. Five steps are 1e-4 of the range, as of the map itself.
    expect(
      Math.max(...values.data.map((v, i) => Math.abs(65_535 * v - sixteen[4 * i]!))),
    ).toBeLessThan(7);

    const normals = PNG.sync.read((await save('Normals')).bytes);
    expect([normals.width, normals.height]).toEqual([84, 56]);
    expect(await normalsApart(normals.data)).toBeLessThanOrEqual(1);

    const mask = PNG.sync.read((await save('Mask')).bytes);
    const cut = PNG.sync.read((await save('Cut-out')).bytes);
    /** Pixels that are on the wrong side of a band; what lies within 1e-4 of an edge may be on either. */
    const wrong = ({ data }: PNG, isIn: (v: number) => boolean): number =>
      nearness.data.filter(
        (v, i) => Math.abs(v - 0.5) > 1e-4 && data[4 * i] !== (isIn(v) ? 255 : 0),
      ).length;
    expect(wrong(mask, (v) => v >= 0.5)).toBe(0);
    await page.locator('#stage').focus();
    await settled(() => page.keyboard.press('i'));
    expect(await radio('Cut-out').getAttribute('aria-checked')).toBe('true');
    const inverted = PNG.sync.read((await save('Mask')).bytes);
    expect(wrong(inverted, (v) => v < 0.5)).toBe(0);
    await settled(() => page.keyboard.press('i'));
    const original = PNG.sync.read(picture).data;
    for (let i = 0; i < WIDTH * HEIGHT; i++) {
      expect(cut.data[4 * i + 3]).toBe(mask.data[4 * i]);
      if (mask.data[4 * i] === 255) {
        expect(cut.data.subarray(4 * i, 4 * i + 3)).toEqual(original.subarray(4 * i, 4 * i + 3));
      }
    }
  });

  test('of numbers and surfaces', async () => {
    const { bytes: pfm } = await save('PFM');
    const header = `Pf\n${WIDTH} ${HEIGHT}\n-1.0\n`;
    expect(pfm.toString('latin1', 0, header.length)).toBe(header);
    expect(pfm.length).toBe(header.length + 4 * WIDTH * HEIGHT);
    // A PFM begins with the lowest row, and three.js gives that of an EXR first.
    const upwards = Float32Array.from(
      large.data,
      (_, i) => large.data[(HEIGHT - 1 - Math.floor(i / WIDTH)) * WIDTH + (i % WIDTH)]!,
    );
    expect(new Float32Array(new Uint8Array(pfm.subarray(header.length)).buffer)).toEqual(upwards);
    const exr = new EXRLoader().setDataType(FloatType).parse(bufferOf(await save('OpenEXR')));
    expect([exr.width, exr.height]).toEqual([WIDTH, HEIGHT]);
    const channels = exr.data!.length / (WIDTH * HEIGHT);
    expect((exr.data as Float32Array).filter((_, i) => i % channels === 0)).toEqual(upwards);

    const { issues, info } = await validateBytes((await save('Mesh, GLB')).bytes);
    expect(issues.numErrors).toBe(0);
    expect(info.totalTriangleCount).toBeGreaterThan(1000);
    const ply = new PLYLoader().parse(bufferOf(await save('Mesh, PLY')));
    expect(ply.index!.count).toBe(3 * info.totalTriangleCount);
    expect(ply.getAttribute('position').count).toBe(info.totalVertexCount);
    expect(ply.getAttribute('color').count).toBe(info.totalVertexCount);
    const obj = new OBJLoader().parse((await save('Mesh, OBJ')).bytes.toString());
    const [surface] = obj.children as Mesh[];
    expect(surface!.geometry.getAttribute('position').count).toBe(3 * info.totalTriangleCount);

    const json = JSON.parse((await save('Settings, JSON')).bytes.toString());
    expect(json).toMatchObject({
      model: { family: 'depth_anything_v2', dtype: 'f32' },
      settings: { size: 56, map: 'magma' },
      result: { kind: 'relative', network: { width: 84, height: 56 } },
    });
  });
});

test('points have values, and two distances make metres', async () => {
  const stage = (await page.locator('#stage').boundingBox())!;
  await page.getByRole('button', { name: 'Pick' }).click();
  await page.mouse.click(stage.x + 0.5 * stage.width, stage.y + 0.15 * stage.height);
  await page.mouse.click(stage.x + 0.4 * stage.width, stage.y + 0.85 * stage.height);
  const [far, near] = [
    page.getByLabel('Distance of point 1'),
    page.getByLabel('Distance of point 2'),
  ];
  await far.fill('8');
  await far.press('Enter');
  await near.fill('2');
  await near.press('Enter');
  await page.getByText(/1 \/ metres = /).waitFor();
  await expect
    .poll(() => page.locator('.pick .tag').allInnerTexts())
    .toEqual([expect.stringMatching(/^8\.00/), expect.stringMatching(/^2\.00/)]);
  // They are kept with the photo, also when the page comes again.
  await page.getByRole('button', { name: 'Pick' }).click();
});

test('a crop is drawn, used, remembered and in the link', async () => {
  await page.locator('#stage').focus();
  await page.keyboard.press('g');
  const box = page.getByRole('group', { name: /^Crop box/ });
  const before = (await box.boundingBox())!;
  const middle = { x: before.x + before.width / 2, y: before.y + before.height / 2 };
  await page.keyboard.down('Shift');
  await page.mouse.move(before.x + 2, before.y + 2);
  await page.mouse.down();
  await page.mouse.move(middle.x, middle.y, { steps: 4 });
  await page.mouse.up();
  await page.keyboard.up('Shift');
  await page.keyboard.press('ArrowRight');
  await settled(() => page.keyboard.press('Enter'));
  await page.getByRole('img', { name: /^Depth of small\.png, 4[789] by 3[123]/ }).waitFor();
  await expect.poll(() => page.url()).toMatch(/crop=0\.0\d+,/);
});

test('crop, shape and rules make the map that `dpt image` makes with them', async () => {
  await settled(() => radio('Square').click());
  // Other rules are another model: it is opened again, and runs then.
  await settled(() => radio('Original’s').click());
  const [, crop = ''] = /crop=([\d.,]+)/.exec(page.url())!;
  const [left = 0, top = 0, right = 1, bottom = 1] = crop.split(',').map(Number);
  const pixels = [left * WIDTH, top * HEIGHT, (right - left) * WIDTH, (bottom - top) * HEIGHT];
  await expectAsInNode('--preset', 'muggled', '--crop', pixels.map(Math.round).join());
  await page.getByRole('button', { name: 'Start values' }).click();
  await settled(() => page.getByRole('button', { name: 'Undo' }).click());
  expect(await radio('Square').isChecked()).toBe(true);
  await settled(() => radio('Keep aspect').click());
  await expect.poll(() => page.url()).toMatch(/^(?!.*square).*rounding/);
  await settled(() => radio('Authors’').click());
  await expect.poll(() => page.url()).not.toContain('rounding');
});

test('fingers move the crop box and its corners', async () => {
  const stage = page.locator('#stage');
  await stage.focus();
  await page.keyboard.press('g');
  const box = page.getByRole('group', { name: /^Crop box/ });
  const hand = await page.context().newCDPSession(page);
  const swipe = async (from: Place, to: Place): Promise<void> => {
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...touchPoints: Place[]) =>
      hand.send('Input.dispatchTouchEvent', { type, touchPoints });
    await touch('touchStart', from);
    for (const share of [0.3, 0.7, 1]) {
      await touch('touchMove', {
        x: from.x + share * (to.x - from.x),
        y: from.y + share * (to.y - from.y),
      });
    }
    await touch('touchEnd');
  };
  const place = async () => (await box.boundingBox())!;
  const first = await place();
  const corner = { x: first.x + first.width, y: first.y + first.height };
  await swipe(corner, { x: corner.x - 80, y: corner.y - 60 });
  // A page may hear of touches later than the finger is gone. The last move is far beyond the others.
  await expect.poll(async () => first.width - (await place()).width).toBeGreaterThan(65);
  const smaller = await place();
  expect(first.height - smaller.height).toBeGreaterThan(45);
  expect([smaller.x, smaller.y]).toEqual([first.x, first.y]);
  const middle = { x: smaller.x + smaller.width / 2, y: smaller.y + smaller.height / 2 };
  await swipe(middle, { x: middle.x + 40, y: middle.y + 30 });
  await expect.poll(async () => (await place()).x - smaller.x).toBeGreaterThan(33);
  const moved = await place();
  expect(moved.y - smaller.y).toBeGreaterThan(22);
  expect(Math.abs(moved.width - smaller.width)).toBeLessThan(1);
  await page.keyboard.press('Escape');
});

test('settings come back with the page, and from a link', async () => {
  const link = page.url();
  await page.reload();
  await page.getByText('Drop a photo here').waitFor();
  expect(page.url()).toBe(link);
  const other = await site.open('#map=viridis&reverse=1&size=70');
  expect(await other.getByRole('radio', { name: 'Viridis' }).getAttribute('aria-checked')).toBe(
    'true',
  );
  expect(await other.getByRole('switch', { name: /Reverse/ }).isChecked()).toBe(true);
  await other.close();
});

test.each([
  ['holiday.heic', '\0\0\0\x18ftypheic\0\0\0\0mif1heic', /is HEIC, which this browser cannot open/],
  ['cut.jpg', dogPhoto.toString('latin1', 0, 600), /is a damaged picture/],
  ['empty.png', '', /is empty/],
  ['notes.png', 'shopping list', /is not a picture/],
])(
  '%s says what it is',
  async (name, content, words) => {
    await drop(name, Buffer.from(content, 'latin1'), 'image/png');
    const card = page.getByRole('group', { name: 'This picture cannot be read' });
    await card.getByText(words).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
  },
  300_000,
);

test('a picture that was pasted is opened', async () => {
  const before = await page.locator('html').getAttribute('data-runs');
  await page.evaluate((base64) => {
    const clipboardData = new DataTransfer();
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    clipboardData.items.add(new File([bytes], 'small.png', { type: 'image/png' }));
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
  }, picture.toString('base64'));
  await expect.poll(() => page.locator('html').getAttribute('data-runs')).not.toBe(before);
  await settled(async () => {});
});

test('1 to 5 go from page to page', async () => {
  await page.locator('#stage').focus();
  await page.keyboard.press('5');
  await page.getByRole('heading', { name: 'Models', exact: true }).waitFor();
  await page.keyboard.press('1');
  await page.getByRole('img', { name: /^Depth of small\.png/ }).waitFor();
});

test('when the GPU is reset the picture comes back by itself', async () => {
  const session = await site.browser.newBrowserCDPSession();
  const before = await page.locator('html').getAttribute('data-runs');
  // In the page's own turn: a device that is soon back takes the card away.
  const told = asSoonAs(
    page,
    () => document.querySelector('[role=group][aria-label="The GPU was reset"]') !== null,
  );
  await session.send('Browser.crashGpuProcess');
  await told;
  await expect.poll(() => page.locator('html').getAttribute('data-runs')).not.toBe(before);
  await settled(async () => {});
  expect((await readNpy((await save('NPY, size of the map')).bytes)).shape[0]).toBeGreaterThan(0);
});

test('getting the GPU back can be stopped, and asked for again', async () => {
  // In the page's own turn: the first try is soon over.
  const stopped = asSoonAs(page, () => {
    const card = document.querySelector('[role=group][aria-label="The GPU was reset"]');
    const button = [...(card?.querySelectorAll('button') ?? [])].find(
      ({ textContent }) => textContent === 'Stop',
    );
    button?.click();
    return button !== undefined;
  });
  const session = await site.browser.newBrowserCDPSession();
  await session.send('Browser.crashGpuProcess');
  await stopped;
  const card = page.getByRole('group', { name: 'The GPU does not come back' });
  await card.getByText('getting it back was stopped').waitFor();
  await card.getByRole('button', { name: 'Try again' }).click();
  await card.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /^Model: .*ready$/ }).waitFor();
});

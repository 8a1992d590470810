// Maps of the image page that are made of several runs of the network, and how maps come to the size of their photo: tiles,
// the mean with the mirrored photo, edges guided by the photo, each against `dpt image` in Node; that a long run says how far it
// is and can be stopped, as the making of a file can; links and the settings file. One browser on SwiftShader, a small picture.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Upsampling } from '../../apps/web/src/worker/image/image_calls.ts';
import type { Nd } from '../reference/nd.ts';
import { dpt } from '../support/cli.ts';
import {
  lookAt,
  openPhoto,
  readNpy,
  saveAs,
  settled,
  smallPicture,
} from '../support/image_page.ts';
import { tinyModel } from '../support/models.ts';
import { openSite, type Site } from '../support/site.ts';

let site: Site;
let page: Page;
let picture: Buffer;
beforeAll(async () => {
  picture = await smallPicture(96, 64);
  site = await openSite();
  page = await site.open('#size=56');
});
afterAll(() => site?.close());

const radio = (label: string, name: string, of = page) =>
  of.getByRole('radiogroup', { name: label }).getByRole('radio', { name, exact: true });

const upsample = async (how: Upsampling, of = page): Promise<void> => {
  await of.getByLabel('Upsample').selectOption(how);
};

const open = (on: Page): Promise<void> => openPhoto(on, 'small.png', picture, 'image/png');

/** What `dpt image` writes of the picture. */
async function inNode(format: 'npy' | 'png', ...flags: string[]): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'dpt-web-'));
  try {
    const file = join(folder, 'small.png');
    writeFileSync(file, picture);
    const output = join(folder, 'output');
    const usual = ['-m', tinyModel, '--size', '56', '--format', format, '-o', output];
    const { code, err } = await dpt(['image', file, ...usual, ...flags]);
    expect(code, err).toBe(0);
    return readFileSync(join(output, readdirSync(output)[0]!));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const mapInNode = async (...flags: string[]): Promise<Nd> => readNpy(await inNode('npy', ...flags));

/** The largest difference, as a share of the range. */
function apart(a: Nd, b: Nd): number {
  expect(a.shape).toEqual(b.shape);
  const range = Math.max(...b.data) - Math.min(...b.data);
  return Math.max(...b.data.map((value, i) => Math.abs(value - a.data[i]!))) / range;
}

/** The browser's SwiftShader is another build than Node's, so sums may be in another order. */
const SAME = 1e-4;

let plain: Nd;

test('a map of tiles, mirrored and not, is that of `dpt image`', async () => {
  await page.getByText('Drop a photo here').waitFor();
  await open(page);
  plain = await readNpy((await saveAs(page, 'NPY, as the network gave it')).bytes);
  await settled(page, () => radio('Tiles', '2 × 2').click());
  await page.getByText('5 runs').waitFor();
  const tiled = await readNpy((await saveAs(page, 'NPY, size of the map')).bytes);
  expect(apart(tiled, await mapInNode('--tiles', '2', '--upsample', 'none'))).toBeLessThan(SAME);

  const flip = page.getByRole('switch', { name: 'Mean with the mirrored photo' });
  await settled(page, () => flip.click());
  await page.getByText('10 runs').waitFor();
  const both = await readNpy((await saveAs(page, 'NPY, size of the map')).bytes);
  const expected = await mapInNode('--tiles', '2', '--flip', '--upsample', 'none');
  expect(apart(both, expected)).toBeLessThan(SAME);
  // What would be missed were there nothing to see.
  expect(apart(both, tiled)).toBeGreaterThan(10 * SAME);

  await settled(page, () => radio('Tiles', 'Off').click());
  await page.getByText('2 runs').waitFor();
  const mean = await readNpy((await saveAs(page, 'NPY, as the network gave it')).bytes);
  expect(apart(mean, await mapInNode('--flip'))).toBeLessThan(SAME);
  expect(apart(mean, plain)).toBeGreaterThan(10 * SAME);
  await settled(page, () => flip.click());
  expect(site.complaints).toEqual([]);
});

test('a map comes to the size of its photo as `dpt image --upsample` has it, on screen and in files', async () => {
  const seen: string[] = [];
  // The browser may show what was drawn a little later.
  const seesAnother = () =>
    expect
      .poll(async () => {
        const shown = (await lookAt(page, '#stage canvas')).toString('base64');
        const isNew = !seen.includes(shown);
        if (isNew) seen.push(shown);
        return isNew;
      })
      .toBe(true);
  await seesAnother();
  for (const how of ['bilinear', 'guided'] as const) {
    await settled(page, () => upsample(how));
    const { bytes } = await saveAs(page, 'NPY, as the network gave it');
    const map = await readNpy(bytes);
    expect(map.shape).toEqual([64, 96]);
    expect(apart(map, await mapInNode('--upsample', how))).toBeLessThan(SAME);
    expect(apart(map, plain)).toBeGreaterThan(10 * SAME);
    await seesAnother();
  }
  const guided = PNG.sync.read((await saveAs(page, 'Coloured PNG, size of the photo')).bytes);
  const flags = ['--upsample', 'guided', '--colormap', 'magma'];
  const expected = PNG.sync.read(await inNode('png', ...flags));
  expect([guided.width, guided.height]).toEqual([96, 64]);
  const differ = guided.data.filter((value, i) => Math.abs(value - expected.data[i]!) > 4).length;
  expect(differ / guided.data.length).toBeLessThan(0.001);
  // What is made of a guided map is as large.
  const normals = PNG.sync.read((await saveAs(page, 'Normals, PNG')).bytes);
  expect([normals.width, normals.height]).toEqual([96, 64]);
  const obj = (await saveAs(page, 'Mesh, OBJ')).bytes.toString();
  expect(obj.match(/^v /gm)!.length).toBeGreaterThan(84 * 56);

  await settled(page, () => upsample('none'));
  await seesAnother();
  await page.getByRole('button', { name: 'More formats' }).click();
  expect(await page.getByRole('menuitem', { name: /size of the photo/ }).count()).toBe(0);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Save coloured PNG' }).focus();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.keyboard.press('Enter'),
  ]);
  const small = PNG.sync.read(readFileSync(await download.path()));
  expect([small.width, small.height]).toEqual([84, 56]);
  await settled(page, () => upsample('guided'));
  expect(site.complaints).toEqual([]);
});

test('on screen a photo that is larger guides, too', async () => {
  // Longer than what is shown, so that it guides in a smaller size; low, because whole it guides what is saved.
  const large = await smallPicture(1600, 300);
  const other = await site.open('#size=56&upsample=bilinear');
  await other.getByText('Drop a photo here').waitFor();
  await openPhoto(other, 'large.png', large, 'image/png');
  const save = async () =>
    PNG.sync.read((await saveAs(other, 'Coloured PNG, size of the photo')).bytes);
  const bilinear = await save();
  await settled(other, () => upsample('guided', other));
  const guided = await save();
  expect([guided.width, guided.height]).toEqual([1600, 300]);
  // The browser may show what was drawn a little later.
  await expect
    .poll(async () => {
      const screen = PNG.sync.read(await lookAt(other, '#stage canvas'));
      return difference(screen, guided) / difference(screen, bilinear);
    })
    .toBeLessThan(0.5);
  await other.context().close();
});

/** Mean of |a − b| over places of a picture that lies somewhere on a screen of one colour. */
function difference(screen: PNG, picture: PNG): number {
  const at = ({ data, width }: PNG, x: number, y: number): number[] => {
    const from = 4 * (Math.floor(y) * width + Math.floor(x));
    return [...data.subarray(from, from + 3)];
  };
  const ground = at(screen, 0, 0).join();
  const inside = Array.from({ length: screen.width * screen.height }, (_, i) => ({
    x: i % screen.width,
    y: Math.floor(i / screen.width),
  })).filter(({ x, y }) => at(screen, x, y).join() !== ground);
  const xs = inside.map(({ x }) => x).sort((a, b) => a - b);
  const ys = inside.map(({ y }) => y).sort((a, b) => a - b);
  const [left, right, top, bottom] = [xs[0]!, xs.at(-1)! + 1, ys[0]!, ys.at(-1)! + 1];
  let sum = 0;
  for (const { x, y } of inside) {
    const u = (x + 0.5 - left) / (right - left);
    const v = (y + 0.5 - top) / (bottom - top);
    const there = at(picture, u * picture.width, v * picture.height);
    sum += at(screen, x, y).reduce((all, value, k) => all + Math.abs(value - there[k]!), 0);
  }
  return sum / inside.length;
}

test('runs are in the link and in the settings file, and come back from both', async () => {
  await settled(page, () => radio('Tiles', '3 × 3').click());
  const flip = page.getByRole('switch', { name: 'Mean with the mirrored photo' });
  await settled(page, () => flip.click());
  await expect.poll(() => page.url()).toMatch(/upsample=guided.*tiles=3&flip=1/);
  const { settings, result, link } = JSON.parse(
    (await saveAs(page, 'Settings, JSON')).bytes.toString(),
  );
  expect(settings).toMatchObject({ tiles: 3, flip: true, upsample: 'guided' });
  expect(result).toMatchObject({ network: { width: 84, height: 56 }, runs: 20 });
  expect(result.map.width).toBeGreaterThan(2 * 84);
  const other = await site.open(new URL(link).hash);
  expect(await radio('Tiles', '3 × 3', other).getAttribute('aria-checked')).toBe('true');
  const mirrored = other.getByRole('switch', { name: 'Mean with the mirrored photo' });
  expect(await mirrored.isChecked()).toBe(true);
  expect(await other.getByLabel('Upsample').inputValue()).toBe('guided');
  await other.context().close();
});

/** Nothing more comes back from the GPU after so many answers, until what is returned is called. */
async function holdAnswers(after: number): Promise<() => Promise<void>> {
  const [worker] = page.workers();
  await worker!.evaluate((first) => {
    const { mapAsync } = GPUBuffer.prototype;
    let left = first;
    const free = new Promise<void>((resolve) => {
      const letGo = (): void => {
        GPUBuffer.prototype.mapAsync = mapAsync;
        resolve();
      };
      Object.assign(globalThis, { letGo });
    });
    GPUBuffer.prototype.mapAsync = async function (...all) {
      if (--left < 0) await free;
      return mapAsync.apply(this, all);
    };
  }, after);
  return () => worker!.evaluate(() => (globalThis as unknown as { letGo: () => void }).letGo());
}

test('tiles can be stopped, and the picture stays', async () => {
  const runs = () => page.locator('html').getAttribute('data-runs');
  const before = await runs();
  // Of twenty runs some are done: they wait for the next one however fast the machine is.
  const letGo = await holdAnswers(4);
  await settled(page, async () => {
    await page.getByRole('textbox', { name: 'Image size, number' }).fill('224');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await letGo();
  });
  expect(await runs()).toBe(before);
  expect(await page.getByRole('img', { name: /^Depth of small\.png/ }).count()).toBe(1);
  expect(site.complaints).toEqual([]);
});

test('a file that is being made can be cancelled: nothing is saved, and the next one is whole', async () => {
  const saved: string[] = [];
  page.on('download', (download) => saved.push(download.suggestedFilename()));
  const letGo = await holdAnswers(0);
  await page.getByRole('button', { name: 'More formats' }).click();
  await page.getByRole('menuitem', { name: 'Mesh, GLB' }).click();
  await page.getByRole('progressbar', { name: 'File' }).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await letGo();
  await page.getByRole('progressbar', { name: 'File' }).waitFor({ state: 'hidden' });
  const { bytes } = await saveAs(page, 'NPY, as the network gave it');
  expect((await readNpy(bytes)).shape).toEqual([64, 96]);
  expect(saved).toEqual(['small_depth.npy']);
  expect(site.complaints).toEqual([]);
});

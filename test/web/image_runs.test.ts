// Maps of the image page that are made of several runs of the network, and how maps come to the size of their photo: tiles,
// the mean with the mirrored photo, edges guided by the photo, each against `dpt image` in Node; that a long run says how far it
// is and can be stopped; links and the settings file. One browser on SwiftShader, a small picture.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Nd } from '../reference/nd.ts';
import { dpt } from '../support/cli.ts';
import { readNpy, saveAs, settled, smallPicture } from '../support/image_page.ts';
import { tinyModel } from '../support/models.ts';
import { dropFile, openSite, type Site } from '../support/site.ts';

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

const open = (on: Page): Promise<void> =>
  settled(on, () => dropFile(on, 'small.png', picture, 'image/png'));

/** What `dpt image` writes of the picture. */
async function inNode(...flags: string[]): Promise<Nd> {
  const folder = mkdtempSync(join(tmpdir(), 'dpt-web-'));
  try {
    writeFileSync(join(folder, 'small.png'), picture);
    const usual = ['-m', tinyModel, '--size', '56', '--format', 'npy', '-o', folder];
    const { code, err } = await dpt(['image', join(folder, 'small.png'), ...usual, ...flags]);
    expect(code, err).toBe(0);
    const written = readdirSync(folder).find((name) => name.endsWith('.npy'))!;
    return await readNpy(readFileSync(join(folder, written)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

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
  expect(apart(tiled, await inNode('--tiles', '2', '--upsample', 'none'))).toBeLessThan(SAME);

  const flip = page.getByRole('switch', { name: 'Mean with the mirrored photo' });
  await settled(page, () => flip.click());
  await page.getByText('10 runs').waitFor();
  const both = await readNpy((await saveAs(page, 'NPY, size of the map')).bytes);
  const expected = await inNode('--tiles', '2', '--flip', '--upsample', 'none');
  expect(apart(both, expected)).toBeLessThan(SAME);
  // What would be missed were there nothing to see.
  expect(apart(both, tiled)).toBeGreaterThan(10 * SAME);

  await settled(page, () => radio('Tiles', 'Off').click());
  await page.getByText('2 runs').waitFor();
  const mean = await readNpy((await saveAs(page, 'NPY, as the network gave it')).bytes);
  expect(apart(mean, await inNode('--flip'))).toBeLessThan(SAME);
  expect(apart(mean, plain)).toBeGreaterThan(10 * SAME);
  await settled(page, () => flip.click());
  expect(site.complaints).toEqual([]);
});

test('runs are in the link and in the settings file, and come back from both', async () => {
  await settled(page, () => radio('Tiles', '3 × 3').click());
  const flip = page.getByRole('switch', { name: 'Mean with the mirrored photo' });
  await settled(page, () => flip.click());
  await expect.poll(() => page.url()).toMatch(/tiles=3&flip=1/);
  const { settings, result, link } = JSON.parse(
    (await saveAs(page, 'Settings, JSON')).bytes.toString(),
  );
  expect(settings).toMatchObject({ tiles: 3, flip: true });
  expect(result).toMatchObject({ network: { width: 84, height: 56 }, runs: 20 });
  expect(result.map.width).toBeGreaterThan(2 * 84);
  const other = await site.open(new URL(link).hash);
  expect(await radio('Tiles', '3 × 3', other).getAttribute('aria-checked')).toBe('true');
  const mirrored = other.getByRole('switch', { name: 'Mean with the mirrored photo' });
  expect(await mirrored.isChecked()).toBe(true);
  await other.context().close();
});

test('tiles can be stopped, and the picture stays', async () => {
  const runs = () => page.locator('html').getAttribute('data-runs');
  const before = await runs();
  // Twenty runs of a size that is new: a second for the kernels alone.
  await settled(page, async () => {
    await page.getByRole('textbox', { name: 'Image size, number' }).fill('224');
    await page.keyboard.press('Enter');
    await page.locator('html[data-image="busy"]').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
  });
  expect(await runs()).toBe(before);
  expect(await page.getByRole('img', { name: /^Depth of small\.png/ }).count()).toBe(1);
  expect(site.complaints).toEqual([]);
});

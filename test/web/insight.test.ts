// The insight page in a real browser, on SwiftShader and a small input: attention whose rows sum to 1 and whose picture follows the patch, a
// tensor's numbers against the same tensor computed here, fusion that gives the depth again at scale 1 and another at 0, norms and times for
// every block and box, golden tensors that pass at every box. Keys: insight_keys.test.ts. The looks of the page are in its screenshots.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import npyjs from 'npyjs';
import type { Download, Page } from 'playwright';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { colourTable } from '../../packages/dpt/src/index.ts';
import { fixtures } from '../support/models.ts';
import { asSoonAs, dropFile, openSite, type Site } from '../support/site.ts';

// A busy machine takes ten times as long as an idle one.
vi.setConfig({ testTimeout: 300_000 });

let site: Site;
let page: Page;

beforeAll(async () => {
  site = await openSite();
  page = await site.open('insight#size=84&block=2');
  page.setDefaultTimeout(120_000);
  // The most pixels that the page's own thread coloured at once, and what it said: the next words take the place of the last.
  await page.evaluate(() => {
    const polite = document.querySelector('[aria-live=polite]')!;
    const said: string[] = [];
    new MutationObserver(() => said.push(polite.textContent ?? '')).observe(polite, {
      subtree: true,
      childList: true,
      characterData: true,
    });
    Object.assign(globalThis, { said });
    const { prototype } = CanvasRenderingContext2D;
    const { putImageData } = prototype;
    document.documentElement.dataset.coloured = '0';
    prototype.putImageData = function (this: CanvasRenderingContext2D, ...of: unknown[]) {
      const { width, height } = of[0] as ImageData;
      const { dataset } = document.documentElement;
      dataset.coloured = String(Math.max(Number(dataset.coloured), width * height));
      Reflect.apply(putImageData, this, of);
    };
  });
  await page.locator('.at[data-query^="2 "]').waitFor();
  await page.locator('.blocks [aria-current]').waitFor();
}, 300_000);
afterAll(() => site?.close());

const tool = (name: string) => page.getByRole('tab', { name, exact: true }).click();

/** The numbers that Save gives beside the picture. */
async function savedNumbers(): Promise<{ name: string; values: Float32Array; shape: number[] }> {
  const downloads: Download[] = [];
  page.on('download', (download) => downloads.push(download));
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(() => downloads.length).toBe(2);
  page.removeAllListeners('download');
  const file = downloads.find((download) => download.suggestedFilename().endsWith('.npy'))!;
  const picture = downloads.find((download) => download.suggestedFilename().endsWith('.png'))!;
  const png = readFileSync(await picture.path());
  expect([...png.subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
  const { data, shape } = await new npyjs().parse(
    new Uint8Array(readFileSync(await file.path())).buffer,
  );
  return { name: file.suggestedFilename(), values: data as Float32Array, shape };
}

/** What has a role and no name for those who hear the page, from its accessibility tree. */
async function unnamed(): Promise<string[]> {
  const roles =
    'application|button|columnheader|combobox|img|progressbar|radio|radiogroup|rowheader|searchbox|slider|switch|tab|table|tablist|tabpanel|textbox|toolbar';
  const tree = await page.locator('.insight').ariaSnapshot();
  expect(tree).toMatch(
    /tabpanel "(Attention|Block norms|Fusion scaling|Stages|Compare|Time|Parity)/,
  );
  return tree.split('\n').filter((line) => new RegExp(`- '?(${roles})\\b(?! ")`).test(line));
}

/** What the page said to those who hear it. */
const announced = (): Promise<string[]> =>
  page.evaluate(() => (globalThis as unknown as { said: string[] }).said);

/** What a canvas shows, as text to compare. */
const shown = (selector: string): Promise<string> =>
  page
    .locator(selector)
    .first()
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());

const fact = async (name: string): Promise<number> =>
  Number(
    await page.locator('.panel .facts tr', { hasText: name }).locator('td').last().textContent(),
  );

test('attention sums to 1, and its picture follows the patch', async () => {
  const first = await savedNumbers();
  const [heads = 0, tokens = 0] = first.shape;
  expect([heads, tokens]).toEqual([2, 1 + 6 * 9]);
  for (let head = 0; head < heads; head++) {
    const row = first.values.subarray(head * tokens, (head + 1) * tokens);
    expect(row.every((share) => share >= 0)).toBe(true);
    expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  }
  const picture = await shown('.heads canvas');
  const frame = page.locator('.frame.main');
  const box = (await frame.boundingBox())!;
  await frame.click({ position: { x: 0.95 * box.width, y: 0.1 * box.height } });
  await page.locator('.at[data-query="2 0 8 row"]').waitFor();
  expect(await shown('.heads canvas')).not.toBe(picture);
  // Held: the pointer goes on, the patch does not.
  await page.mouse.move(box.x + 0.2 * box.width, box.y + 0.8 * box.height);
  expect(await page.locator('.frame .words').textContent()).toBe('Row 1, column 9');
  const second = await savedNumbers();
  expect(second.name).toContain('row1_column9');
  expect(second.values).not.toEqual(first.values);

  // The column of a patch holds, at each token, what the row of that token holds at the patch.
  await page.getByRole('radio', { name: 'Column' }).click();
  await page.locator('.at[data-query="2 0 8 column"]').waitFor();
  await expect
    .poll(announced)
    .toContainEqual(expect.stringMatching(/^Row 1, column 9\. Looked at most by .*%$/));
  const column = (await savedNumbers()).values;
  const patch = 1 + 8;
  expect(column[patch]).toBe(second.values[patch]);
  expect(column).not.toEqual(second.values);
  expect(await unnamed()).toEqual([]);
});

test('every block has its norms, and a channel is another picture', async () => {
  await tool('Block norms');
  await page.locator('.tiles canvas').nth(7).waitFor();
  expect(await page.locator('.tiles canvas').count()).toBe(8);
  const norms = await savedNumbers();
  expect(norms.shape).toEqual([6, 9]);
  const mean = norms.values.reduce((a, b) => a + b, 0) / norms.values.length;
  expect(await fact('Mean')).toBeCloseTo(mean, 1);
  const picture = await shown('.tiles canvas');
  await page.getByRole('radio', { name: 'Channel' }).click();
  await expect.poll(() => shown('.tiles canvas')).not.toBe(picture);
  expect(await unnamed()).toEqual([]);
});

test('numbers of a tensor are those of its values', async () => {
  await tool('Stages');
  await page.locator('select.full').selectOption('fused_3');
  await page.locator('.at[data-tensor="fused_3"]').waitFor();
  const { values, shape } = await savedNumbers();
  expect(shape.at(-1)).toBe(32);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  const close = (actual: number, expected: number): void =>
    expect(Math.abs(actual - expected)).toBeLessThan(1e-3 * Math.abs(expected) + 1e-4);
  close(await fact('Mean'), mean);
  close(await fact('Standard deviation'), Math.sqrt(variance));
  close(await fact('Smallest'), Math.min(...values));
  close(await fact('Largest'), Math.max(...values));
  expect(await unnamed()).toEqual([]);
});

test('a kept tensor is compared with that of another size', async () => {
  const shown = (what: string, input: string): Promise<void> =>
    page.locator(`.at[data-shown="${what}"][data-input="${input}"]`).waitFor();
  const size = (pixels: string): Promise<void> =>
    page.getByRole('textbox', { name: 'Size, number' }).fill(pixels);
  const kept = (await savedNumbers()).values;
  await page.getByRole('button', { name: 'Keep as reference' }).click();
  await page.getByRole('radio', { name: 'Difference' }).click();
  await shown('difference', '126 84');
  // With itself there is none.
  expect((await savedNumbers()).values.every((value) => value === 0)).toBe(true);
  expect(await fact('Largest difference')).toBe(0);
  await size('112');
  await page.keyboard.press('Enter');
  await shown('difference', '168 112');
  const { values, name } = await savedNumbers();
  expect(name).toBe('fused_3_difference.npy');
  expect(await fact('Correlation')).toBeLessThan(1);
  expect(await fact('Correlation')).toBeGreaterThan(0.5);
  const mean = values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
  expect(Math.abs((await fact('Mean difference')) - mean)).toBeLessThan(1e-3 * mean);
  await page.getByRole('radio', { name: 'Reference' }).click();
  await shown('reference', '168 112');
  expect((await savedNumbers()).values).toEqual(kept);
  // Another number of channels cannot be subtracted, and the page says so.
  await page.locator('select.full').selectOption('depth');
  await shown('tensor', '168 112');
  expect(await page.locator('.panel').textContent()).toContain('cannot be');
  await page.locator('select.full').selectOption('fused_3');
  await shown('reference', '168 112');
  await page.getByRole('button', { name: 'Forget' }).click();
  await shown('tensor', '168 112');
  await size('84');
  await page.keyboard.press('Enter');
  await shown('tensor', '126 84');
});

test('fusion: scale 1 gives the depth again, scale 0 another', async () => {
  await page.locator('select.full').selectOption('depth');
  await page.locator('.at[data-tensor="depth"]').waitFor();
  const depth = await savedNumbers();
  await tool('Fusion scaling');
  await page.locator('.at[data-scales="1,1,1,1"]').waitFor();
  const same = await savedNumbers();
  const range = Math.max(...depth.values) - Math.min(...depth.values);
  const furthest = Math.max(...same.values.map((value, i) => Math.abs(value - depth.values[i]!)));
  expect(furthest).toBeLessThan(1e-5 * range);
  await page.getByRole('textbox', { name: 'Level 4, coarsest, number' }).fill('0');
  await page.keyboard.press('Enter');
  await page.locator('.at[data-scales="1,1,1,0"]').waitFor();
  expect(Number(await page.locator('.at').getAttribute('data-change'))).toBeGreaterThan(1);
  // The last of the canvas' colours are those of a depth of 1; reversed, of 0.
  const nearest = (): Promise<number[]> =>
    page
      .locator('.at canvas')
      .last()
      .evaluate(
        (canvas: HTMLCanvasElement, at) => {
          const [x, y] = [at % canvas.width, Math.floor(at / canvas.width)];
          return [...canvas.getContext('2d')!.getImageData(x, y, 1, 1).data.slice(0, 3)];
        },
        same.values.indexOf(Math.max(...same.values)),
      );
  const viridis = colourTable('viridis');
  await expect.poll(nearest).toEqual([...viridis.slice(3 * 255)]);
  await page.keyboard.press('r');
  await expect.poll(nearest).toEqual([...viridis.slice(0, 3)]);
  await page.keyboard.press('h');
  await expect
    .poll(() => page.getByRole('switch', { name: 'High contrast' }).isChecked())
    .toBe(true);
  await expect.poll(() => page.url()).toMatch(/contrast=1/);
  await page.keyboard.press('h');
  await page.keyboard.press('r');
  await expect
    .poll(announced)
    .toContainEqual(
      expect.stringMatching(/^Scales 1, 1, 1, 0: mean change [\d.]+ % of the range$/),
    );
  expect(await unnamed()).toEqual([]);
});

test('models side by side: the same one agrees, another size less', async () => {
  await tool('Compare');
  const size = page.getByRole('slider', { name: /^Size/ }).first();
  const other = async (pixels: string): Promise<void> => {
    const field = page.getByRole('textbox', { name: 'Size, number' }).first();
    await field.fill(pixels);
    await field.press('Enter');
  };
  await size.waitFor();
  // It starts at the size in use, not at the 518 of the model.
  await page.locator('.at[data-compared="126  84"]').waitFor();
  expect(await fact('Correlation')).toBe(1);
  expect((await savedNumbers()).values.every((value) => Math.abs(value) < 1e-4)).toBe(true);
  await other('112');
  await page.locator('.at[data-compared="126  112"]').waitFor();
  const smaller = await fact('Correlation');
  expect(smaller).toBeLessThan(1);
  expect(smaller).toBeGreaterThan(0.5);
  const words = await page.locator('.trio figcaption').allTextContents();
  expect(words[0]).toContain('126\u202f×\u202f84');
  expect(words[1]).toContain('168\u202f×\u202f112');
  const { values, shape } = await savedNumbers();
  expect(shape).toEqual([84, 126]);
  const mean = values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
  expect(Math.abs((await fact('Mean difference')) - mean)).toBeLessThan(1e-3 * mean);
  await page.getByRole('combobox', { name: 'The other model' }).selectOption('bundled');
  await page.locator('.at[data-compared="126 bundled 112"]').waitFor();
  expect(await fact('Correlation')).toBe(smaller);
  expect(await unnamed()).toEqual([]);
});

test('time and memory of every box', async () => {
  await tool('Time and memory');
  await page.locator('.at[data-measured=true]').waitFor();
  const cells = await page.locator('.sheet').first().locator('tbody tr').allTextContents();
  expect(cells).toHaveLength(5);
  for (const text of cells) expect(text).toMatch(/\d\s?m?s.*\d\s?(kB|MB).*\d\s?(kB|MB)/s);
  expect(await unnamed()).toEqual([]);
});

test('golden tensors pass at every box', async () => {
  await tool('Parity');
  await page.locator('.at[data-state]:not([data-state=running])').waitFor();
  expect(await page.locator('.at').getAttribute('data-state')).toBe('passed');
  const passed = await page
    .locator('.parity-box')
    .evaluateAll((cards) => cards.map((card) => (card as HTMLElement).dataset.passed));
  expect(passed).toEqual(['true', 'true', 'true', 'true', 'true']);
  expect(await page.locator('.verdict').textContent()).toContain('SwiftShader');
  // Each tensor shows where it differs: rounding is somewhere, and not the same everywhere.
  const differs = page.locator('.facts .where');
  expect(await differs.count()).toBeGreaterThan(10);
  const colours = await differs.last().evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const pixels = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(new Uint32Array(pixels.buffer)).size;
  });
  expect(colours).toBeGreaterThan(5);
  expect(await unnamed()).toEqual([]);
  // Maps of the photo's pixels came from the worker: the page's thread coloured nothing larger than a grid of tokens, and some of those.
  const most = Number(await page.locator('html').getAttribute('data-coloured'));
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(12 * 8);
  expect(site.complaints).toEqual([]);
});

/** Another model, dropped where the visitor is; the insight page takes it over. */
async function useModel(family: string): Promise<void> {
  await page.getByRole('link', { name: 'Models' }).click();
  const name = `${family}.safetensors`;
  await dropFile(page, name, readFileSync(join(fixtures, family, 'model.safetensors')));
  await page.locator(`li[data-key="${name}"]`).getByText('In use').waitFor();
  await page.getByRole('link', { name: 'Insight' }).click();
  await page.getByText('Getting ready').waitFor({ state: 'hidden' });
}

test('BEiT: attention with its bias sums to 1', async () => {
  await useModel('midas_beit');
  await tool('Attention');
  await page.getByRole('radio', { name: 'Row' }).click();
  await page.locator('.at[data-query$="row"]').waitFor();
  await page.locator('.heads canvas').first().waitFor();
  const { values, shape } = await savedNumbers();
  const [heads = 0, tokens = 0] = shape;
  expect(heads).toBeGreaterThan(0);
  for (let head = 0; head < heads; head++) {
    const row = values.subarray(head * tokens, (head + 1) * tokens);
    expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  }
});

/** The rectangles on the photo: of the window, in patches of the block; its own piece, and then the others by row and column. */
const pieces = (columns: number): Promise<number[][]> =>
  page.locator('.frame .piece').evaluateAll((all, of) => {
    const place = (element: Element): number[] => {
      const { left, top, width, height } = (element as HTMLElement).style;
      return [top, left, height, width].map((text) =>
        Math.round((Number.parseFloat(text) / 100) * of),
      );
    };
    const order = (element: Element): number => {
      const [row = 0, column = 0] = place(element);
      return element.classList.contains('own') ? -1 : row * of + column;
    };
    return all.sort((a, b) => order(a) - order(b)).map(place);
  }, columns);

test('SwinV2: attention within windows, shifted and not, in every stage', async () => {
  await useModel('midas_swinv2');
  await tool('Attention');
  await page.getByRole('radio', { name: 'Row' }).click();
  // 16 × 16 patches at the first stage, in windows of 8 × 8, and every other block shifted by 4.
  await page.locator('.blocks [aria-label="Block 1 of stage 1"]').click();
  // With the heads there, nothing moves any more.
  await page.locator('.at[data-query^="0 "]').waitFor();
  const box = (await page.locator('.frame.main').boundingBox())!;
  await page.locator('.frame.main').click({ position: { x: 3, y: box.height - 3 } });
  await page.locator('.at[data-query="0 15 0 row"]').waitFor();
  expect(await pieces(16)).toEqual([[8, 0, 8, 8]]);
  const plain = await savedNumbers();
  expect(plain.shape.slice(1)).toEqual([8, 8]);

  await page.getByRole('button', { name: 'Block 2 of stage 1' }).click();
  await page.locator('.at[data-query="1 15 0 row"]').waitFor();
  // The corner shares its window with the three others.
  expect(await pieces(16)).toEqual([
    [12, 0, 4, 4],
    [0, 0, 4, 4],
    [0, 12, 4, 4],
    [12, 12, 4, 4],
  ]);
  const shifted = await savedNumbers();
  const [heads = 0] = shifted.shape;
  for (let head = 0; head < heads; head++) {
    const shares = shifted.values.subarray(head * 64, (head + 1) * 64);
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    // The patch stands in the rows before the seam and the columns behind it; the rest is masked.
    const own = shares.filter((_, i) => i < 32 && i % 8 >= 4);
    expect(own.reduce((a, b) => a + b, 0)).toBeGreaterThan(0.999);
  }

  await page.getByRole('radio', { name: '4', exact: true }).click();
  await page.locator('.at[data-query$=" 1 0 row"]').waitFor();
  // 2 × 2 patches are one window.
  expect(await pieces(2)).toEqual([[0, 0, 2, 2]]);
  expect(await page.locator('.status').textContent()).toContain('one window of 2 × 2 patches');
  // Each block of the strip has what its own window says of the place.
  const strip = page.locator('.blocks canvas');
  await page.locator('.blocks [aria-label="Block 1 of stage 1"]').waitFor();
  await expect
    .poll(() => strip.first().evaluate((canvas) => (canvas as HTMLCanvasElement).width))
    .toBe(16);
  await tool('Block norms');
  // Its stages have fewer and fewer patches.
  await page.locator('.tiles canvas').nth(7).waitFor();
  expect(site.complaints).toEqual([]);
});

test('when the GPU is reset the tool goes on', async () => {
  // It would have to compile all of its kernels anew as well.
  await page.context().close();
  const visitor = await site.open('insight#size=56&block=1');
  await visitor.locator('.at[data-query^="1 "]').waitFor();
  // In the page's own turn, while the model is away: a key that is pressed then counts as well.
  const pressed = asSoonAs(visitor, () => {
    if (!document.querySelector('.insight-cover .waiting')) return false;
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: ']', bubbles: true }));
    return true;
  });
  const session = await site.browser.newBrowserCDPSession();
  await session.send('Browser.crashGpuProcess');
  await pressed;
  // All kernels are compiled anew.
  await visitor.locator('.at[data-query^="2 "]').waitFor();
  await visitor.keyboard.press(']');
  await visitor.locator('.at[data-query^="3 "]').waitFor();
});

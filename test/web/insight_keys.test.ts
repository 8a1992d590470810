// The keys of the insight page's attention, norms and fusion, each pressed and its effect seen: in what is asked of the worker, in the
// picture, or in how the page is laid out. Space presses the button that has the focus, and Tab changes colours only after
// a click. Not here: what the numbers are (insight.test.ts).
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSite, type Site } from '../support/site.ts';

let site: Site;
let page: Page;

beforeAll(async () => {
  site = await openSite();
  page = await site.open('insight#size=84&block=2&patch=3,4');
  await page.locator('.at[data-query="2 3 4 row"]').waitFor();
}, 300_000);
afterAll(() => site?.close());

/** Keys go to the page, whatever had the focus. */
const press = async (...keys: readonly string[]): Promise<void> => {
  await page.locator('#stage').focus();
  for (const key of keys) await page.keyboard.press(key);
};
const asked = (query: string): Promise<void> =>
  page.locator(`.at[data-query="${query}"]`).waitFor();
const normsOf = (blocks: string): Promise<void> =>
  page.locator(`.at[data-blocks="${blocks}"]`).waitFor();
const has = (selector: string): Promise<boolean> =>
  page
    .locator(selector)
    .count()
    .then((count) => count > 0);
const picture = (selector: string): Promise<string> =>
  page
    .locator(selector)
    .first()
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());

test('attention: [ ] step through the blocks, A turns to the column', async () => {
  await press(']');
  await asked('3 3 4 row');
  await press('[');
  await asked('2 3 4 row');
  await press('a');
  await asked('2 3 4 column');
  await press('a');
  await asked('2 3 4 row');
});

test('attention: L is the log scale, T outlines, E shows the readout token', async () => {
  const logarithmic = await picture('.heads canvas');
  await press('l');
  await expect.poll(() => picture('.heads canvas')).not.toBe(logarithmic);
  await press('l');
  await expect.poll(() => picture('.heads canvas')).toBe(logarithmic);
  await press('t');
  await page.locator('.heads.outlined').waitFor();
  await press('t');
  await expect.poll(() => has('.heads.outlined')).toBe(false);
  const border = (): Promise<string> =>
    page
      .locator('.frame.ro')
      .first()
      .evaluate((tile) => (tile as HTMLElement).style.getPropertyValue('--ro'));
  expect(await border()).toMatch(/^rgb/);
  await press('e');
  await expect.poll(border).toBe('transparent');
});

test('attention: K locks the patch, arrows choose it', async () => {
  await press('k');
  await page.locator('.frame.main.locked').waitFor();
  await page.mouse.move(300, 400);
  await page.locator('.frame.main').hover({ position: { x: 3, y: 3 } });
  expect(page.url()).toContain('patch=3,4');
  await press('k');
  await expect.poll(() => has('.frame.main.locked')).toBe(false);
  // What an arrow chose is held.
  await page.mouse.move(2, 2);
  await page.locator('.frame.main').focus();
  for (const [key, patch] of [
    ['ArrowRight', '3 5'],
    ['ArrowDown', '4 5'],
    ['ArrowLeft', '4 4'],
    ['ArrowUp', '3 4'],
  ] as const) {
    await page.keyboard.press(key);
    await asked(`2 ${patch} row`);
  }
  expect(await has('.frame.main.locked')).toBe(true);
});

test('attention: commas and Space lay the pictures out, and the link remembers it', async () => {
  const columns = (): Promise<number> =>
    page
      .locator('.heads')
      .evaluate((heads) => getComputedStyle(heads).gridTemplateColumns.split(' ').length);
  const before = await columns();
  await press('.');
  await expect.poll(columns).toBe(before + 1);
  await expect.poll(() => page.url()).toContain(`columns=${before + 1}`);
  await press(',');
  await expect.poll(columns).toBe(before);
  const below = async (): Promise<boolean> => {
    const [photo, heads] = await Promise.all(
      ['.frame.main', '.heads'].map((part) => page.locator(part).boundingBox()),
    );
    return heads!.y >= photo!.y + photo!.height;
  };
  expect(await below()).toBe(false);
  await press(' ');
  await expect.poll(below).toBe(true);
  await expect.poll(() => page.url()).toContain('below=1');
  await press(' ');
  await expect.poll(below).toBe(false);
});

test('C changes colours, and Tab does after a click', async () => {
  const map = (): string => /map=(\w+)/.exec(page.url())?.[1] ?? 'viridis';
  const start = map();
  await press('c');
  await expect.poll(map).not.toBe(start);
  await press('Shift+C');
  await expect.poll(map).toBe(start);
  await page.locator('.heads .frame').first().click();
  await page.keyboard.press('Tab');
  await expect.poll(map).not.toBe(start);
  await page.keyboard.press('Shift+Tab');
  await expect.poll(map).toBe(start);
  // Focus that came by keyboard moves on.
  await page.getByRole('tab', { name: 'Attention', exact: true }).focus();
  await page.keyboard.press('Tab');
  await press('Tab');
  expect(map()).toBe(start);
});

test('norms: I, N, C and Space choose what is seen, [ ] the channel', async () => {
  await page.getByRole('tab', { name: 'Block norms', exact: true }).click();
  await normsOf('8 norm 0');
  await press('c');
  await normsOf('8 channel 0');
  const first = await picture('.tiles canvas');
  await press(']');
  await normsOf('8 channel 1');
  expect(await picture('.tiles canvas')).not.toBe(first);
  await press('[');
  await normsOf('8 channel 0');
  await press('n');
  await normsOf('8 norm 0');
  await press('i');
  await normsOf('8 image 0');
  // The photo has more pixels than there are patches, and is what the page speaks of.
  const width = await page
    .locator('.tiles canvas')
    .first()
    .evaluate((canvas) => (canvas as HTMLCanvasElement).width);
  expect(width).toBeGreaterThan(100);
  expect(await page.locator('.status').textContent()).toContain('The photo');
  const saved: string[] = [];
  page.on('download', (download) => saved.push(download.suggestedFilename()));
  await press('s');
  await expect.poll(() => [...saved].sort()).toEqual(['block3_norms.npy', 'photo.png']);
  for (const view of ['norm', 'channel', 'image', 'norm']) {
    await press(' ');
    await normsOf(`8 ${view} 0`);
  }
  expect(await page.locator('.status').textContent()).toContain('Euclidean length');
});

test('norms: arrows choose the block, H, F and B the histogram', async () => {
  const current = page.locator('.tiles [aria-current]');
  await press('ArrowRight');
  await expect.poll(() => current.textContent()).toBe('Block 4');
  await press('ArrowLeft', 'ArrowLeft');
  await expect.poll(() => current.textContent()).toBe('Block 2');
  // Space on a block is its press, not the next view.
  await page.locator('.tiles button').last().focus();
  await page.keyboard.press(' ');
  await expect.poll(() => current.textContent()).toBe('Block 8');
  await normsOf('8 norm 0');

  const plot = page.locator('.panel svg.plot');
  const parts = (): Promise<number> =>
    plot.locator('path').evaluate((path) => path.getAttribute('d')!.split('L').length);
  const plain = await parts();
  await press('f');
  // Four times the bins, each with two corners, and the end.
  await expect.poll(parts).toBe(4 * (plain - 2) + 2);
  await press('b');
  await page.locator('.panel svg.plot.line').waitFor();
  await press('h');
  await plot.waitFor({ state: 'hidden' });
  await press('h', 'b', 'f');
  await plot.waitFor();
  await expect.poll(parts).toBe(plain);
  expect(site.complaints).toEqual([]);
});

test('what runs can be stopped, and goes on when asked', async () => {
  const visitor = await site.open('about');
  // In the page's own turn: an answer that is on its way cannot come first.
  const stopAt = (label: string): void => {
    const observer = new MutationObserver(() => {
      const row = document.querySelector('.insight-task[data-state=running]');
      if (!row?.textContent?.includes(label)) return;
      observer.disconnect();
      row.querySelector('button')!.click();
    });
    observer.observe(document, { subtree: true, childList: true, attributes: true });
  };
  const stopped = visitor.locator('.insight-task[data-state=stopped]');
  // From the first moment of a page: a fast one opens the model before anybody looks.
  await visitor.addInitScript(stopAt, 'Opening the model');
  await visitor.goto(`${site.server.address}insight#tool=norms&size=84`);
  await stopped.waitFor();
  expect(await visitor.locator('.figure').textContent()).not.toContain('blocks');
  await visitor.evaluate(stopAt, 'Tokens, block by block');
  await visitor.getByRole('button', { name: 'Go on' }).click();
  await expect.poll(() => visitor.locator('.figure').textContent()).toContain('8 blocks');
  await stopped.waitFor();
  expect(await visitor.locator('.tiles canvas').count()).toBe(0);
  await visitor.getByRole('button', { name: 'Go on' }).click();
  await visitor.locator('.at[data-blocks="8 norm 0"]').waitFor();
  await visitor.locator('.insight-task').waitFor({ state: 'hidden' });
  // Escape has nothing to stop now, and stops nothing.
  await visitor.keyboard.press('Escape');
  expect(await visitor.locator('.insight-task').getAttribute('data-state')).toBe('idle');
  expect(site.complaints).toEqual([]);
});

// The video page in a real browser, on SwiftShader, with the camera that Chromium makes up: frames come through the model, a key changes
// the picture, the numbers run, and the 3D page takes the film over.
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSite, type Site } from '../support/site.ts';

let site: Site;
let page: Page;
beforeAll(async () => {
  site = await openSite({
    flags: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });
  page = await site.open('video#size=56', { width: 480, height: 640 });
}, 120_000);
afterAll(() => site?.close());

const modelTime = async (): Promise<number> =>
  Number(await page.locator('.nums b').first().textContent());

test('the camera plays, pauses, changes its colours and goes on in 3D', async () => {
  await page.getByRole('button', { name: 'Use the camera' }).click();
  await expect.poll(modelTime, { timeout: 60_000 }).toBeGreaterThan(0);
  await page.keyboard.press(' ');
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  const shown = (): Promise<string> =>
    page
      .locator('#stage')
      .screenshot()
      .then((picture) => picture.toString('base64'));
  const before = await shown();
  await page.keyboard.press('r');
  await expect.poll(shown, { timeout: 20_000 }).not.toBe(before);
  expect(new URL(page.url()).hash).toContain('reverse=1');
  await page.getByRole('link', { name: '3D' }).click();
  await expect
    .poll(() => page.locator('.work-3d .status b').first().textContent(), { timeout: 60_000 })
    .toMatch(/[1-9]/);
  expect(site.complaints).toEqual([]);
}, 120_000);

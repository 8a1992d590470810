// The 3D page in a real browser, on SwiftShader: from load to a surface, a control and a key that change what is drawn, the mesh by an
// independent reader. Few faces: a software GPU draws them one by one.
import { readFileSync } from 'node:fs';
import { validateBytes } from 'gltf-validator';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSite, type Site } from '../support/site.ts';

let site: Site;
let page: Page;
beforeAll(async () => {
  site = await openSite();
  page = await site.open('3d#size=56&density=0.1', { width: 480, height: 360 });
}, 120_000);
afterAll(() => site?.close());

const faces = (): Promise<string | null> =>
  page.locator('.work-3d .status b').first().textContent();
const drawn = (): Promise<string> =>
  page
    .locator('#stage')
    .screenshot()
    .then((picture) => picture.toString('base64'));

test('a sample becomes a surface; a control, a key and a drag change it', async () => {
  await page.getByRole('button', { name: /a dog looks/ }).click();
  await expect.poll(faces, { timeout: 60_000 }).toMatch(/[1-9]/);
  const first = await drawn();
  await page.keyboard.press('v');
  await expect.poll(drawn, { timeout: 20_000 }).not.toBe(first);
  const asDepth = await drawn();
  await page.locator('#stage').press('ArrowLeft');
  await expect.poll(drawn, { timeout: 20_000 }).not.toBe(asDepth);
  expect(new URL(page.url()).hash).toContain('depth=1');
}, 120_000);

test('a GLB is what the validator calls valid', async () => {
  const download = page.waitForEvent('download');
  await page.keyboard.press('g');
  const path = await (await download).path();
  const report = await validateBytes(readFileSync(path));
  expect(report.issues.numErrors).toBe(0);
  expect(report.info.totalTriangleCount).toBeGreaterThan(300);
  expect(site.complaints).toEqual([]);
}, 60_000);

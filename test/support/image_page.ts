import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import npyjs from 'npyjs';
import type { Page } from 'playwright';
import { decodePicture, encodePng8 } from '../../packages/loaders/src/node.ts';
import type { Nd } from '../reference/nd.ts';
import { dropFile } from './site.ts';

/** The sample photo as its file has it. */
export const dogPhoto = readFileSync(
  join(import.meta.dirname, '../../examples/pictures/dog_indoor.jpg'),
);

/** Does something on the image page and waits until no run is under way. */
export async function settled(page: Page, what: () => Promise<void>): Promise<void> {
  await what();
  await page.locator('html[data-image="done"]').waitFor({ timeout: 120_000 });
}

/** Drops a photo on the image page and waits for its map, whatever is open before. */
export async function openPhoto(
  page: Page,
  name: string,
  bytes: Uint8Array,
  type: string,
): Promise<void> {
  await settled(page, async () => {
    await dropFile(page, name, bytes, type);
    // A drop is read in its own time.
    await page.locator(`canvas[aria-label^="Depth of ${name},"]`).waitFor({ timeout: 120_000 });
  });
}

/** A picture of a part of the screen as a PNG, without what is said over it for a while, that a file was saved say. */
export async function lookAt(page: Page, selector: string): Promise<Buffer> {
  const toasts = page.locator('.toasts');
  await toasts.evaluate((element) => element.style.setProperty('visibility', 'hidden'));
  const png = await page.locator(selector).screenshot();
  await toasts.evaluate((element) => element.style.removeProperty('visibility'));
  return png;
}

/** The file that an entry of the save menu gives. */
export async function saveAs(
  page: Page,
  label: string | RegExp,
): Promise<{ name: string; bytes: Buffer }> {
  await page.getByRole('button', { name: 'More formats' }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: label }).click(),
  ]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** A file of numbers, by an independent reader. */
export async function readNpy(bytes: Buffer): Promise<Nd> {
  const { data, shape } = await new npyjs().parse(new Uint8Array(bytes).buffer);
  return { shape, data: Float64Array.from(data as Float32Array) };
}

/** Every so manieth pixel of the sample photo, as a PNG, so that no two JPEG decoders are compared. */
export async function smallPicture(W: number, H: number): Promise<Buffer> {
  const { data, width, height } = await decodePicture(dogPhoto, 'dog_indoor.jpg');
  const small = new Uint8Array(W * H * 3);
  for (let i = 0; i < W * H; i++) {
    const x = Math.floor(((i % W) * width) / W);
    const y = Math.floor((Math.floor(i / W) * height) / H);
    for (let k = 0; k < 3; k++) small[3 * i + k] = data[4 * (y * width + x) + k]!;
  }
  return Buffer.from(encodePng8(small, W, H));
}

// The models page in a real browser: files of each kind dropped, kept, used and removed; broken ones with their reason; what a file cannot
// say is asked; and a browser without WebGPU. What the loaders refuse is tested with them; here is what a visitor sees of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { dogPhoto, openPhoto } from '../support/image_page.ts';
import { fixtures, tinyModel } from '../support/models.ts';
import { dropFile, openSite, type Site } from '../support/site.ts';
import { type Storages, type Tensors, writePth } from '../support/write_pth.ts';

let site: Site;
let page: Page;
beforeAll(async () => {
  site = await openSite();
  page = await site.open('models');
});
afterAll(() => site?.close());

async function choose(name: string, buffer: Uint8Array): Promise<void> {
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Choose file', exact: true }).click(),
  ]);
  await chooser.setFiles({ name, mimeType: '', buffer: Buffer.from(buffer) });
}

const row = (key: string) => page.locator(`li[data-key="${key}"]`);

/** The small model as torch.save would have written it. */
async function smallPth(): Promise<Uint8Array> {
  const file = await openCheckpointFile(tinyModel);
  const tensors: Tensors = {};
  const storages: Storages = {};
  for (const [name, { shape, read }] of file.tensors) {
    const data = await read();
    const storage = String(Object.keys(storages).length);
    storages[storage] = { type: 'HalfStorage', count: data.length / 2, data };
    tensors[name] = { storage, shape: [...shape] };
  }
  await file.close();
  return writePth(tensors, storages);
}

test('the small model is in use, and others are offered with size and licence', async () => {
  await row('dpt_tiny.safetensors').getByText('In use').waitFor();
  const small = row('depth_anything_v2_vits.pth');
  expect(await small.innerText()).toMatch(/Depth Anything V2 Small\s+99\.2.MB · Apache-2\.0/);
  expect(await row('depth_anything_v2_vitb.pth').innerText()).toMatch(/not for commercial use/);
  await page.getByRole('button', { name: 'Show all published models' }).click();
  const beit = row('dpt_beit_large_512.pt');
  expect(await beit.getByRole('link', { name: 'Open its page' }).getAttribute('href')).toMatch(
    /^https:\/\/github\.com/,
  );
});

test('a .pth is asked about, kept on this device, used, and still there after a reload', async () => {
  // 2 heads of 64 features, stages after quarters: what the shapes say happens to be right.
  await choose('mine.pth', await smallPth());
  const mine = row('mine.pth');
  await mine.getByText('The weights do not say which of these they are.').waitFor();
  await mine.getByLabel('Family').selectOption('depth_anything_v2_metric');
  await mine.getByRole('radio', { name: '80, outdoors' }).click();
  await mine.getByRole('button', { name: 'Use' }).click();
  await mine.getByText('In use').waitFor();
  // What it is is written down once it is in use.
  await mine.getByText(/Depth Anything V2 metric, 80 m/).waitFor();
  await page.reload();
  await row('mine.pth').getByText('In use').waitFor();
});

test('a .safetensors of another family is recognised and used', async () => {
  await choose('beit.safetensors', readFileSync(join(fixtures, 'midas_beit', 'model.safetensors')));
  await row('beit.safetensors').getByText('In use').waitFor();
  expect(await page.getByRole('button', { name: /^Model: MiDaS 3\.1 BEiT/ }).count()).toBe(1);
  expect(await row('mine.pth').getByText('Stored').count()).toBe(1);
});

test.each([
  ['photo.pth', Buffer.from('\x89PNG\r\n\x1a\n'.padEnd(600, ' '), 'latin1'), /is a PNG picture/],
  ['page.safetensors', Buffer.from('<!doctype html><title>404</title>'), /is a web page/],
  ['cut.safetensors', readFileSync(tinyModel).subarray(0, 90_000), /cut\.safetensors/],
  [
    'other.safetensors',
    safetensors({ 'layer.weight': [1] }),
    /not a depth model this project knows/,
  ],
])('%s is refused with the reason', async (name, bytes, reason) => {
  await choose(name, bytes);
  const note = row(name).locator('.note.bad');
  await note.waitFor();
  expect(await note.innerText()).toMatch(reason);
  expect(await row('beit.safetensors').getByText('In use').count()).toBe(1);
});

test('a published model is downloaded, and goes on where it broke off; a link with it opens it', async () => {
  const visitor = await site.open('models#model=v2-base-hf');
  const offer = visitor.locator('.toast', {
    hasText: 'This link was made with Depth Anything V2 Base',
  });
  await offer.waitFor();
  const listed = (key: string) => visitor.locator(`li[data-key="${key}"]`);
  const asked: (string | undefined)[] = [];
  const file = readFileSync(tinyModel);
  let whole = false;
  let isHeld = false;
  await visitor.context().route('https://huggingface.co/**', async (route) => {
    const range = route.request().headers().range;
    asked.push(range);
    // An answer that does not come, until the visitor has enough of it.
    if (isHeld) return;
    const from = range ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : 0;
    // The first answer breaks off, as connections do.
    const body = file.subarray(from, whole ? undefined : from + 1_000_000);
    await route.fulfill({
      status: range ? 206 : 200,
      headers: {
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'etag, content-range',
        etag: '"one"',
        'content-type': 'application/octet-stream',
      },
      body,
    });
  });
  await listed('depth_anything_v2_vits.pth').waitFor();
  await visitor.getByRole('button', { name: 'Show all published models' }).click();

  const small = listed('depth_anything_v2_vits.pth');
  await small.getByRole('button', { name: 'Download' }).click();
  await small.getByText('The connection ended after 1000000 of 99218434 bytes.').waitFor();
  // What came stays, also when the page is left.
  await visitor.reload();
  await small.getByText(/1\.0 of 99\.2.MB/).waitFor();
  await small.getByRole('button', { name: 'Resume' }).click();
  await small.getByText('The connection ended after 2000000').waitFor();
  expect(asked).toEqual([undefined, 'bytes=1000000-']);
  expect(await small.getByText('Paused').count()).toBe(1);
  isHeld = true;
  await small.getByRole('button', { name: 'Resume' }).click();
  await small.getByRole('button', { name: 'Cancel download' }).click();
  await small.getByRole('button', { name: 'Download' }).waitFor();
  isHeld = false;

  // One of which only the name is known.
  await visitor.getByRole('button', { name: 'Show all published models' }).click();
  const key = 'depth_anything_v2_vitb_hf.safetensors';
  whole = true;
  await listed(key).getByRole('button', { name: 'Download' }).click();
  await listed(key).getByText('Stored').waitFor();
  await listed(key).getByRole('button', { name: 'Use' }).click();
  await listed(key).getByText('In use').waitFor();
  await visitor.getByRole('link', { name: 'Image', exact: true }).click();
  await expect.poll(() => visitor.url()).toMatch(/#model=v2-base-hf$/);
  // The link goes before what was used last.
  await visitor.getByRole('link', { name: 'Models', exact: true }).click();
  await listed('dpt_tiny.safetensors').getByRole('button', { name: 'Use' }).click();
  await listed('dpt_tiny.safetensors').getByText('In use').waitFor();
  await visitor.goto('about:blank');
  await visitor.goto(`${site.server.address}models#model=v2-base-hf`);
  await listed(key).getByText('In use').waitFor();
  expect(await offer.count()).toBe(0);
  await visitor.context().close();
  site.complaints.splice(0);
});

test('a model that is dropped on another page is kept and used; of one that sees no depth the page says so', async () => {
  const visitor = await site.open('#size=28');
  await visitor.getByText('Drop a photo here').waitFor();
  await dropFile(visitor, 'blind.safetensors', blindModel());
  const dropped = visitor.locator('li[data-key="blind.safetensors"]');
  await dropped.getByText('In use').waitFor();
  await dropFile(visitor, 'again.pth', await smallPth());
  await visitor.locator('li[data-key="again.pth"]').getByText('The weights do not say').waitFor();
  await visitor.getByRole('link', { name: 'Image', exact: true }).click();
  const words = visitor.locator('.tag.flat');
  expect(await words.isVisible()).toBe(false);
  await openPhoto(visitor, 'dog.jpg', dogPhoto, 'image/jpeg');
  await words.waitFor();
  expect(await words.innerText()).toMatch(/^Everything is at the same depth/);

  // The chip of the device leads to its card, however far down that is.
  await visitor.setViewportSize({ width: 800, height: 300 });
  await visitor.locator('.chip[href$="#device"]').click();
  const card = visitor.getByRole('region', { name: 'This device', exact: true });
  await expect.poll(async () => (await card.boundingBox())?.y).toBeLessThan(300);
  await visitor.context().close();
});

test('loading is seen, and can be stopped; a film shows its frame meanwhile, and a photo asks for a model', async () => {
  const visitor = await site.open('video#size=28');
  const bundled = visitor.locator('li[data-key="dpt_tiny.safetensors"]');
  let answer = (): void => {};
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await visitor.context().route('**/dpt_tiny-*.safetensors', async (route) => {
    await held;
    await route.continue().catch(() => {});
  });
  await visitor.reload();
  await visitor.getByRole('link', { name: 'Models' }).click();
  await bundled.getByText('Loading').waitFor();
  await bundled.getByRole('button', { name: 'Cancel' }).click();
  await visitor.getByRole('button', { name: 'Model: No model, none loaded' }).waitFor();
  answer();
  await visitor.getByRole('link', { name: 'Video', exact: true }).click();
  const coloursSeen = async (): Promise<number> => {
    const { data } = PNG.sync.read(await visitor.locator('canvas.screen').screenshot());
    return new Set(new Uint32Array(new Uint8Array(data).buffer)).size;
  };
  await visitor.getByRole('button', { name: 'Share the screen' }).waitFor();
  const empty = await coloursSeen();
  const [chooser] = await Promise.all([
    visitor.waitForEvent('filechooser'),
    visitor.getByRole('button', { name: 'Open a video' }).last().click(),
  ]);
  await chooser.setFiles(join(fixtures, '../films/flower.mp4'));
  await visitor.getByRole('group', { name: 'Choose a model' }).waitFor();
  await expect.poll(coloursSeen).toBeGreaterThan(empty + 1000);
  await visitor.getByRole('link', { name: 'Image', exact: true }).click();
  await dropFile(visitor, 'dog.jpg', dogPhoto, 'image/jpeg');
  const asks = visitor.getByRole('group', { name: 'Choose a model' });
  await asks.getByRole('button', { name: 'Use the small model' }).click();
  await asks.waitFor({ state: 'detached' });
  await visitor
    .getByRole('button', { name: /^Model: Small demonstration model.*ready$/ })
    .waitFor();
  await visitor.context().close();
});

test('everything stored can be cleared', async () => {
  await page.getByRole('button', { name: 'Clear all stored models' }).click();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await expect.poll(() => row('mine.pth').count()).toBe(0);
  expect(site.complaints).toEqual([]);
});

test('without WebGPU the page says so, and what to do', async () => {
  const without = await openSite({
    webgpu: false,
    flags: ['--disable-features=WebGPU,WebGPUService'],
  });
  try {
    const plain = await without.open();
    await plain.getByRole('heading', { name: /no WebGPU|No graphics card/ }).waitFor();
    await plain.getByRole('button', { name: 'Show a recorded result' }).click();
    expect(await plain.getByRole('img', { name: /^A dog looks up/ }).count()).toBe(1);
    await plain.keyboard.press('Escape');
    await plain.keyboard.press('5');
    const small = plain.locator('li[data-key="depth_anything_v2_vits.pth"]');
    const download = small.getByRole('button', { name: 'Download' });
    await expect.poll(() => download.isDisabled()).toBe(true);
    expect(await download.getAttribute('title')).toMatch(/no GPU/);
  } finally {
    await without.close();
  }
});

/** The small model with the weights of its last step at zero: whatever it is shown, all of it is equally far. */
function blindModel(): Buffer {
  const file = Buffer.from(readFileSync(tinyModel));
  const length = Number(file.readBigUInt64LE());
  const tensors = JSON.parse(file.toString('utf8', 8, 8 + length)) as Readonly<
    Record<string, { data_offsets: readonly [number, number] }>
  >;
  const [from, to] = tensors['depth_head.scratch.output_conv2.2.weight']!.data_offsets;
  file.fill(0, 8 + length + from, 8 + length + to);
  return file;
}

/** A file with vectors of f32. */
function safetensors(tensors: Readonly<Record<string, readonly number[]>>): Buffer {
  let at = 0;
  const header: Record<string, object> = {};
  for (const [name, values] of Object.entries(tensors)) {
    header[name] = {
      dtype: 'F32',
      shape: [values.length],
      data_offsets: [at, (at += 4 * values.length)],
    };
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([
    length,
    json,
    Buffer.from(new Float32Array(Object.values(tensors).flat()).buffer),
  ]);
}

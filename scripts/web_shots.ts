// Pictures of the web app's pages, to be looked at: npx tsx scripts/web_shots.ts [FOLDER [NAME …]], and --help.
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { FileChooser, Locator, Page } from 'playwright';
import { dropFile, openSite, type Site } from '../test/support/site.ts';

interface Scene {
  readonly name: string;
  /** Below the root of the site. */
  readonly path: string;
  /** Brings the page to what is to be seen. */
  readonly set?: (page: Page, site: Site) => Promise<void>;
  readonly webgpu?: false;
}

/** A machine without a GPU, and busy besides, takes its time. */
const PATIENCE = 600_000;

const done = (page: Page): Promise<void> =>
  page.locator('html[data-image="done"]').waitFor({ timeout: PATIENCE });

async function sample(page: Page): Promise<void> {
  await page.locator('.samples button').first().click();
  await done(page);
}

/** What a button opens, to choose files with. */
async function chooserOf(button: Locator): Promise<FileChooser> {
  const [chooser] = await Promise.all([button.page().waitForEvent('filechooser'), button.click()]);
  return chooser;
}

async function film(page: Page): Promise<void> {
  const chooser = await chooserOf(page.getByRole('button', { name: 'Open a video' }).last());
  await chooser.setFiles(resolve('test/fixtures/films/flower.webm'));
  const handle = page.getByRole('slider', { name: 'Loop to' });
  for (let i = 0; i < 4; i++) await handle.press('ArrowLeft');
  await page
    .locator('.nums b', { hasText: /^[1-9]/ })
    .first()
    .waitFor({ timeout: 120_000 });
  await page.waitForTimeout(3000);
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
}

const drawn3d = (page: Page): Promise<void> =>
  page.locator('.work-3d .status b', { hasText: /[1-9]/ }).first().waitFor({ timeout: PATIENCE });

async function relief(page: Page): Promise<void> {
  await page.getByRole('button', { name: /a dog looks/ }).click();
  await drawn3d(page);
}

/** One tool of the insight page, when its first result is there. */
function insight(
  name: string,
  fragment: string,
  ready: string,
  more?: (page: Page) => Promise<void>,
): Scene {
  return {
    name: `insight-${name}`,
    path: `insight#${fragment}`,
    async set(page) {
      await page.locator(ready).first().waitFor({ timeout: PATIENCE });
      await more?.(page);
    },
  };
}

const press = async (page: Page, ...keys: readonly string[]): Promise<void> => {
  await page.locator('#stage').focus();
  for (const key of keys) await page.keyboard.press(key);
};

/** Attention within windows; the small model that tests have has as many stages and blocks as a large one has kinds of them. */
async function swinv2(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Models' }).click();
  const path = resolve('test/fixtures/models/midas_swinv2/model.safetensors');
  await dropFile(page, 'midas_swinv2.safetensors', readFileSync(path));
  const row = page.locator('li[data-key="midas_swinv2.safetensors"]');
  await row.getByText('In use').waitFor({ timeout: PATIENCE });
  await page.getByRole('link', { name: 'Insight' }).click();
  await page.locator('.blocks [aria-label="Block 2 of stage 1"]').click();
  await page.locator('.at[data-query^="1 "]').waitFor({ timeout: PATIENCE });
}

/** What is kept at one size, minus the same at another. */
async function difference(page: Page): Promise<void> {
  // On a narrow screen these are behind tabs.
  await page.getByText('Keep as reference').dispatchEvent('click');
  await page.locator('.at[data-shown="difference"]').waitFor({ timeout: PATIENCE });
  await page.getByLabel('Size, number').evaluate((input) => {
    (input as HTMLInputElement).value = '210';
    input.dispatchEvent(new Event('change'));
  });
  await page.locator('.at[data-input$=" 210"]').waitFor({ timeout: PATIENCE });
}

/** What runs, stopped in the page's own turn: an answer that is on its way would come first. */
async function stopWork(page: Page): Promise<void> {
  await page.waitForFunction(
    () => {
      const row = document.querySelector('.insight-task[data-state=running]');
      if (!row?.textContent?.includes('Tokens, block by block')) return false;
      row.querySelector('button')!.click();
      return true;
    },
    undefined,
    { polling: 'raf' },
  );
}

/** A model that never comes. */
async function withoutModel(page: Page): Promise<void> {
  await page.route('**/*.safetensors', () => new Promise(() => {}));
  await page.reload();
}

const scenes: readonly Scene[] = [
  { name: 'image-empty', path: '' },
  { name: 'image-depth', path: '', set: sample },
  {
    name: 'image-compare',
    path: '#view=compare&divider=0.46&percentile=0.5&low=0.08',
    async set(page) {
      await sample(page);
      const stage = (await page.locator('#stage').boundingBox())!;
      await page.getByRole('button', { name: 'Pick' }).click();
      await page.mouse.click(stage.x + 0.7 * stage.width, stage.y + 0.35 * stage.height);
      await page.locator('.pick .tag').filter({ hasText: /^0\./ }).waitFor();
    },
  },
  { name: 'image-side', path: '#view=side&map=spectral', set: sample },
  { name: 'image-cutout', path: '#view=cutout', set: sample },
  { name: 'image-normals', path: '#view=normals', set: sample },
  {
    name: 'image-crop',
    path: '#crop=0.2,0.3,0.8,0.9',
    async set(page) {
      await sample(page);
      await page.getByRole('button', { name: 'Crop' }).click();
    },
  },
  {
    name: 'image-formats',
    path: '',
    async set(page) {
      await sample(page);
      await page.getByRole('button', { name: 'More formats' }).click();
    },
  },
  {
    name: 'image-link',
    path: '#model=v2-base-hf',
    async set(page) {
      // It goes by itself, but not while it is pointed at.
      await page.locator('.toast').hover({ timeout: PATIENCE });
    },
  },
  {
    name: 'image-broken',
    path: '',
    async set(page) {
      const chooser = await chooserOf(page.getByRole('button', { name: 'Choose photos' }));
      const buffer = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1');
      await chooser.setFiles({ name: 'holiday.heic', mimeType: '', buffer });
      await page.getByRole('heading', { name: 'This picture cannot be read' }).waitFor();
    },
  },
  {
    name: 'image-no-webgpu',
    path: '',
    webgpu: false,
    async set(page) {
      await page.getByRole('button', { name: 'Show a recorded result' }).waitFor();
    },
  },
  {
    name: 'video-crop',
    path: 'video#size=196&every=1',
    async set(page) {
      await film(page);
      await press(page, 'g');
      await page.getByRole('group', { name: /^Crop box/ }).waitFor();
    },
  },
  {
    name: 'keys',
    path: '',
    async set(page) {
      await page.locator('body').press('?');
    },
  },
  { name: 'video-empty', path: 'video' },
  { name: 'video', path: 'video#size=196&every=1', set: film },
  {
    name: 'video-getting-ready',
    path: 'video',
    async set(page) {
      await withoutModel(page);
      const chooser = await chooserOf(page.getByRole('button', { name: 'Open a video' }).last());
      await chooser.setFiles(resolve('test/fixtures/films/flower.webm'));
      await page.getByRole('heading', { name: 'Getting ready' }).waitFor();
      await page.waitForTimeout(3000);
    },
  },
  {
    name: 'video-enlarged',
    path: 'video#size=196&every=1&layout=stack',
    async set(page) {
      await film(page);
      await press(page, '=', '=', '=');
    },
  },
  { name: 'view3d-empty', path: '3d' },
  { name: 'view3d', path: '3d#size=196&density=0.3', set: relief },
  {
    name: 'view3d-getting-ready',
    path: '3d',
    async set(page) {
      // Pictures of both themes are of the same moment.
      await withoutModel(page);
      await page.getByRole('button', { name: /a dog looks/ }).click();
      await page.getByRole('heading', { name: 'Getting ready' }).waitFor();
    },
  },
  {
    name: 'view3d-points',
    path: '3d#size=196&density=0.25&as=points&point=3&mask=0.8&wider=1',
    set: relief,
  },
  { name: 'view3d-stereo', path: '3d#size=196&density=0.2&stereo=red&eyes=0.6', set: relief },
  {
    name: 'view3d-recording',
    path: '3d#size=196&density=0.2&as=lines&depth=1',
    async set(page) {
      await relief(page);
      await page.evaluate(() => Reflect.deleteProperty(globalThis, 'showDirectoryPicker'));
      // The choice is in a group that is closed, or behind a tab.
      await page.getByLabel('Write', { exact: true }).evaluate((select) => {
        (select as HTMLSelectElement).value = 'png';
        select.dispatchEvent(new Event('change', { bubbles: true }));
      });
      await press(page, '`');
      await page.locator('.over.recording .tag', { hasText: /^[1-9]/ }).waitFor();
    },
  },
  {
    name: 'view3d-formats',
    path: '3d#size=196&density=0.2',
    async set(page) {
      await relief(page);
      await page.getByRole('button', { name: 'More formats' }).click();
    },
  },
  {
    name: 'view3d-broken',
    path: '3d',
    async set(page) {
      const chooser = await chooserOf(page.getByRole('button', { name: 'Choose a picture' }));
      await chooser.setFiles({ name: 'a.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no') });
      await page.getByRole('heading', { name: 'This picture cannot be read' }).waitFor();
    },
  },
  {
    name: 'view3d-film',
    path: 'video#size=196&every=1',
    async set(page) {
      await film(page);
      await page.getByRole('link', { name: '3D' }).click();
      await drawn3d(page);
    },
  },
  {
    name: 'models',
    path: 'models',
    async set(page) {
      await page.locator('.badge', { hasText: 'In use' }).waitFor({ timeout: 60_000 });
      const chooser = await chooserOf(
        page.getByRole('button', { name: 'Choose file', exact: true }),
      );
      const buffer = Buffer.from('<!doctype html><title>404</title>');
      await chooser.setFiles({ name: 'my_finetune.pth', mimeType: '', buffer });
      await page.locator('.note.bad').waitFor();
    },
  },
  insight('attention', 'tool=attention', '.at[data-query] .blocks [aria-current]'),
  insight(
    'attention-below',
    'tool=attention&below=1&outline=1&direction=column',
    '.at[data-query$="column"] .blocks [aria-current]',
  ),
  insight(
    'attention-scrolled',
    'tool=attention&below=1&columns=1',
    '.at[data-query] .blocks [aria-current]',
    (page) => page.locator('.heads figure').last().scrollIntoViewIfNeeded(),
  ),
  insight('attention-windows', 'tool=attention&patch=13,2', '.at[data-query]', swinv2),
  insight('norms', 'tool=norms', '.tiles [aria-current]'),
  insight('norms-channel', 'tool=norms&fine=1&bars=0', '.tiles [aria-current]', async (page) => {
    await press(page, 'c', ']');
    await page.locator('.at[data-blocks$=" channel 1"]').waitFor({ timeout: PATIENCE });
  }),
  insight('keys', 'tool=norms', '.tiles [aria-current]', (page) => press(page, '?')),
  insight('fusion', 'tool=fusion', '.at[data-scales]'),
  insight('stages', 'tool=stages', '.at[data-tensor]'),
  insight(
    'stages-difference',
    'tool=stages&shown=difference&size=252&tensor=fused_1',
    '.at[data-tensor]',
    difference,
  ),
  insight('compare', 'tool=compare&size=252&otherSize=126', '.at[data-compared]'),
  insight('stopped', 'tool=norms', '.insight-task[data-state=running]', async (page) => {
    await stopWork(page);
    await page.locator('.insight-task[data-state=stopped]').waitFor();
  }),
  insight('time', 'tool=time&size=196', '.at[data-measured=true]'),
  insight('parity', 'tool=parity', '.at[data-state=passed]'),
  { name: 'about', path: 'about' },
  {
    name: 'about-figures',
    path: 'about',
    async set(page) {
      await page.getByRole('heading', { name: 'Move the numbers' }).evaluate((heading) => {
        heading.scrollIntoView();
      });
    },
  },
];

const sizes = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
] as const;

const sizeNames = sizes.map(({ width, height }) => `${width}x${height}`);
const schemes = ['light', 'dark'] as const;
const usage = `usage: npx tsx scripts/web_shots.ts [FOLDER [NAME …]] [options]
  FOLDER         where pictures go (default: output/web_shots)
  NAME           only scenes whose name contains it
  --size SIZE    ${sizeNames.join(' or ')} (default: both)
  --scheme NAME  ${schemes.join(' or ')} (default: both)
scenes: ${scenes.map(({ name }) => name).join(', ')}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string' },
    scheme: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
const [folder = 'output/web_shots', ...names] = positionals;
const named = (part: string): boolean => scenes.some(({ name }) => name.includes(part));
const wrong = [
  positionals.length > 0 && named(folder) && `${folder} names scenes; the folder comes first`,
  ...names.map((part) => !named(part) && `no scene's name contains ${part}`),
  values.size && !sizeNames.includes(values.size) && `no size ${values.size}`,
  values.scheme && !schemes.some((name) => name === values.scheme) && `no scheme ${values.scheme}`,
].find(Boolean);
if (values.help || wrong) {
  console.log(wrong ? `web_shots: ${wrong}\n${usage}` : usage);
  process.exit(wrong ? 2 : 0);
}

const output = resolve(folder);
mkdirSync(output, { recursive: true });
const wanted = scenes.filter(
  ({ name }) => names.length === 0 || names.some((part) => name.includes(part)),
);
const wantedSizes = sizes.filter((_, i) => !values.size || values.size === sizeNames[i]);
const wantedSchemes = schemes.filter((name) => !values.scheme || values.scheme === name);
for (const webgpu of [true, false]) {
  const some = wanted.filter((scene) => (scene.webgpu ?? true) === webgpu);
  if (some.length === 0) continue;
  const site = await openSite(webgpu ? {} : { webgpu });
  try {
    for (const scene of some) {
      for (const size of wantedSizes) {
        const page = await site.open(scene.path, size);
        page.setDefaultTimeout(PATIENCE);
        await scene.set?.(page, site);
        for (const scheme of wantedSchemes) {
          await page.emulateMedia({ colorScheme: scheme });
          // The last frame of the canvas, and folds that are on their way.
          await page.waitForTimeout(600);
          const file = `${scene.name}-${size.width}x${size.height}-${scheme}.png`;
          await page.screenshot({ path: join(output, file) });
          console.log(file);
        }
        await page.context().close();
      }
    }
    for (const complaint of site.complaints) console.error(complaint);
  } finally {
    await site.close();
  }
}
process.exit(0);

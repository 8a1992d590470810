// The 3D page in a real browser, on SwiftShader: from load to a surface; a control, keys, a drag and fingers that change what is drawn; every
// file by another reader; cuts and masks by the faces they leave; stereo by its pixels; a recording; the GPU process killed. Few faces: a
// software GPU draws them one by one. The camera's arithmetic is in view3d_camera.test.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validateBytes } from 'gltf-validator';
import type { Page } from 'playwright';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countOf, gridOf } from '../../apps/web/src/worker/view3d/grid.ts';
import { decodePicture, encodePng8 } from '../../packages/loaders/src/node.ts';
import { withFocalLength } from '../support/exif.ts';
import { openSite, type Site } from '../support/site.ts';
import { unzip } from '../support/unzip.ts';

let site: Site;
let page: Page;
beforeAll(async () => {
  site = await openSite();
  page = await site.open('3d#size=56&density=0.1', { width: 480, height: 720 });
});
afterAll(() => site?.close());

/** Of the sample and of the settings in the address above. */
const SIDES = { width: 800, height: 534 };
const ALL_FACES = countOf('triangles', gridOf(SIDES, 0.1));

const faces = (): Promise<string | null> =>
  page.locator('.work-3d .status b').first().textContent();
const drawn = async (): Promise<string> =>
  (await page.locator('#stage').screenshot()).toString('base64');
/** In the link; browsers tell of it a little later. */
const hash = (): string => new URL(page.url()).hash;
/** Its surface is there, whatever was before. */
const opened = (name: RegExp): Promise<void> =>
  page
    .getByRole('application', { name: new RegExp(`^3D view of ${name.source}, nearest at `) })
    .waitFor();
const gizmo = (): Promise<string> => page.locator('.gizmo svg').innerHTML();

async function changes(what: () => Promise<unknown>): Promise<void> {
  const before = await drawn();
  await what();
  await expect.poll(drawn).not.toBe(before);
}

/** Types into a number of the panel, which is folded into tabs on a screen this small. */
async function number(label: string, value: number): Promise<void> {
  const box = page.getByLabel(`${label}, number`, { exact: true });
  await box.evaluate((input, to) => {
    (input as HTMLInputElement).value = String(to);
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }, value);
}

async function save(
  label: string,
  timeout?: number,
): Promise<{ name: string; path: string; bytes: Buffer }> {
  await page.getByRole('button', { name: 'More formats' }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download', { timeout }),
    page.getByRole('menuitem', { name: label }).click(),
  ]);
  const path = await download.path();
  return { name: download.suggestedFilename(), path, bytes: readFileSync(path) };
}

const glbFaces = async (timeout?: number): Promise<number> => {
  const { issues, info } = await validateBytes((await save('Mesh, GLB', timeout)).bytes);
  expect(issues.numErrors).toBe(0);
  return info.totalTriangleCount;
};

test('a sample becomes a surface; a control, keys and a drag change it', async () => {
  await page.getByRole('button', { name: /a dog looks/ }).click();
  await expect.poll(faces).toMatch(/[1-9]/);
  await opened(/dog_\w+\.jpg/);
  await changes(() => number('Tilt', 20));
  await expect.poll(hash).toContain('tilt=20');
  await changes(() => page.locator('#stage').press('v'));
  await expect.poll(hash).toContain('depth=1');
  const before = await gizmo();
  await changes(() => page.locator('#stage').press('ArrowLeft'));
  expect(await gizmo()).not.toBe(before);
  // Once it rests, where one looks from is in the link.
  await expect.poll(hash).toContain('camera=0.2,');

  const stage = (await page.locator('#stage').boundingBox())!;
  const middle = { x: stage.x + stage.width / 2, y: stage.y + stage.height / 2 };
  const drag = async (button: 'left' | 'right'): Promise<void> => {
    await page.mouse.move(middle.x, middle.y);
    await page.mouse.down({ button });
    await page.mouse.move(middle.x + 60, middle.y + 20, { steps: 4 });
    await page.mouse.up({ button });
  };
  const turned = await gizmo();
  await changes(() => drag('left'));
  const after = await gizmo();
  expect(after).not.toBe(turned);
  // The other button moves, and the wheel zooms: nothing turns.
  await changes(() => drag('right'));
  await changes(() => page.mouse.wheel(0, 300));
  expect(await gizmo()).toBe(after);
  await changes(() => page.mouse.dblclick(middle.x, middle.y));
  for (const key of ['v', '0']) await page.locator('#stage').press(key);
  await number('Tilt', 0);
  await expect.poll(hash).not.toMatch(/tilt|camera|depth/);
});

test('each number of the panel is a setting of its own, and has a way back', async () => {
  const before = hash();
  const numbers = {
    ...{ Nearest: 40, Farthest: 90, 'Field of view': 60, Cut: 0.1, Mask: 0.3, Widen: 2 },
    ...{ Jitter: 0.5, Seed: 7, 'Point size': 3, Resolution: 0.5, 'Orbit centre': 0.7 },
    ...{ 'Eye distance': 0.5 },
  };
  for (const [label, value] of Object.entries(numbers)) await number(label, value);
  const link = () => Object.fromEntries(new URLSearchParams(hash().slice(1)));
  await expect.poll(link).toEqual({
    ...{ size: '56', density: '0.1', near: '0.4', far: '90', fov: '60', cut: '0.1', mask: '0.3' },
    ...{ wider: '2', jitter: '0.5', seed: '7', point: '3', resolution: '0.5', centre: '0.7' },
    ...{ eyes: '0.5' },
  });
  for (const label of Object.keys(numbers)) {
    await page
      .getByRole('button', { name: `Reset ${label.toLowerCase()}`, includeHidden: true })
      .evaluate((button) => (button as HTMLElement).click());
  }
  await expect.poll(hash).toBe(before);
});

test('a photo that knows its focal length brings its field of view', async () => {
  const fov = page.getByLabel('Field of view, number', { exact: true });
  expect(await fov.inputValue()).toBe('50°');
  const sample = readFileSync(join(import.meta.dirname, '../../examples/pictures/dog_indoor.jpg'));
  const buffer = withFocalLength(sample, 26);
  const open = async (name: string, bytes: Buffer): Promise<void> => {
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Open a picture' }).click(),
    ]);
    await chooser.setFiles({ name, mimeType: 'image/jpeg', buffer: bytes });
  };
  await open('phone.jpg', buffer);
  // 26 mm by the diagonal: of 3 to 2, 36 mm across.
  await expect.poll(() => fov.inputValue()).toBe('69°');
  expect(hash()).not.toContain('fov');
  // What is set by hand stays; reset leads back to what the photo says.
  await number('Field of view', 30);
  await expect.poll(hash).toContain('fov=30');
  await page
    .getByRole('button', { name: 'Reset field of view', includeHidden: true })
    .evaluate((button) => (button as HTMLElement).click());
  await expect.poll(() => fov.inputValue()).toBe('69°');
  // One that does not know takes it away.
  await open('dog_indoor.jpg', sample);
  // Until its surface is there, what waits lies over the stage.
  await opened(/dog_indoor\.jpg/);
  expect(await fov.inputValue()).toBe('50°');
  await expect.poll(hash).not.toContain('fov');
});

test('one finger turns; two move and zoom', async () => {
  const session = await page.context().newCDPSession(page);
  const stage = (await page.locator('#stage').boundingBox())!;
  const [x, y] = [stage.x + stage.width / 2, stage.y + stage.height / 2];
  type Point = readonly [x: number, y: number];
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: Point[]) =>
    session.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: points.map((point, id) => ({ x: point[0], y: point[1], id })),
    });
  const gesture = async (...frames: Point[][]): Promise<void> => {
    await touch('touchStart', ...frames[0]!);
    for (const points of frames.slice(1)) await touch('touchMove', ...points);
    await touch('touchEnd');
  };
  const before = await gizmo();
  await changes(() => gesture([[x, y]], [[x + 20, y]], [[x + 50, y + 10]]));
  const turned = await gizmo();
  expect(turned).not.toBe(before);
  const two = (dx: number, spread: number): Point[] => [
    [x - spread + dx, y],
    [x + spread + dx, y],
  ];
  await changes(() => gesture(two(0, 30), two(0, 45), two(0, 70)));
  await changes(() => gesture(two(0, 40), two(15, 40), two(40, 40)));
  expect(await gizmo()).toBe(turned);
  await page.locator('#stage').press('0');
});

describe('files', () => {
  test('GLB, PLY and OBJ have the same faces, with the picture', async () => {
    await number('Cut', 0);
    expect(await glbFaces()).toBe(ALL_FACES);

    const { bytes: ply } = await save('Mesh, PLY');
    const [, header] = /^(ply\n[\s\S]*?end_header\n)/.exec(ply.toString('latin1')) ?? [];
    const [, vertices] = /element vertex (\d+)/.exec(header!)!;
    expect(header).toContain(`element face ${ALL_FACES}`);
    expect(header!.match(/^property .*$/gm)).toEqual([
      ...['x', 'y', 'z', 's', 't'].map((property) => `property float ${property}`),
      ...['red', 'green', 'blue'].map((property) => `property uchar ${property}`),
      'property list uchar int vertex_indices',
    ]);
    expect(ply.length).toBe(header!.length + Number(vertices) * 23 + ALL_FACES * 13);

    const { name, path } = await save('Mesh, OBJ');
    expect(name).toBe('dog_indoor_obj.zip');
    const files = await unzip(path);
    expect([...files.keys()]).toEqual(['dog_indoor.obj', 'dog_indoor.mtl', 'dog_indoor.jpg']);
    const obj = files.get('dog_indoor.obj')!.toString();
    expect(obj.match(/^f /gm)).toHaveLength(ALL_FACES);
    expect(obj.match(/^v /gm)).toHaveLength(Number(vertices));
    expect(obj).toContain('mtllib dog_indoor.mtl');
    expect(files.get('dog_indoor.mtl')!.toString()).toContain('map_Kd dog_indoor.jpg');
    const jpeg = await decodePicture(files.get('dog_indoor.jpg')!, 'dog_indoor.jpg');
    expect([jpeg.width, jpeg.height]).toEqual([SIDES.width, SIDES.height]);
    // Distances lie between the sliders' ends: 50 and 100.
    const depths = [...obj.matchAll(/^v \S+ \S+ (\S+)$/gm)].map(([, z]) => -Number(z));
    expect(Math.min(...depths)).toBeGreaterThan(49.9);
    expect(Math.max(...depths)).toBeLessThan(100.1);
    expect(Math.max(...depths) - Math.min(...depths)).toBeGreaterThan(20);
  });

  test('distances in metres, as typed, along the axis or along rays', async () => {
    const vertices = async (): Promise<number[][]> => {
      const files = await unzip((await save('Mesh, OBJ')).path);
      const obj = files.get('dog_indoor.obj')!.toString();
      return [...obj.matchAll(/^v (\S+) (\S+) (\S+)$/gm)].map((v) => v.slice(1).map(Number));
    };
    const expectWithin = (values: number[]): void => {
      expect(Math.min(...values)).toBeCloseTo(2, 1);
      expect(Math.max(...values)).toBeCloseTo(8, 0);
      expect(Math.max(...values)).toBeLessThan(8.001);
    };
    for (const [label, value] of [
      ['Farthest, metres', '8'],
      ['Nearest, metres', '2'],
    ] as const) {
      await page.getByLabel(label).evaluate((input, to) => {
        (input as HTMLInputElement).value = to;
        input.dispatchEvent(new Event('change', { bubbles: true }));
      }, value);
    }
    expectWithin((await vertices()).map(([, , z]) => -z!));
    const rays = page.getByRole('switch', { name: 'Distances along rays', includeHidden: true });
    await changes(() => rays.evaluate((input) => (input as HTMLInputElement).click()));
    expectWithin((await vertices()).map((v) => Math.hypot(...v)));
    await changes(() => rays.evaluate((input) => (input as HTMLInputElement).click()));
  });

  test('depth and mask are PNG of the size of the map; the mask is dark where depth is steep', async () => {
    const { bytes } = await save('Depth, PNG of 16 bits');
    expect([bytes[24], bytes[25]]).toEqual([16, 0]);
    const depth = PNG.sync.read(bytes, { skipRescale: true });
    const mask = PNG.sync.read((await save('Mask, PNG')).bytes);
    expect([depth.width, depth.height]).toEqual([84, 56]);
    expect([mask.width, mask.height]).toEqual([84, 56]);
    const near = depth.data as unknown as Uint16Array;
    const steps: [steep: number, value: number][] = [];
    for (let y = 1; y < 55; y++) {
      for (let x = 1; x < 83; x++) {
        const at = (i: number, j: number): number => near[4 * (84 * j + i)]!;
        const steep = Math.hypot(at(x + 1, y) - at(x - 1, y), at(x, y + 1) - at(x, y - 1));
        steps.push([steep, mask.data[4 * (84 * y + x)]!]);
      }
    }
    steps.sort(([a], [b]) => a - b);
    const mean = (part: typeof steps): number =>
      part.reduce((sum, [, value]) => sum + value, 0) / part.length;
    const tenth = Math.floor(steps.length / 10);
    expect(mean(steps.slice(0, tenth))).toBeGreaterThan(240);
    expect(mean(steps.slice(-tenth))).toBeLessThan(mean(steps.slice(0, tenth)) - 60);
  });

  test('cut by ratio, by the edges’ mask and by a mask of one’s own', async () => {
    await number('Cut', 0.2);
    const byRatio = await glbFaces();
    expect(byRatio).toBeGreaterThan(0.3 * ALL_FACES);
    expect(byRatio).toBeLessThan(ALL_FACES);
    await number('Cut', 0);
    await number('Mask', 0.8);
    const byEdges = await glbFaces();
    expect(byEdges).toBeGreaterThan(0.1 * ALL_FACES);
    expect(byEdges).toBeLessThan(ALL_FACES);
    await number('Widen', 1);
    expect(await glbFaces()).toBeLessThan(byEdges);
    await number('Widen', 0);

    await page.getByRole('tab', { name: 'Edges' }).click();
    const half = new Uint8Array(64 * 48 * 3).map((_, i) => ((i / 3) % 64 < 32 ? 0 : 255));
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Choose a mask' }).click(),
    ]);
    const buffer = Buffer.from(encodePng8(half, 64, 48));
    await changes(() => chooser.setFiles({ name: 'half.png', mimeType: 'image/png', buffer }));
    await expect
      .poll(() => page.getByRole('switch', { name: 'Use my mask' }).isChecked())
      .toBe(true);
    expect((await glbFaces()) / ALL_FACES).toBeCloseTo(0.5, 1);
    // The key puts the edges' mask back, and the slider at nothing leaves all.
    await page.locator('#stage').press('m');
    expect(await glbFaces()).toBe(byEdges);
    await number('Mask', 0);
    expect(await glbFaces()).toBe(ALL_FACES);
  });
});

describe('stereo', () => {
  const view = async (): Promise<PNG> => PNG.sync.read((await save('This view, PNG')).bytes);
  const show = (value: string): Promise<void> =>
    page.getByLabel('Show', { exact: true }).evaluate((select, to) => {
      (select as HTMLSelectElement).value = to;
      select.dispatchEvent(new Event('change', { bubbles: true }));
    }, value);
  /** Mean difference of one channel with another picture, so many pixels to the right there, where both show the surface. */
  const differs = (a: PNG, b: PNG, channel: number, width = a.width, right = 0): number => {
    let [sum, count] = [0, 0];
    for (let y = 0; y < a.height; y++) {
      for (let x = 0; x < width; x++) {
        const i = 4 * (y * a.width + x);
        const j = i + 4 * right;
        // Lines on the ground are faint, and lie on nothing.
        if (a.data[i + 3] !== 255 || b.data[j + 3] !== 255) continue;
        sum += Math.abs(a.data[i + channel]! - b.data[j + channel]!);
        count++;
      }
    }
    expect(count).toBeGreaterThan(0.05 * width * a.height);
    return sum / count;
  };

  test('side by side: two views, alike and not the same', async () => {
    const one = await view();
    const { width, height } = (await page.locator('#stage').boundingBox())!;
    expect(Math.abs(one.width - width) + Math.abs(one.height - height)).toBeLessThan(2);
    await show('side');
    await number('Eye distance', 1);
    const two = await view();
    const half = Math.floor(two.width / 2);
    const apart = differs(two, two, 0, half, half);
    expect(apart).toBeGreaterThan(0.5);
    await number('Eye distance', 0);
    const same = await view();
    expect(differs(same, same, 0, half, half)).toBeLessThan(0.05);
  });

  test('red and cyan: with both eyes at one place the picture as it is, else red from the left', async () => {
    await show('off');
    const one = await view();
    await show('red');
    const together = await view();
    for (const channel of [0, 1, 2]) expect(differs(one, together, channel)).toBeLessThan(0.05);
    await number('Eye distance', 1);
    const apart = await view();
    for (const channel of [0, 1, 2]) expect(differs(one, apart, channel)).toBeGreaterThan(0.5);
    await show('off');
  });
});

/** A film of the view while it turns, as the browser's own player reads it. */
async function filmTurning(turns: number) {
  const begun = performance.now();
  await page.locator('#stage').focus();
  await page.keyboard.press('`');
  await page.getByRole('button', { name: 'Stop recording' }).waitFor();
  for (let i = 0; i < turns; i++) {
    await page.keyboard.press('ArrowRight');
    await page.waitForTimeout(100);
  }
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('`')]);
  expect(download.suggestedFilename()).toBe('dog_indoor_3d.mp4');
  const base64 = readFileSync(await download.path()).toString('base64');
  const facts = await page.evaluate(async (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const address = URL.createObjectURL(new Blob([bytes], { type: 'video/mp4' }));
    // A player of its own for each moment: one that is not shown may keep its picture.
    const at = async (share: number) => {
      const video = document.createElement('video');
      const once = (name: string) =>
        new Promise((resolve, reject) => {
          video.addEventListener(name, resolve, { once: true });
          video.addEventListener('error', () => reject(video.error), { once: true });
        });
      video.src = address;
      await once('loadeddata');
      video.currentTime = 0.001 + share * (video.duration - 0.02);
      await once('seeked');
      const context = new OffscreenCanvas(64, 48).getContext('2d')!;
      context.drawImage(video, 0, 0, 64, 48);
      const { videoWidth: width, videoHeight: height, duration } = video;
      return { data: [...context.getImageData(0, 0, 64, 48).data], width, height, duration };
    };
    const first = await at(0);
    const { data, width, height, duration } = await at(1);
    const sum = first.data.reduce((total, value, i) => total + Math.abs(value - data[i]!), 0);
    return { width, height, duration, difference: sum / data.length };
  }, base64);
  return { ...facts, wall: (performance.now() - begun) / 1000 };
}

test('what is drawn is recorded as a video', async () => {
  let facts = await filmTurning(8);
  // A busy machine may draw too few frames in that time.
  for (let turns = 16; turns < 200 && facts.duration <= 0.7; turns *= 2) {
    facts = await filmTurning(turns);
  }
  const stage = (await page.locator('#stage').boundingBox())!;
  expect(Math.abs(facts.width - stage.width) + Math.abs(facts.height - stage.height)).toBeLessThan(
    3,
  );
  expect([facts.width % 2, facts.height % 2]).toEqual([0, 0]);
  expect(facts.duration).toBeGreaterThan(0.7);
  expect(facts.duration).toBeLessThan(facts.wall);
  expect(facts.difference).toBeGreaterThan(1);
});

describe('what is drawn as frames', () => {
  const written = async (): Promise<number> =>
    Number.parseInt((await page.locator('.over.recording .tag').textContent()) ?? '', 10);
  const begin = async (): Promise<void> => {
    await page.locator('#stage').focus();
    await page.keyboard.press('`');
    await expect.poll(written).toBeGreaterThan(0);
  };
  const write = (what: string): Promise<void> =>
    page.getByLabel('Write', { exact: true }).evaluate((select, to) => {
      (select as HTMLSelectElement).value = to;
      select.dispatchEvent(new Event('change', { bubbles: true }));
    }, what);

  test('is a ZIP of PNG files, one for each view', async () => {
    // One ZIP in place of a question for a folder, which nobody answers here.
    await page.evaluate(() => Reflect.deleteProperty(globalThis, 'showDirectoryPicker'));
    await write('png');
    await begin();
    // What else has to be drawn meanwhile is in it too.
    for (let i = 0; i < 2; i++) {
      const before = await written();
      await page.keyboard.press('ArrowRight');
      await expect.poll(written).toBeGreaterThan(before);
    }
    const stopped = page.keyboard.press('Escape');
    const [download] = await Promise.all([page.waitForEvent('download'), stopped]);
    expect(download.suggestedFilename()).toBe('dog_indoor_3d_frames.zip');
    const files = await unzip(await download.path());
    const names = Array.from(
      { length: files.size },
      (_, i) => `dog_indoor_3d_${String(i + 1).padStart(8, '0')}.png`,
    );
    expect(files.size).toBeGreaterThanOrEqual(3);
    expect([...files.keys()]).toEqual(names);
    const [first, last] = [names[0], names.at(-1)].map((at) => PNG.sync.read(files.get(at!)!));
    const stage = (await page.locator('#stage').boundingBox())!;
    expect([first!.width, first!.height]).toEqual([stage.width, stage.height].map(Math.round));
    expect(first!.data.equals(last!.data)).toBe(false);
    // Nothing stands behind the surface.
    expect(first!.data.some((value, i) => i % 4 === 3 && value === 0)).toBe(true);
    expect(await page.locator('.over.recording').isVisible()).toBe(false);
  });

  test('is given up by the button beside the count', async () => {
    let downloads = 0;
    page.on('download', () => downloads++);
    await begin();
    await page.locator('.over.recording').getByRole('button', { name: 'Cancel' }).click();
    // It is read out as well, a little later.
    await page.locator('.toast', { hasText: 'Recording cancelled' }).waitFor();
    await page.getByRole('button', { name: 'Record the view' }).waitFor();
    expect(downloads).toBe(0);
    await write('video');
  });
});

test('when the GPU is reset while it draws the surface comes back as it was', async () => {
  await page.locator('#stage').press('0');
  const all = await glbFaces();
  const canvas = await page.locator('canvas.screen').elementHandle();
  const session = await site.browser.newBrowserCDPSession();
  // One view after the other, before and after: some of them are on their way when it goes.
  for (let i = 0; i < 20; i++) {
    await page.locator('#stage').press('ArrowLeft');
    if (i === 10) await session.send('Browser.crashGpuProcess');
  }
  // Another takes its place, once there is a device again.
  await canvas!.waitForElementState('hidden');
  await expect.poll(() => page.locator('.cover').innerText()).toBe('');
  // The map is computed again first; until then there is nothing to save.
  await expect.poll(() => glbFaces(10_000).catch(() => 0)).toBe(all);
  await changes(() => page.locator('#stage').press('ArrowLeft'));
  // The browser films the canvas where the worker cannot encode: the one from before the reset reads empty.
  await page.workers()[0]!.evaluate(() => Reflect.deleteProperty(globalThis, 'VideoEncoder'));
  await page.locator('#stage').press('`');
  await page.getByRole('button', { name: 'Stop recording' }).waitFor();
  for (let i = 0; i < 5; i++) await changes(() => page.locator('#stage').press('ArrowLeft'));
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('#stage').press('`'),
  ]);
  expect(readFileSync(await download.path()).length).toBeGreaterThan(10_000);
  expect(site.complaints).toEqual([]);
});

// What shows only while the page is in use: its main thread stays free while the worker computes, memory does not grow over a hundred runs,
// two tabs share the stored models. One browser on SwiftShader, small pictures.
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodePng8 } from '../../packages/loaders/src/node.ts';
import { dogPhoto as photo, settled } from '../support/image_page.ts';
import { tinyModel } from '../support/models.ts';
import { dropFile, openSite, type Site } from '../support/site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site?.close());

/** A task of the page's main thread, in milliseconds of processor time: a busy machine interrupts tasks that are short. */
interface Task {
  readonly cpu: number;
  /** It is one of ours, below, that the measurement has to see. */
  readonly marked: boolean;
}

/** Keeps the main thread busy in one task that the trace can tell from others. */
const busyTask = (page: Page): Promise<void> =>
  page.evaluate(() => {
    performance.mark('busy');
    for (let at = performance.now(), work = 0; performance.now() - at < 400; work++) {
      document.title = `${work % 2}`;
    }
  });

/** Every task of the page's main thread while `work` runs, between two that are too long. */
async function tasksDuring(page: Page, work: () => Promise<void>): Promise<Task[]> {
  await site.browser.startTracing(page, { categories: ['toplevel', 'blink.user_timing'] });
  await busyTask(page);
  await work();
  await busyTask(page);
  const { traceEvents } = JSON.parse((await site.browser.stopTracing()).toString()) as {
    traceEvents: readonly {
      name: string;
      pid: number;
      tid: number;
      ts: number;
      dur?: number;
      tdur?: number;
    }[];
  };
  const marks = traceEvents.filter(({ name }) => name === 'busy');
  return traceEvents
    .filter(
      ({ name, pid, tid }) =>
        name === 'ThreadControllerImpl::RunTask' &&
        marks.some((mark) => mark.pid === pid && mark.tid === tid),
    )
    .map(({ ts, dur = 0, tdur = 0 }) => ({
      cpu: tdur / 1000,
      marked: marks.some((mark) => ts <= mark.ts && mark.ts <= ts + dur),
    }));
}

test('no task of the page takes 50 ms while the worker computes', async () => {
  const page = await site.open('#size=84');
  await page.getByText('Drop a photo here').waitFor();
  await settled(page, () => dropFile(page, 'dog.jpg', photo, 'image/jpeg'));
  let tasks: Task[] = [];
  // A renderer may begin to trace after the browser said so. A trace without both marks has not seen everything, and says nothing.
  for (let tries = 0; tries < 5 && tasks.filter(({ marked }) => marked).length < 2; tries++) {
    tasks = await tasksDuring(page, async () => {
      for (const key of [']', ']', 'r', 'h', 'c', 'ArrowUp', 'b', 'a', '[', '[']) {
        await settled(page, () => page.locator('#stage').press(key));
      }
      await page.getByRole('button', { name: 'More formats' }).click();
      await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('menuitem', { name: 'Mesh, GLB' }).click(),
      ]);
    });
  }
  const cpu = (marked: boolean) =>
    tasks.filter((task) => task.marked === marked).map((task) => task.cpu);
  expect(cpu(true).length).toBe(2);
  for (const busy of cpu(true)) expect(busy).toBeGreaterThan(50);
  expect(cpu(false).length).toBeGreaterThan(100);
  expect(Math.max(...cpu(false))).toBeLessThan(50);
  await page.context().close();
});

/** Two pictures of different sizes, so that each run uploads another photo into a recording of its own. */
function pictures(): Buffer[] {
  return [
    [300, 200],
    [200, 260],
  ].map(([width = 1, height = 1]) => {
    const rgb = Uint8Array.from(
      { length: 3 * width * height },
      (_, i) => (7 * (Math.floor(i / 3) % width) + 3 * Math.floor(i / 3 / width)) % 256,
    );
    return Buffer.from(encodePng8(rgb, width, height));
  });
}

interface Memory {
  /** Buffers of the engine, and the photo: what the page says. */
  readonly gpu: string | null;
  /** Bytes of JavaScript, after a collection. */
  readonly page: number;
  readonly worker: number;
  /** Resident bytes of the process that computes, where the system says. */
  readonly gpuProcess: number;
}

/** Measures a page, its worker and the GPU's process, as often as it is called. The protocol hands messages to workers on as text. */
async function memoryProbe(page: Page): Promise<() => Promise<Memory>> {
  const browser = await site.browser.newBrowserCDPSession();
  const session = await page.context().newCDPSession(page);
  const attached = new Promise<string>((resolve) =>
    session.once('Target.attachedToTarget', ({ sessionId }) => resolve(sessionId)),
  );
  await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false });
  const sessionId = await attached;
  const answers = new Map<number, unknown>();
  session.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message) as { id?: number; result: unknown };
    if (id !== undefined) answers.set(id, result);
  });
  let asked = 0;
  const askWorker = async (method: string): Promise<unknown> => {
    const id = ++asked;
    const message = JSON.stringify({ id, method });
    await session.send('Target.sendMessageToTarget', { sessionId, message });
    await expect.poll(() => answers.has(id)).toBe(true);
    return answers.get(id);
  };
  return async () => {
    const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
    const gpu = processInfo.find(({ type }) => type === 'GPU')!;
    const resident = Number(readFileSync(`/proc/${gpu.id}/statm`, 'utf8').split(' ')[1]);
    await session.send('HeapProfiler.collectGarbage');
    await askWorker('HeapProfiler.collectGarbage');
    const worker = (await askWorker('Runtime.getHeapUsage')) as { usedSize: number };
    return {
      gpu: await page.locator('.status span', { hasText: 'on the GPU' }).textContent(),
      page: (await session.send('Runtime.getHeapUsage')).usedSize,
      worker: worker.usedSize,
      gpuProcess: 4096 * resident,
    };
  };
}

test.runIf(process.platform === 'linux')(
  'memory is flat over 100 runs',
  async () => {
    // A small window: the browser keeps what it composes the page from, megabytes per frame of a large one, until it is idle.
    const page = await site.open('#size=28', { width: 480, height: 360 });
    await page.getByText('Drop a photo here').waitFor();
    const [wide, tall] = pictures();
    await settled(page, () => dropFile(page, 'wide.png', wide!, 'image/png'));
    await settled(page, () => dropFile(page, 'tall.png', tall!, 'image/png'));
    const runs = async (): Promise<number> =>
      Number(await page.locator('html').getAttribute('data-runs'));
    const next = async (): Promise<void> => {
      const before = await runs();
      await page.locator('#stage').press('ArrowRight');
      await expect.poll(runs, { interval: 20 }).toBe(before + 1);
    };
    const memory = await memoryProbe(page);
    for (let i = 0; i < 40; i++) await next();
    const before = await memory();
    for (let i = 0; i < 100; i++) await next();
    const after = await memory();
    const MB = 1e6;
    expect(after.gpu).toBe(before.gpu);
    expect(after.page - before.page).toBeLessThan(1 * MB);
    expect(after.worker - before.worker).toBeLessThan(1 * MB);
    // 100 photos with their smaller copies would be 29 MB.
    expect(after.gpuProcess - before.gpuProcess).toBeLessThan(15 * MB);
    await page.context().close();
  },
  300_000,
);

test('two tabs compute at once, and one at a time writes a model', async () => {
  const one = await site.open('#size=56');
  const two = await one.context().newPage();
  await two.goto(`${site.server.address}#size=56`);
  for (const tab of [one, two]) await tab.getByText('Drop a photo here').waitFor();
  await Promise.all(
    [one, two].map((tab) => settled(tab, () => dropFile(tab, 'dog.jpg', photo, 'image/jpeg'))),
  );

  let answer = (): void => {};
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await one.context().route('https://huggingface.co/**', async (route) => {
    await held;
    await route.fulfill({
      headers: { 'access-control-allow-origin': '*' },
      body: readFileSync(tinyModel),
    });
  });
  const key = 'depth_anything_v2_vitb_hf.safetensors';
  const row = (tab: Page) => tab.locator(`li[data-key="${key}"]`);
  const download = row(one).getByRole('button', { name: 'Download' });
  await one.getByRole('link', { name: 'Models' }).click();
  await one.getByRole('button', { name: 'Show all published models' }).click();
  await download.click();
  await row(one).getByRole('button', { name: 'Pause' }).waitFor();
  await two.getByRole('link', { name: 'Models' }).click();
  await row(two).getByText('Another tab is downloading this.').waitFor();
  expect(await row(two).getByRole('button').count()).toBe(0);
  answer();
  await row(one).getByText('Stored').waitFor();
  await two.reload();
  for (const tab of [one, two]) {
    await row(tab).getByRole('button', { name: 'Use' }).click();
    await row(tab).getByText('In use').waitFor();
  }
  await one.context().close();
  site.complaints.splice(0);
});

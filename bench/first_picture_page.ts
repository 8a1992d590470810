import type { Page } from 'playwright';
import { openSite } from '../test/support/site.ts';

/** Seconds by the clock of the page, of one visit in a browser that has not been here. */
interface Visit {
  /** From asking for the page until it is painted. */
  readonly loaded: number;
  /** From a click on a sample, as soon as that is painted, to its map: device, model, kernels, photo, map. */
  readonly map: number;
  /** The second sample, for which nothing is compiled. */
  readonly second: number;
}

/**
 * A first depth map on the built site in Chromium, with more flags for it: visits, in their order. The first is that of a
 * browser which was just started, and has yet to compile what it draws pages with.
 */
export async function visitPage(runs: number, flags: readonly string[]): Promise<Visit[]> {
  const site = await openSite({ flags });
  const visits: Visit[] = [];
  try {
    for (let run = 0; run < runs; run++) {
      // Another storage, another worker, another device: what is kept is the browser alone.
      const page = await site.open();
      await page.waitForLoadState();
      await page.locator('.samples button').first().waitFor();
      // Nobody clicks on what is not painted yet.
      const painted = await page.waitForFunction(
        () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
      );
      const loaded = (await painted.jsonValue()) ?? 0;
      const map = await mapAfter(page, '.samples button', 0);
      const second = await mapAfter(page, '.thumbs button', 1);
      visits.push({ loaded: loaded / 1000, map: map / 1000, second: second / 1000 });
      await page.context().close();
    }
  } finally {
    await site.close();
  }
  return visits;
}

/** Milliseconds from a click on one of some buttons to the next map. */
function mapAfter(page: Page, buttons: string, index: number): Promise<number> {
  return page.evaluate(
    ([selector, at]) =>
      new Promise<number>((resolve) => {
        const since = performance.now();
        const { dataset } = document.documentElement;
        const { runs } = dataset;
        new MutationObserver((_, observer) => {
          if (dataset.runs === runs) return;
          observer.disconnect();
          resolve(performance.now() - since);
        }).observe(document.documentElement, { attributeFilter: ['data-runs'] });
        document.querySelectorAll<HTMLButtonElement>(selector)[at]?.click();
      }),
    [buttons, index] as const,
  );
}

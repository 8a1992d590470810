import type { Page } from 'playwright';
import { openSite } from '../test/support/site.ts';

/** Seconds by the clock of the page, of one visit in a browser that has not been here. */
interface Visit {
  /** From asking for the page to its drop zone. */
  readonly loaded: number;
  /** From there to the map of a sample that is clicked at once: device, model, kernels, photo, map. */
  readonly map: number;
  /** The second sample, for which nothing is compiled. */
  readonly second: number;
}

/** A first depth map on the built site in Chromium: visits, the quickest first. */
export async function visitPage(runs: number): Promise<Visit[]> {
  const site = await openSite({ flags: (process.env.FLAGS ?? '').split(' ').filter(Boolean) });
  const visits: Visit[] = [];
  try {
    for (let run = 0; run < runs; run++) {
      // Another storage, another worker, another device: what is kept is the browser alone.
      const page = await site.open();
      await page.locator('.samples button').first().waitFor();
      const loaded = await page.evaluate(
        () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
      );
      const map = await mapAfter(page, '.samples button', 0);
      const second = await mapAfter(page, '.thumbs button', 1);
      visits.push({ loaded: loaded / 1000, map: map / 1000, second: second / 1000 });
      await page.context().close();
    }
  } finally {
    await site.close();
  }
  return visits.sort((a, b) => a.map - b.map);
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

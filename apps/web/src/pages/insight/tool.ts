import type { ColourMap } from '@dpt-webgpu/dpt';
import { colourMaps } from '@dpt-webgpu/dpt';
import type { App } from '../../app.ts';
import { h } from '../../dom.ts';
import type { KeyCommand } from '../../keys.ts';
import type { Settings } from '../../settings.ts';
import { selectField } from '../../ui/choice.ts';
import type { Control } from '../../ui/control.ts';
import type { Group } from '../../ui/group.ts';
import type { Box, InsightFacts } from '../../worker/insight/insight_calls.ts';
import type { InsightRunner } from './insight_runner.ts';
import type { InsightSettings, ToolId } from './insight_settings.ts';
import { gradient } from './paint.ts';

/** What every tool is made from. */
export interface ToolContext {
  readonly app: App;
  readonly settings: Settings<InsightSettings>;
  readonly runner: InsightRunner;
  /** The tool is in front: answers for another one are not asked for. */
  readonly isShown: (tool: ToolId) => boolean;
}

export interface SavedFile {
  readonly blob: Blob;
  readonly name: string;
}

/** One way to look into the model. */
export interface Tool {
  readonly id: ToolId;
  readonly title: string;
  /** The box of figure 1 that opens it. */
  readonly box: Box | undefined;
  readonly element: HTMLElement;
  readonly groups: readonly Group[];
  readonly status: HTMLElement;
  /** The model, the photo or the size is another, or the tool comes to the front. */
  update(): void;
  /** What Save gives: a picture, the numbers, or both. */
  readonly save?: () => Promise<readonly SavedFile[]>;
}

/** A colour bar with its ends, and the choice of the map. */
export function colourField(settings: Settings<InsightSettings>): {
  readonly elements: readonly HTMLElement[];
  readonly setEnds: (low: string, high: string) => void;
} {
  const bar = h('div', { class: 'legend' });
  const ends = [h('span', {}, '–'), h('span', {}, '–')] as const;
  const choice: Control<ColourMap> = selectField<ColourMap>({
    label: 'Map',
    options: colourMaps.map((map) => ({
      value: map,
      label: map[0]!.toUpperCase() + map.slice(1),
    })),
    value: settings.value.map,
    onChange: (map) => settings.change({ map }),
  });
  settings.store.watch(({ map }) => {
    choice.set(map);
    gradient(bar, map);
  });
  return {
    elements: [
      bar,
      h('div', { class: 'row caption' }, ends[0], h('span', { class: 'grow' }), ends[1]),
      choice.element,
    ],
    setEnds(low, high) {
      ends[0].textContent = low;
      ends[1].textContent = high;
    },
  };
}

/** How many pictures stand beside each other: as the style sheet says, or what the visitor chose. */
export function showColumns(element: HTMLElement, columns: number): void {
  element.style.gridTemplateColumns = columns > 0 ? `repeat(${columns}, minmax(0, 1fr))` : '';
  element.classList.toggle('laid-out', columns > 0);
}

/** Space presses the button that has the focus, and does nothing else then. */
export const pressesButton = ({ key, target }: KeyboardEvent): boolean =>
  key === ' ' && target instanceof HTMLButtonElement;

/** Another block, as far as there are some. While nobody knows how many, the model being loaded again say, it is taken as it is. */
export const steppedBlock = (block: number, by: number, facts: InsightFacts | undefined): number =>
  Math.min(Math.max(block + by, 0), (facts?.blocks.length ?? Number.POSITIVE_INFINITY) - 1);

/** The original's keys for it: fewer and more columns than are there now. */
export function columnKeys(
  settings: Settings<InsightSettings>,
  what: string,
  shown: () => HTMLElement | undefined,
): readonly KeyCommand[] {
  const step = (by: number) => (): boolean => {
    const element = shown();
    if (!element) return false;
    const now = getComputedStyle(element).gridTemplateColumns.split(' ').length;
    settings.change({ columns: Math.min(Math.max(now + by, 1), 12) });
    return true;
  };
  const common = { pages: ['insight'], original: true } as const;
  return [
    { ...common, keys: [','], action: `${what}: fewer beside each other`, run: step(-1) },
    { ...common, keys: ['.'], action: `${what}: more beside each other`, run: step(1) },
  ];
}

/** Lines of names and values; the first cell of a line says what the others are of. */
export function table(
  label: string,
  head: readonly string[],
  rows: readonly (readonly (string | Node)[])[],
): HTMLTableElement {
  return h(
    'table',
    { class: 'facts', 'aria-label': label },
    head.length > 0 &&
      h(
        'thead',
        {},
        h('tr', {}, ...head.map((text) => (text ? h('th', { scope: 'col' }, text) : h('td', {})))),
      ),
    h(
      'tbody',
      {},
      ...rows.map(([name, ...cells]) =>
        h('tr', {}, h('th', { scope: 'row' }, name), ...cells.map((cell) => h('td', {}, cell))),
      ),
    ),
  );
}

/** The last of several calls in a row, when the one before is done: what a slider asks while it moves. */
export function latest(work: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const go = async (): Promise<void> => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        await work();
      } while (again);
    } finally {
      running = false;
    }
  };
  return () => void go();
}

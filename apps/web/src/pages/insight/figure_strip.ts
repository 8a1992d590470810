import { h, setAttribute, setStyle, setText } from '../../dom.ts';
import type { Engine } from '../../engine/engine.ts';
import { icon } from '../../icons.ts';
import { type Box, boxes, type InsightFacts } from '../../worker/insight/insight_calls.ts';
import type { ModelState } from '../../worker/model_calls.ts';
import { boxTitles } from './box_titles.ts';
import type { InsightRunner } from './insight_runner.ts';
import { shortTime } from './time_tool.ts';

/** Figure 1 as navigation: each box with its time, its share, and what it makes. */
export function makeFigureStrip(
  { model }: Pick<Engine, 'model'>,
  runner: InsightRunner,
  open: (box: Box) => void,
): { readonly element: HTMLElement; setCurrent(box: Box | undefined): void } {
  const made = boxes.map((box) => {
    const words = h('span', { class: 'caption nowrap' }, '\u00a0');
    const fill = h('i');
    const button = h(
      'button',
      { class: 'stage-box', type: 'button', dataset: { box } },
      h('b', { class: 'nowrap' }, boxTitles[box]),
      words,
      h('span', { class: 'progress', 'aria-hidden': 'true' }, fill),
    );
    button.addEventListener('click', () => open(box));
    return { box, button, words, fill };
  });
  const arrow = (): HTMLElement =>
    h('div', { class: 'arrow', 'aria-hidden': 'true' }, icon('right', true));
  const element = h(
    'nav',
    { class: 'figure', 'aria-label': 'Figure 1, the model from photo to depth' },
    ...made.flatMap(({ button }, i) => (i === 0 ? [button] : [arrow(), button])),
  );
  const show = (): void => {
    const facts = runner.facts.value;
    const timing = runner.timing.value;
    const loaded = shareLoaded(model.value);
    made.forEach(({ box, words, fill }, i) => {
      const time = timing?.boxes.find((entry) => entry.box === box)?.milliseconds;
      const fact = facts ? factOf(box, facts) : '\u00a0';
      setText(words, time === undefined ? fact : `${shortTime(time)} · ${fact}`);
      const share = timing && time !== undefined ? time / timing.total : 0;
      // While weights are on their way the boxes fill from left to right.
      const filled = Math.min(Math.max(loaded * made.length - i, 0), 1);
      setStyle(fill, '--v', `${100 * (share || filled)}%`);
    });
  };
  model.watch(show);
  runner.facts.watch(show);
  runner.timing.watch(show);
  runner.busy.watch((text) => element.classList.toggle('busy', text !== ''));
  return {
    element,
    setCurrent(current) {
      for (const { box, button } of made) {
        setAttribute(button, 'aria-current', box === current ? 'true' : undefined);
      }
    },
  };
}

function shareLoaded(state: ModelState): number {
  if (state.state !== 'loading' || !state.bytes) return 0;
  const { done, total } = state.bytes;
  return total > 0 ? done / total : 0;
}

function factOf(box: Box, { grid, blocks, width, height }: InsightFacts): string {
  switch (box) {
    case 'patch_embed':
      return `${grid[1]} × ${grid[0]} patches`;
    case 'encoder':
      return `${blocks.length} blocks`;
    case 'reassemble':
      return '4 maps';
    case 'fusion':
      return '4 blocks';
    case 'head':
      return `${width} × ${height}`;
  }
}

import { fill, h, setStyle, setText } from '../../dom.ts';
import { group } from '../../ui/group.ts';
import { bytesText, pixelsText, plural, timeText } from '../../words.ts';
import { boxTitles } from './box_titles.ts';
import { type Tool, type ToolContext, table } from './tool.ts';

/** `0.42 ms`: steps are short, so that whole milliseconds say little. */
export const shortTime = (milliseconds: number): string =>
  milliseconds < 10 ? `${milliseconds.toFixed(2)}\u202fms` : timeText(milliseconds);

/** Where the time and the memory go: by box of figure 1, by op, and step by step. */
export function makeTimeTool({ app, settings, runner, isShown }: ToolContext): Tool {
  const byBox = h('div', { class: 'card sheet' });
  const byOp = h('div', { class: 'card sheet' });
  const slow = h('div', { class: 'card sheet' });
  const element = h('div', { class: 'at sheets' }, byBox, byOp, slow);
  const said = h('span', {});
  const status = h('div', { class: 'status' }, said);
  const again = h('button', { class: 'btn', type: 'button' }, 'Measure again');
  again.addEventListener('click', () => void runner.measure());
  const summary = h('div');
  const words = h('p', { class: 'caption' });
  const groups = [group({ id: 'time', title: 'This run' }, summary, again, words)];

  const bar = (share: number): HTMLElement => {
    const fillIn = h('i');
    setStyle(fillIn, '--v', `${100 * share}%`);
    const label = `${Math.round(100 * share)} %`;
    return h('span', { class: 'progress', role: 'img', 'aria-label': label }, fillIn);
  };

  const draw = (): void => {
    const facts = runner.facts.value;
    if (!facts) return;
    const timing = runner.timing.value;
    const timeOf = new Map(timing?.boxes.map(({ box, milliseconds }) => [box, milliseconds]));
    const peak = Math.max(...facts.plan.map(({ peakBytes }) => peakBytes));
    fill(
      byBox,
      h('h3', {}, 'By box of figure 1'),
      table(
        'Time and memory by box of figure 1',
        ['Box', 'Time', 'Share', 'Weights', 'In use', 'Of the most', 'Steps'],
        facts.plan.map(({ box, weightBytes, peakBytes, dispatches }) => {
          const time = timeOf.get(box);
          return [
            boxTitles[box],
            time === undefined ? '…' : shortTime(time),
            bar(timing && time ? time / timing.total : 0),
            bytesText(weightBytes),
            bytesText(peakBytes),
            bar(peakBytes / peak),
            String(dispatches),
          ];
        }),
      ),
    );
    const weights = facts.plan.reduce((sum, { weightBytes }) => sum + weightBytes, 0);
    fill(
      summary,
      table(
        'This run',
        [],
        [
          ['All steps', timing ? shortTime(timing.total) : '…'],
          ['Steps', String(facts.plan.reduce((sum, { dispatches }) => sum + dispatches, 0))],
          ['Weights', bytesText(weights)],
          ['Buffers of a run', bytesText(facts.planBytes)],
          ['Input', pixelsText(facts.width, facts.height)],
        ],
      ),
    );
    setText(
      words,
      timing?.clock === 'wall'
        ? 'This device has no timestamps, so each step is timed from outside, with the wait for it.'
        : 'Each step runs in a pass of its own between two timestamps of the GPU. Whole runs are faster.',
    );
    setText(
      said,
      timing
        ? `${plural(
            facts.plan.reduce((sum, { dispatches }) => sum + dispatches, 0),
            'step',
          )} in ${shortTime(timing.total)}`
        : runner.busy.value || 'Not measured yet',
    );
    element.dataset.measured = String(timing !== undefined);
    byOp.hidden = slow.hidden = !timing;
    if (!timing) return;
    fill(
      byOp,
      h('h3', {}, 'By op'),
      table(
        'Time by op',
        ['Op', 'Steps', 'Time', 'Share'],
        timing.ops.map(({ op, milliseconds, count }) => [
          op,
          String(count),
          shortTime(milliseconds),
          bar(milliseconds / timing.total),
        ]),
      ),
    );
    fill(
      slow,
      h('h3', {}, 'Longest steps'),
      table(
        'Longest steps',
        ['Step', 'Time'],
        timing.slowest.map(({ label, milliseconds }) => [label, shortTime(milliseconds)]),
      ),
    );
  };
  runner.timing.watch((timing) => {
    draw();
    if (timing && isShown('time')) {
      app.announce.say(`Every step timed: ${shortTime(timing.total)}`);
    }
  });
  runner.busy.watch((text) => {
    again.disabled = text !== '';
    draw();
  });

  return {
    id: 'time',
    title: 'Time and memory',
    box: undefined,
    element,
    groups,
    status,
    update() {
      draw();
      if (isShown('time') && !runner.timing.value) void runner.measure();
    },
    async save() {
      const { timing, facts } = { timing: runner.timing.value, facts: runner.facts.value };
      if (!timing || !facts) return [];
      const { plan, planBytes, width, height, model } = facts;
      const text = JSON.stringify(
        { model, width, height, ...timing, plan, planBytes },
        undefined,
        2,
      );
      return [{ name: `timing_${settings.value.size || 'base'}.json`, blob: new Blob([text]) }];
    },
  };
}

import { h, setText } from '../../dom.ts';
import type { Announcer } from '../../ui/announcer.ts';
import { progressBar } from '../../ui/progress.ts';
import type { InsightRunner } from './insight_runner.ts';

/** Before that, an answer is on its way that nobody waits for. */
const PATIENCE = 1000;

/** What takes long, how far it is, and how to stop it; once stopped, how to go on. */
export function makeTaskRow(
  runner: InsightRunner,
  announce: Pick<Announcer, 'say' | 'remark'>,
  goOn: () => void,
): HTMLElement {
  const words = h('span', { class: 'nowrap' });
  const bar = progressBar('Progress');
  const button = h('button', { class: 'btn', type: 'button' });
  const element = h(
    'div',
    { class: 'toast insight-task', hidden: true },
    words,
    bar.element,
    button,
  );
  button.addEventListener('click', () => {
    if (runner.stopped.value) goOn();
    else runner.stop();
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = (): void => {
    const task = runner.task.value;
    const stopped = runner.stopped.value;
    element.dataset.state = task ? 'running' : stopped ? 'stopped' : 'idle';
    bar.element.hidden = !task;
    bar.set(task?.share);
    setText(words, task?.label ?? 'Stopped');
    bar.element.setAttribute('aria-label', task?.label ?? 'Stopped');
    setText(button, stopped ? 'Go on' : 'Stop');
    if (!task) {
      clearTimeout(timer);
      timer = undefined;
      element.hidden = !stopped;
    } else {
      timer ??= setTimeout(() => {
        element.hidden = false;
        // The answer before, which may wait its turn, is what was asked for.
        announce.remark(`${runner.task.value?.label}. Escape stops it.`);
      }, PATIENCE);
    }
  };
  runner.task.watch(show);
  runner.stopped.watch((stopped) => {
    show();
    if (stopped) announce.say('Stopped');
  });
  return element;
}

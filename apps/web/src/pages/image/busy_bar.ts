import { h } from '../../dom.ts';
import { progressBar } from '../../ui/progress.ts';
import type { ImageRunner } from './image_runner.ts';
import type { Save } from './save.ts';

interface BusyBar {
  readonly element: HTMLElement;
  readonly on: boolean;
  /** Shows itself after a moment: what is quick never does. */
  begin(): void;
  /** 0…1; undefined when nobody knows. */
  set(share: number | undefined): void;
  end(): void;
}

/** A thin bar at the top of the stage, and a way to stop what it stands for. */
function busyBar(label: string, stop: () => void): BusyBar {
  const bar = progressBar(label);
  const cancel = h('button', { class: 'btn', type: 'button', hidden: true }, 'Cancel');
  cancel.addEventListener('click', stop);
  const element = h('div', { class: 'run-bar', hidden: true }, bar.element, cancel);
  let timers: ReturnType<typeof setTimeout>[] = [];
  bar.set(undefined);
  return {
    element,
    get on() {
      return timers.length > 0;
    },
    begin() {
      timers = [
        setTimeout(() => {
          element.hidden = false;
        }, 300),
        setTimeout(() => {
          cancel.hidden = false;
        }, 1000),
      ];
    },
    set: bar.set,
    end() {
      for (const timer of timers) clearTimeout(timer);
      timers = [];
      element.hidden = true;
      cancel.hidden = true;
    },
  };
}

/** While an old result waits for a new one. */
export function makeRunBar(runner: ImageRunner): HTMLElement {
  const bar = busyBar('Depth map', () => runner.cancelRun());
  runner.run.watch((now) => {
    if (now.state !== 'running') {
      bar.end();
      return;
    }
    const { progress } = now;
    // Of a single run nobody knows how far it is.
    const known = progress && progress.total > (progress.step === 'run' ? 1 : 0);
    bar.set(known ? progress.done / progress.total : undefined);
    if (!bar.on && runner.facts.value) bar.begin();
  });
  return bar.element;
}

/** While a file is made. */
export function makeSaveBar({ work }: Save): HTMLElement {
  const bar = busyBar('File', () => work.value?.abort());
  work.watch((now) => {
    bar.end();
    if (now) bar.begin();
  });
  return bar.element;
}

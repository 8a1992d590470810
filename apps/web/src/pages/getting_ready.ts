import type { App } from '../app.ts';
import { type Child, h, setText } from '../dom.ts';
import { icon } from '../icons.ts';
import { Pace } from '../ui/pace.ts';
import { progressBar } from '../ui/progress.ts';
import { bytesText, partOfBytesText } from '../words.ts';
import type { ModelState } from '../worker/model_calls.ts';

/** How far the first run is. */
export interface FirstRun {
  readonly step: 'compile' | 'run';
  readonly done: number;
  readonly total: number;
}

export interface GettingReady {
  readonly element: HTMLElement;
  update(run: FirstRun | undefined): void;
}

/** The way to the first map: device, model, kernels, map. Each has its room from the start. */
export function makeGettingReady({ engine }: App, cancel: () => void): GettingReady {
  const rows = ['GPU found', 'Model', 'Compile', 'First depth map'].map((name) => {
    const mark = h('span', {});
    const words = h('span', {}, name);
    const detail = h('span', { class: 'quiet' });
    return { row: h('li', { class: 'todo' }, mark, words, detail), mark, words, detail };
  });
  const bar = progressBar('Model');
  rows[1]!.row.append(bar.element);
  const note = h('span', { class: 'caption' });
  const button = h('button', { class: 'btn', type: 'button' }, 'Cancel');
  button.addEventListener('click', () => {
    // The small model is there in a moment; waiting for another is what is given up.
    const { value } = engine.model;
    const waits = value.state === 'loading' && value.source.kind !== 'bundled';
    if (waits) void engine.call('model.stop', undefined);
    cancel();
  });
  const element = h(
    'div',
    { class: 'box', role: 'group', 'aria-label': 'Getting ready' },
    h('h2', {}, 'Getting ready'),
    h('ol', { class: 'steps' }, ...rows.map(({ row }): Child => row)),
    h('div', { class: 'row' }, button, note),
  );
  const state = (index: number, done: boolean, active: boolean, detail: string): void => {
    const { row, mark, detail: place } = rows[index]!;
    const wanted = done ? 'done' : active ? 'active' : 'todo';
    if (row.dataset.state !== wanted) {
      row.dataset.state = wanted;
      row.className = wanted;
      mark.replaceChildren(done ? icon('check') : h('span', { class: 'ring' }));
    }
    setText(place, detail);
  };
  let pace = new Pace();
  return {
    element,
    update(run) {
      const gpu = engine.gpu.value;
      const model = engine.model.value;
      const gpuDone = gpu.state === 'ready';
      state(0, gpuDone, !gpuDone, gpuDone ? gpu.info.name : '');
      const modelDone = model.state === 'ready';
      const bytes = model.state === 'loading' ? model.bytes : undefined;
      if (!bytes) pace = new Pace();
      state(1, modelDone, gpuDone && !modelDone, modelDetail(model, bytes && pace.at(bytes.done)));
      bar.element.hidden = !bytes;
      if (bytes) bar.set(bytes.done / bytes.total);
      const { compiled, detail, total, runs } = compileDetail(run);
      setText(rows[2]!.words, total > 0 ? `Compile ${total} kernels` : 'Compile');
      state(2, compiled, modelDone && !compiled, detail);
      state(3, false, compiled, runs);
      const stored = engine.info?.source.kind === 'bundled' || model.state === 'loading';
      setText(note, stored ? 'Next time it opens from this device.' : '');
    },
  };
}

function modelDetail(model: ModelState, rate: number | undefined): string {
  if (model.state === 'ready') return bytesText(model.info.weightBytes);
  if (model.state !== 'loading' || !model.bytes) return '';
  const { done, total } = model.bytes;
  return partOfBytesText(done, total) + (rate ? `, ${bytesText(rate)}/s` : '');
}

function compileDetail(run: FirstRun | undefined): {
  compiled: boolean;
  detail: string;
  total: number;
  runs: string;
} {
  if (!run) return { compiled: false, detail: '', total: 0, runs: '' };
  const { step, done, total } = run;
  const words = `${done} of ${total}`;
  if (step === 'compile') return { compiled: false, detail: words, total, runs: '' };
  return { compiled: true, detail: '', total: 0, runs: total > 1 ? words : '' };
}

import { fill, h, setText } from '../../dom.ts';
import { icon } from '../../icons.ts';
import { choiceField } from '../../ui/choice.ts';
import { chooseFiles } from '../../ui/files.ts';
import { group } from '../../ui/group.ts';
import { plural, timeText } from '../../words.ts';
import { boxes, type NamedBlob, type ParityReport } from '../../worker/insight/insight_calls.ts';
import { boxTitles } from './box_titles.ts';
import { mapCanvas, showPicture } from './paint.ts';
import { type Tool, type ToolContext, table } from './tool.ts';

export interface ParityTool extends Tool {
  /** Golden tensors, with the file of their model where it is not the one in use. */
  takeFiles(files: readonly File[]): void;
}

type Dtype = ParityReport['dtype'];

/** Golden tensors of PyTorch against this browser's own GPU: the error at every box of figure 1. */
export function makeParityTool({ app, settings, runner, isShown }: ToolContext): ParityTool {
  const verdict = h('div', { class: 'verdict', role: 'status' });
  const cards = h('div', { class: 'parity-boxes' });
  const detail = h('div', { class: 'card sheet' });
  const element = h('div', { class: 'at sheets' }, verdict, cards, detail);
  const said = h('span', {});
  const status = h('div', { class: 'status' }, said);

  let dtype: Dtype = 'f32';
  let given: readonly File[] = [];
  let report: ParityReport | undefined;
  let running = false;

  const precision = choiceField<Dtype>({
    label: 'Precision',
    options: [
      { value: 'f32', label: 'f32' },
      { value: 'f16', label: 'f16' },
    ],
    value: dtype,
    onChange: (value) => {
      dtype = value;
      void run();
    },
  });
  const noHalf = h('p', { class: 'caption' }, 'This device has no half precision.');
  const again = h('button', { class: 'btn', type: 'button' }, 'Run again');
  const choose = h('button', { class: 'btn', type: 'button' }, 'Choose golden files');
  const bundled = h(
    'button',
    { class: 'btn', type: 'button', hidden: true },
    'Back to the fixture',
  );
  again.addEventListener('click', () => void run());
  choose.addEventListener('click', () => {
    void chooseFiles({ accept: '.safetensors,.pth,.pt', multiple: true }).then((files) => {
      if (files.length > 0) takeFiles(files);
    });
  });
  bundled.addEventListener('click', () => {
    given = [];
    void run();
  });
  const groups = [
    group(
      { id: 'parity', title: 'Golden tensors' },
      h(
        'p',
        { class: 'small quiet' },
        'A small Depth Anything V2 with random weights, and what PyTorch made of two pictures with it. They come with the site: 2.5\u202fMB, fetched now.',
      ),
      precision.element,
      noHalf,
      again,
    ),
    group(
      { id: 'parity-own', title: 'Your own' },
      h(
        'p',
        { class: 'small quiet' },
        'Drop a .safetensors file with pixel_values, depth and any of tokens_in, stage_1 to 4, reassembled_1 to 4, fused_1 to 4, together with the file of the model, unless that is the one in use.',
      ),
      choose,
      bundled,
    ),
  ];
  app.engine.gpu.watch((state) => {
    const half = state.state === 'ready' && state.info.f16;
    precision.element.hidden = !half;
    noHalf.hidden = half || state.state !== 'ready';
  });

  const run = async (): Promise<void> => {
    if (running) return;
    running = true;
    again.disabled = true;
    runner.failure.set(undefined);
    const golden = given.filter(({ name }) => isGolden(name));
    const model = given.find(({ name }) => !isGolden(name));
    const named = (file: File): NamedBlob => ({ blob: file, name: file.name });
    element.dataset.state = 'running';
    setText(verdict, 'Running the golden tensors on this GPU …');
    const answer = await runner.ask(
      'insight.parity',
      { model: model && named(model), golden: golden.map(named), dtype, map: settings.value.map },
      {
        onProgress: ({ done, total }) =>
          setText(said, `File ${Math.min(done + 1, total)} of ${total}`),
      },
    );
    running = false;
    again.disabled = false;
    bundled.hidden = given.length === 0;
    if (!answer) {
      element.dataset.state = 'failed';
      setText(verdict, 'The golden tensors did not run.');
      return;
    }
    report = answer;
    show(answer);
  };

  const show = ({ adapter, model, rows, time, dtype: of }: ParityReport): void => {
    const failed = rows.filter(({ passed }) => !passed);
    const good = failed.length === 0 && rows.length > 0;
    element.dataset.state = good ? 'passed' : 'missed';
    fill(
      verdict,
      icon(good ? 'check' : 'warning'),
      h(
        'div',
        {},
        h(
          'h2',
          {},
          good
            ? `This GPU computes what PyTorch computes`
            : `${plural(failed.length, 'tensor')} of ${rows.length} beyond the tolerance`,
        ),
        h(
          'p',
          { class: 'quiet' },
          `${adapter} · ${of} · ${model} · ${plural(rows.length, 'tensor')} in ${timeText(time)}`,
        ),
      ),
    );
    verdict.classList.toggle('bad', !good);
    fill(
      cards,
      ...boxes.map((box) => {
        const inside = rows.filter((row) => row.box === box);
        // Tokens enter the encoder as the patch embedding made them, so that tokens_in speaks for both.
        const judged =
          inside.length > 0
            ? inside
            : box === 'patch_embed'
              ? rows.filter(({ name }) => name === 'tokens_in')
              : [];
        const worst = Math.max(0, ...judged.map(({ error }) => error));
        const passed = judged.every((row) => row.passed);
        return h(
          'div',
          {
            class: 'card parity-box',
            dataset: { box, passed: judged.length === 0 ? 'none' : String(passed) },
          },
          h('b', {}, boxTitles[box]),
          h('span', { class: 'value' }, judged.length > 0 ? errorText(worst) : '–'),
          judged.length === 0
            ? h('span', { class: 'badge' }, 'not in the files')
            : h('span', { class: passed ? 'badge good' : 'badge bad' }, passed ? 'pass' : 'fail'),
        );
      }),
    );
    fill(
      detail,
      h('h3', {}, 'max|error| / standard deviation, tensor by tensor'),
      table(
        'Error of each tensor',
        ['File', 'Tensor', 'Shape', 'Where', 'Error', 'Allowed', 'Result'],
        rows.map(({ file, name, shape, error, allowed, passed, where }) => [
          file,
          name,
          shape.join(' × '),
          errorMap(name, where),
          errorText(error),
          errorText(allowed),
          h('span', { class: passed ? 'badge good' : 'badge bad' }, passed ? 'pass' : 'fail'),
        ]),
      ),
    );
    setText(said, `${rows.length - failed.length} of ${rows.length} tensors within the tolerance`);
    app.announce.say(good ? 'All golden tensors pass.' : `${failed.length} golden tensors fail.`);
  };

  const takeFiles = (files: readonly File[]): void => {
    given = files;
    void run();
  };

  return {
    id: 'parity',
    title: 'Parity',
    box: undefined,
    element,
    groups,
    status,
    takeFiles,
    update() {
      if (isShown('parity') && !report && app.engine.gpu.value.state === 'ready') void run();
    },
    async save() {
      if (!report) return [];
      // Pictures of the differences are for the eye.
      const rows = report.rows.map(({ where: _, ...row }) => row);
      const text = JSON.stringify(
        { ...report, rows, userAgent: navigator.userAgent },
        undefined,
        2,
      );
      return [{ name: 'parity.json', blob: new Blob([text], { type: 'application/json' }) }];
    },
  };
}

/** Where a tensor differs: the length of the difference at each place, from none to the largest. */
function errorMap(name: string, where: ImageBitmap): HTMLElement {
  const canvas = mapCanvas(`Where ${name} differs`);
  canvas.classList.add('where');
  showPicture(canvas, where);
  return canvas;
}

/** Inputs and results are named so in the fixtures; anything else is a model. */
const isGolden = (name: string): boolean => /^(io|golden)[_-]/i.test(name);

const errorText = (error: number): string =>
  Number.isFinite(error) ? error.toExponential(1) : 'not a number';

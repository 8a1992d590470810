import { type ManifestEntry, manifest } from '@dpt-webgpu/cli/manifest';
import type { Family } from '@dpt-webgpu/dpt';
import type { App, Page } from '../../app.ts';
import { type Child, fill, h, setStyle, setText } from '../../dom.ts';
import { useModel, usualOptions } from '../../engine/default_model.ts';
import { icon } from '../../icons.ts';
import { why } from '../../ui/card.ts';
import { choiceField, selectField } from '../../ui/choice.ts';
import { confirmDialog, showDialog } from '../../ui/dialog.ts';
import { chooseFiles } from '../../ui/files.ts';
import type { MenuItem } from '../../ui/menu.ts';
import { progressBar } from '../../ui/progress.ts';
import { bytesText, plural } from '../../words.ts';
import type { ModelOptions, ModelSource, Precision } from '../../worker/model_calls.ts';
import { ModelLibrary, type RowNote, type Transfer } from './model_library.ts';
import { familyNames, pagesMayFetch, titleOfEntry } from './model_rows.ts';

export interface ModelsPage extends Page {
  openFile(file: File): Promise<void>;
  /** For the list below the model chip. */
  menu(): readonly (MenuItem | 'line')[];
}

const BUNDLED = 'dpt_tiny.safetensors';
const BUNDLED_TITLE = 'Small demonstration model';
/** Shown before somebody asks for all: one per purpose. */
const FIRST = ['v2-small', 'v2-base', 'metric-indoor-small', 'metric-outdoor-small'];

/** Which models there are, what they cost, and what is kept on this device. */
export function makeModelsPage(app: App): ModelsPage {
  const { engine } = app;
  const library = new ModelLibrary(app);
  let all = false;

  const choose = async (): Promise<void> => {
    const [file] = await chooseFiles({ accept: '.safetensors,.pth,.pt,.ckpt,.bin' });
    if (file) await library.openFile(file);
  };
  const list = h('ul', { class: 'card list' });
  const more = h('ul', { class: 'card list' });
  const showAll = h('button', { class: 'btn', type: 'button' }, 'Show all published models');
  showAll.addEventListener('click', () => {
    all = true;
    show();
    more.querySelector<HTMLElement>('button')?.focus();
  });

  const element = h(
    'main',
    { class: 'scroll', id: 'stage', tabindex: -1 },
    h(
      'div',
      { class: 'cols' },
      h(
        'div',
        { class: 'stack' },
        h(
          'div',
          {},
          h('h1', {}, 'Models'),
          h(
            'p',
            { class: 'quiet' },
            'Files are read on this device and stay on it. Nothing is uploaded.',
          ),
        ),
        h(
          'div',
          { class: 'drop' },
          icon('upload'),
          h(
            'div',
            {},
            h('b', {}, 'Drop a model file here'),
            h(
              'div',
              { class: 'small quiet' },
              '.pth, .pt or .safetensors of Depth Anything V1, V2, MiDaS 3 or 3.1',
            ),
          ),
          h(
            'button',
            { class: 'btn main', type: 'button', on: { click: () => void choose() } },
            'Choose file',
          ),
        ),
        list,
        h('h2', {}, 'Get more'),
        more,
        showAll,
      ),
      h('div', { class: 'side' }, deviceCard(app), storageCard(library)),
    ),
  );

  const optionsOf = (file: string): ModelOptions => ({
    ...usualOptions,
    precision: engine.info?.options.precision ?? 'auto',
    ...library.state.value.stored.models.find((model) => model.file === file)?.options,
  });
  const inUse = (source: ModelSource): boolean => {
    const now = engine.info?.source;
    if (!now || now.kind !== source.kind) return false;
    if (now.kind === 'stored' && source.kind === 'stored') return now.file === source.file;
    return now.kind === 'file' && source.kind === 'file'
      ? now.file.name === source.file.name
      : true;
  };
  const context: RowContext = { app, library, inUse, optionsOf };

  const show = (): void => {
    const { stored, transfers, notes, files, looking } = library.state.value;
    const rows: HTMLElement[] = [
      row(context, {
        key: BUNDLED,
        title: BUNDLED_TITLE,
        detail: [bytesText(4_286_354), 'f16', 'MIT', 'comes with the page'],
        source: { kind: 'bundled' },
        note: notes.get(BUNDLED),
        transfer: undefined,
        busy: looking === BUNDLED,
      }),
    ];
    for (const { file, title, bytes, partial, licence } of stored.models) {
      const entry = manifest.find((known) => known.file === file);
      rows.push(
        row(context, {
          key: file,
          title: title ?? (entry ? titleOfEntry(entry) : file),
          detail: [
            ...(title ? [file] : []),
            partial?.total
              ? `${bytesText(bytes)} of ${bytesText(partial.total)}`
              : bytesText(bytes),
            licence ?? entry?.licence ?? 'from your disk',
          ],
          source: partial ? undefined : { kind: 'stored', file },
          note: notes.get(file),
          transfer: transfers.get(file),
          busy: looking === file,
          paused: partial !== undefined,
          stored: true,
        }),
      );
    }
    const isStored = (name: string): boolean => stored.models.some(({ file }) => file === name);
    for (const [name, file] of files) {
      if (isStored(name)) continue;
      rows.push(
        row(context, {
          key: name,
          title: name,
          detail: [bytesText(file.size), 'from your disk'],
          source: { kind: 'file', file },
          note: notes.get(name),
          transfer: transfers.get(name),
          busy: looking === name,
          removable: true,
        }),
      );
    }
    replaceRows(list, rows);

    const offered = manifest.filter(
      (entry) =>
        !isStored(entry.file) &&
        (all || FIRST.includes(entry.name) || transfers.has(entry.file) || notes.has(entry.file)),
    );
    replaceRows(
      more,
      offered.map((entry) =>
        offer(context, entry, notes.get(entry.file), transfers.get(entry.file)),
      ),
    );
    showAll.hidden = all;
  };
  library.state.watch(show);
  engine.model.watch(show);
  engine.gpu.watch(show);
  // The chip's list needs it before this page is seen.
  void library.refresh().catch(() => {});

  return {
    element,
    show: () => void library.refresh().catch(() => {}),
    openFile: (file) => library.openFile(file),
    dropText: () => 'Load this model',
    menu() {
      const use = (source: ModelSource, key: string) => () => {
        app.go('image');
        void library.use(key, source, optionsOf(key)).then(() => {
          // A question or a warning stands beside the model's row.
          if (library.state.value.notes.has(key)) app.go('models');
        });
      };
      const stored = library.state.value.stored.models.filter(({ partial }) => !partial);
      return [
        {
          label: BUNDLED_TITLE,
          detail: bytesText(4_286_354),
          checked: inUse({ kind: 'bundled' }),
          run: use({ kind: 'bundled' }, BUNDLED),
        },
        ...stored.map(({ file, title, bytes }): MenuItem => {
          const entry = manifest.find((known) => known.file === file);
          return {
            label: title ?? (entry ? titleOfEntry(entry) : file),
            detail: bytesText(bytes),
            checked: inUse({ kind: 'stored', file }),
            run: use({ kind: 'stored', file }, file),
          };
        }),
        'line',
        { label: 'Get more', run: () => app.go('models') },
      ];
    },
  };
}

interface RowContext {
  readonly app: App;
  readonly library: ModelLibrary;
  readonly inUse: (source: ModelSource) => boolean;
  readonly optionsOf: (file: string) => ModelOptions;
}

interface Row {
  readonly key: string;
  readonly title: string;
  readonly detail: readonly string[];
  /** Absent while it is not whole. */
  readonly source: ModelSource | undefined;
  readonly note: RowNote | undefined;
  readonly transfer: Transfer | undefined;
  readonly busy: boolean;
  readonly paused?: boolean;
  readonly stored?: boolean;
  readonly removable?: boolean;
}

function row(context: RowContext, of: Row): HTMLElement {
  const { app, library, inUse, optionsOf } = context;
  const { key, title, detail, source, note, transfer, paused } = of;
  const model = app.engine.model.value;
  const used = source !== undefined && inUse(source);
  const noGpu = app.engine.gpu.value.state === 'failed';
  const actions: Child[] = [];
  if (transfer) actions.push(...transferActions(library, key, transfer));
  else {
    if (of.stored || of.removable) {
      actions.push(iconButton('trash', `Remove ${title}`, () => void library.remove(key)));
    }
    if (paused) actions.push(button('Resume', () => library.resume(key)));
    else if (
      source &&
      !used &&
      note?.kind !== 'ask' &&
      !(of.removable && note?.kind === 'failed')
    ) {
      const use = button(
        of.busy ? 'Reading …' : 'Use',
        () => void library.use(key, source, optionsOf(key)),
      );
      use.disabled = of.busy || noGpu;
      actions.push(use);
    }
  }
  const loading = used && model.state === 'loading';
  return h(
    'li',
    { class: 'm', dataset: { key } },
    h(
      'div',
      { class: 'name' },
      h('span', {}, title),
      used && h('span', { class: 'badge good' }, loading ? 'Loading' : 'In use'),
      of.stored &&
        !used &&
        !transfer &&
        h('span', { class: 'badge' }, paused ? 'Paused' : 'Stored'),
      note?.kind === 'failed' && h('span', { class: 'badge bad' }, 'Cannot be used'),
      note?.kind === 'big' &&
        h('span', { class: 'badge warn' }, `Too big at ${note.inspection.needs.size}`),
    ),
    h('div', { class: 'small quiet' }, detail.join(' · ')),
    h('div', { class: 'acts' }, ...actions),
    transfer && transferRow(title, transfer),
    note && noteRow(context, key, note),
  );
}

/** A published model that is not on this device. */
function offer(
  { app, library }: RowContext,
  entry: ManifestEntry,
  note: RowNote | undefined,
  transfer: Transfer | undefined,
): HTMLElement {
  const title = titleOfEntry(entry);
  const gpu = app.engine.gpu.value;
  const size = entry.bytes ?? entry.about;
  const tooBig = gpu.state === 'ready' && size > gpu.info.budget;
  const get = pagesMayFetch(entry)
    ? button('Download', () => void library.download(entry))
    : h(
        'a',
        {
          class: 'btn',
          href: entry.page,
          target: '_blank',
          rel: 'noreferrer',
          title: 'This server lets no page fetch its files. Download it there and drop it here.',
        },
        'Open its page',
      );
  return h(
    'li',
    { class: 'm', dataset: { key: entry.file } },
    h(
      'div',
      { class: 'name' },
      h('span', {}, title),
      tooBig && h('span', { class: 'badge warn' }, 'Too big for this device'),
    ),
    h(
      'div',
      { class: 'small quiet' },
      `${entry.bytes ? '' : 'about '}${bytesText(size)} · ${licenceText(entry.licence)}`,
    ),
    h(
      'div',
      { class: 'acts' },
      ...(transfer ? transferActions(library, entry.file, transfer) : [get]),
    ),
    transfer && transferRow(title, transfer),
    note?.kind === 'failed' && failedNote(note.failure, []),
  );
}

const licenceText = (licence: string): string =>
  licence.replace(/\s*\((.*)\)$/, ', $1').replace('unknown: see the page', 'licence: see its page');

function transferActions(library: ModelLibrary, key: string, { what }: Transfer): Child[] {
  if (what === 'copy') return [button('Cancel', () => library.stop(key))];
  return [
    button('Pause', () => library.stop(key)),
    iconButton('cross', 'Cancel download', () => void library.remove(key)),
  ];
}

function transferRow(title: string, { bytes, rate, what }: Transfer): HTMLElement {
  const { done, total } = bytes;
  const bar = progressBar(what === 'download' ? 'Downloaded' : 'Copied');
  bar.set(total > 0 ? done / total : undefined);
  const left =
    rate && total > 0 ? `, ${Math.max(1, Math.round((total - done) / rate))} s left` : '';
  return h(
    'div',
    {
      class: 'full',
      role: 'group',
      'aria-label': `${what === 'download' ? 'Download' : 'Copy'} of ${title}`,
    },
    bar.element,
    h(
      'div',
      { class: 'row caption' },
      h('span', {}, total > 0 ? `${bytesText(done)} of ${bytesText(total)}` : bytesText(done)),
      h('span', { class: 'grow' }),
      h('span', {}, rate ? `${bytesText(rate)}/s${left}` : ''),
    ),
  );
}

function noteRow({ library }: RowContext, key: string, note: RowNote): HTMLElement {
  if (note.kind === 'failed') {
    return failedNote(note.failure, [
      button('Choose another file', () => {
        void chooseFiles({ accept: '.safetensors,.pth,.pt,.ckpt,.bin' }).then(([file]) => {
          if (file) void library.openFile(file);
        });
      }),
    ]);
  }
  const { source, inspection, options } = note;
  if (note.kind === 'big') {
    const { needs, proposed, summary } = inspection;
    return h(
      'div',
      { class: 'full note' },
      icon('warning'),
      h(
        'span',
        {},
        `Needs about ${bytesText(needs.bytes)} at ${needs.size} px. This device is good for about ${bytesText(needs.available)}.`,
      ),
      h(
        'div',
        { class: 'row wrap' },
        proposed &&
          button(
            `Use at ${proposed.size} px`,
            () => void library.useSmaller(key, source, options, proposed.size),
          ),
        button('Why?', () => {
          void showDialog(
            'Why?',
            h('p', {}, summary),
            h(
              'p',
              {},
              `A photo of 3:2 reaches the network as ${needs.width} × ${needs.height}. Weights and what lies between the steps take ${bytesText(needs.bytes)}, and the largest single buffer ${bytesText(needs.largestBuffer)}.`,
            ),
            proposed
              ? h('p', {}, `At ${proposed.size} px it is ${bytesText(proposed.bytes)}.`)
              : h('p', {}, 'No size of this model fits.'),
          );
        }),
      ),
    );
  }
  return askNote(library, key, note);
}

function failedNote(failure: Parameters<typeof why>[0], actions: readonly Child[]): HTMLElement {
  return h(
    'div',
    { class: 'full note bad' },
    icon('warning'),
    h('span', {}, failure.message, failure.remedy ? ` ${failure.remedy}` : ''),
    h(
      'div',
      { class: 'row wrap' },
      ...actions,
      ...why(failure).map(({ label, run }) => button(label, run)),
    ),
  );
}

/** What a file cannot say: which of the families that look alike it is, and how far a metric one reaches. */
function askNote(library: ModelLibrary, key: string, note: RowNote & { kind: 'ask' }): HTMLElement {
  const { inspection, source } = note;
  let { family = inspection.family, maxDepth = inspection.maxDepth ?? 20 } = note.options;
  const depth = choiceField({
    label: 'Range in metres',
    options: [
      { value: '20', label: '20, indoors' },
      { value: '80', label: '80, outdoors' },
    ],
    value: String(maxDepth),
    onChange: (text) => {
      maxDepth = Number(text);
    },
  });
  const families = selectField<Family>({
    label: 'Family',
    options: inspection.families.map((value) => ({ value, label: familyNames[value] })),
    value: family,
    onChange: (chosen) => {
      family = chosen;
      showDepth();
    },
  });
  const showDepth = (): void => {
    depth.element.hidden = family !== 'depth_anything_v2_metric';
  };
  showDepth();
  return h(
    'div',
    { class: 'full note' },
    icon('info'),
    h('span', {}, 'The weights do not say which of these they are.'),
    h(
      'div',
      { class: 'asks' },
      families.element,
      depth.element,
      h(
        'div',
        { class: 'row' },
        button('Use', () => {
          const metric = family === 'depth_anything_v2_metric';
          void library.answer(key, source, {
            ...note.options,
            family,
            maxDepth: metric ? maxDepth : undefined,
          });
        }),
      ),
    ),
  );
}

function deviceCard(app: App): HTMLElement {
  const { engine } = app;
  const facts = h('dl', {});
  const used = h('dd', {}, '–');
  const precision = choiceField<Precision>({
    label: 'Precision',
    options: [
      { value: 'auto', label: 'Auto' },
      { value: 'f16', label: 'f16' },
      { value: 'f32', label: 'f32' },
    ],
    value: 'auto',
    onChange: (chosen) => {
      const { info } = engine;
      if (info)
        void useModel(engine, info.source, { ...info.options, precision: chosen }).catch(() => {});
    },
  });
  engine.gpu.watch((state) => {
    if (state.state !== 'ready') {
      const words = { opening: 'opening …', lost: 'was reset', failed: 'none' }[state.state];
      fill(facts, h('dt', {}, 'GPU'), h('dd', {}, words));
      return;
    }
    const { name, f16, subgroups, largestBuffer, budget } = state.info;
    const rows: readonly (readonly [string, string])[] = [
      ['GPU', name],
      ['Half precision (f16)', f16 ? 'yes' : 'no'],
      ['Subgroups', subgroups ? 'yes' : 'no'],
      ['Largest buffer', bytesText(largestBuffer)],
      ['Memory to plan with', bytesText(budget)],
    ];
    fill(
      facts,
      ...rows.flatMap(([term, value]) => [h('dt', {}, term), h('dd', {}, value)]),
      h('dt', {}, 'In use now'),
      used,
    );
    const half = [...precision.element.querySelectorAll('button')][1]!;
    half.disabled = !f16;
    half.title = f16 ? '' : 'This GPU has no shader-f16';
  });
  engine.model.watch((state) => {
    if (state.state !== 'ready') return;
    precision.set(state.info.options.precision);
    void engine.call('gpu.memory', undefined).then(
      (bytes) => setText(used, bytesText(bytes)),
      () => setText(used, '–'),
    );
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'device' },
    h('h3', { id: 'device' }, 'This device'),
    facts,
    precision.element,
  );
}

function storageCard(library: ModelLibrary): HTMLElement {
  const bar = h('div', { class: 'store', role: 'img' });
  const words = h('p', { class: 'small quiet' });
  const clear = h(
    'button',
    { class: 'btn danger', type: 'button' },
    icon('trash', true),
    'Clear all stored models',
  );
  clear.addEventListener('click', async () => {
    const { used } = library.state.value.stored;
    const text = `${bytesText(used)}. They must be loaded again.`;
    if (await confirmDialog('Remove all stored models?', text, { yes: 'Remove', no: 'Keep' })) {
      await library.clear();
    }
  });
  library.state.watch(({ stored }) => {
    const { models, used, quota, available } = stored;
    fill(
      bar,
      ...models.map(({ bytes, file }) => {
        const part = h('i', { title: file });
        setStyle(part, 'width', `${quota > 0 ? Math.max(0.5, (100 * bytes) / quota) : 0}%`);
        return part;
      }),
    );
    bar.setAttribute('aria-label', `${bytesText(used)} of ${bytesText(quota)} used`);
    if (!available) setText(words, 'This window gives the page no room to keep files.');
    else {
      fill(
        words,
        h('b', {}, bytesText(used)),
        ` of ${bytesText(quota)} this site may use, in ${plural(models.length, 'file')}`,
      );
    }
    clear.disabled = models.length === 0;
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'storage' },
    h('h3', { id: 'storage' }, 'Stored on this device'),
    bar,
    words,
    clear,
  );
}

/** New rows in place of the old, with the focus where it was: it may be on a button of a row that only got a number. */
function replaceRows(list: HTMLElement, rows: readonly HTMLElement[]): void {
  const active = document.activeElement;
  const focused = list.contains(active) ? active : null;
  const key = focused?.closest<HTMLElement>('[data-key]')?.dataset.key;
  const label = focused?.getAttribute('aria-label') ?? focused?.textContent;
  // A menu that is being chosen from must not go away.
  if (focused instanceof HTMLSelectElement) return;
  list.replaceChildren(...rows);
  if (!key) return;
  const buttons =
    rows.find(({ dataset }) => dataset.key === key)?.querySelectorAll<HTMLElement>('button, a') ??
    [];
  const same = [...buttons].find(
    (other) => (other.getAttribute('aria-label') ?? other.textContent) === label,
  );
  (same ?? buttons[0])?.focus();
}

const button = (label: string, run: () => void): HTMLButtonElement =>
  h('button', { class: 'btn', type: 'button', on: { click: run } }, label);

const iconButton = (name: 'trash' | 'cross', label: string, run: () => void): HTMLButtonElement =>
  h(
    'button',
    {
      class: 'btn icon bare',
      type: 'button',
      'aria-label': label,
      title: label,
      on: { click: run },
    },
    icon(name),
  );

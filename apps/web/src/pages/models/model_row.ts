import type { ManifestEntry } from '@dpt-webgpu/cli/manifest';
import type { Family } from '@dpt-webgpu/dpt';
import type { App } from '../../app.ts';
import { type Child, h } from '../../dom.ts';
import { icon } from '../../icons.ts';
import { button, iconButton } from '../../ui/button.ts';
import { why } from '../../ui/card.ts';
import { choiceField, selectField } from '../../ui/choice.ts';
import { showDialog } from '../../ui/dialog.ts';
import { chooseFiles } from '../../ui/files.ts';
import { progressBar } from '../../ui/progress.ts';
import { bytesText, partOfBytesText, pixelsText, timeText } from '../../words.ts';
import type {
  Bytes,
  Forecast,
  ModelOptions,
  ModelSource,
  Needs,
} from '../../worker/model_calls.ts';
import { MODEL_FILES, type ModelLibrary, type RowNote, type Transfer } from './model_library.ts';
import { familyNames, pagesMayFetch, titleOfEntry } from './model_names.ts';

/** What all rows need of the page. */
export interface RowContext {
  readonly app: App;
  readonly library: ModelLibrary;
  readonly inUse: (source: ModelSource) => boolean;
  readonly optionsOf: (file: string) => ModelOptions;
}

export interface Row {
  readonly key: string;
  readonly title: string;
  readonly detail: readonly Child[];
  /** Absent while it is not whole. */
  readonly source: ModelSource | undefined;
  readonly note: RowNote | undefined;
  readonly transfer: Transfer | undefined;
  readonly busy: boolean;
  readonly paused?: boolean;
  /** Another tab is writing it. */
  readonly elsewhere?: boolean;
  readonly stored?: boolean;
  readonly removable?: boolean;
}

/** A model of this device: in use, stored, on its way, asked about, or wrong. */
export function row(context: RowContext, of: Row): HTMLElement {
  const { app, library, inUse, optionsOf } = context;
  const { key, title, detail, source, note, transfer, paused } = of;
  const model = app.engine.model.value;
  const used = source !== undefined && inUse(source);
  const loading = used && model.state === 'loading' ? model : undefined;
  const noGpu = app.engine.gpu.value.state === 'failed';
  const actions: Child[] = [];
  if (transfer) actions.push(...transferActions(library, key, transfer));
  else if (loading) {
    actions.push(button('Cancel', () => void app.engine.call('model.stop', undefined)));
  } else {
    const speed = used ? app.engine.speed : undefined;
    if (speed) {
      const words = `${timeText(speed.time)} at ${speed.size}`;
      actions.push(h('span', { class: 'caption nowrap' }, words));
    }
    if (!of.elsewhere && (of.stored || of.removable)) {
      actions.push(iconButton('trash', `Remove ${title}`, () => void library.remove(key)));
    }
    if (of.elsewhere)
      actions.push(h('span', { class: 'small quiet' }, 'Another tab is downloading this.'));
    else if (paused) actions.push(button('Resume', () => library.resume(key)));
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
      if (!of.busy) use.setAttribute('aria-label', `Use ${title}`);
      use.disabled = of.busy || noGpu;
      if (noGpu) use.title = NO_GPU;
      actions.push(use);
    }
  }
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
        h('span', { class: 'badge' }, of.elsewhere ? 'On its way' : paused ? 'Paused' : 'Stored'),
      note?.kind === 'failed' && h('span', { class: 'badge bad' }, 'Cannot be used'),
      note?.kind === 'big' &&
        h('span', { class: 'badge warn' }, `Too big at ${note.inspection.needs.size}`),
    ),
    h(
      'div',
      { class: 'small quiet' },
      ...detail.flatMap((part, i): Child[] => (i > 0 ? [' · ', part] : [part])),
    ),
    h('div', { class: 'acts' }, ...actions),
    transfer && transferRow(title, transfer),
    loading?.bytes && progressRow(`Loading of ${title}`, 'Loaded', loading.bytes),
    note && noteRow(context, key, note),
  );
}

const NO_GPU = 'This browser has no GPU for pages: models cannot be used here.';

/** A published model that is not on this device, and whether this device could run it. */
export function offer(
  { app, library }: RowContext,
  entry: ManifestEntry,
  note: RowNote | undefined,
  transfer: Transfer | undefined,
): HTMLElement {
  const title = titleOfEntry(entry);
  const noGpu = app.engine.gpu.value.state === 'failed';
  const size = entry.bytes ?? entry.about;
  const forecast = library.state.value.forecasts.get(entry.name);
  const big = forecast && !forecast.needs.fits ? forecast : undefined;
  const mayFetch = pagesMayFetch(entry);
  const download = button('Download', () => void library.download(entry));
  // Rows of one list look alike to who hears their buttons only.
  download.setAttribute('aria-label', `Download ${title}`);
  download.disabled = noGpu;
  if (noGpu) download.title = NO_GPU;
  const get = mayFetch
    ? download
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
      big && h('span', { class: 'badge warn' }, `Too big at ${big.needs.size}`),
    ),
    h(
      'div',
      { class: 'small quiet' },
      `${entry.bytes ? '' : 'about '}${bytesText(size)} · `,
      licenceText(entry.licence, entry.page),
    ),
    h(
      'div',
      { class: 'acts' },
      ...(transfer ? transferActions(library, entry.file, transfer) : [get]),
    ),
    transfer && transferRow(title, transfer),
    note?.kind === 'failed' && failedNote(note.failure, []),
    big &&
      !transfer &&
      bigNote(big, ({ size: smaller }) =>
        mayFetch
          ? button(`Download, use at ${smaller} px`, () => void library.downloadFor(entry, smaller))
          : h('span', { class: 'small' }, `At ${smaller} px it should fit.`),
      ),
  );
}

export function licenceText(licence: string, page = ''): Child {
  if (!licence.startsWith('unknown')) return licence.replace(/\s*\((.*)\)$/, ', $1');
  if (!page) return 'licence: unknown';
  const link = h('a', { href: page, target: '_blank', rel: 'noreferrer' }, 'see its page');
  return h('span', {}, 'licence: ', link);
}

function transferActions(library: ModelLibrary, key: string, { what }: Transfer): Child[] {
  if (what === 'copy') return [button('Cancel', () => library.stop(key))];
  return [
    button('Pause', () => library.stop(key)),
    iconButton('cross', 'Cancel download', () => void library.remove(key)),
  ];
}

function transferRow(title: string, { bytes, rate, what }: Transfer): HTMLElement {
  const { done, total, checking } = bytes;
  const left =
    rate && total > 0 ? `, ${Math.max(1, Math.round((total - done) / rate))} s left` : '';
  const pace = checking ? 'Comparing its checksum' : rate ? `${bytesText(rate)}/s${left}` : '';
  return what === 'download'
    ? progressRow(`Download of ${title}`, 'Downloaded', bytes, pace)
    : progressRow(`Copy of ${title}`, 'Copied', bytes, pace);
}

function progressRow(
  name: string,
  label: string,
  { done, total, checking }: Bytes,
  pace = '',
): HTMLElement {
  const bar = progressBar(label);
  bar.set(total > 0 && !checking ? done / total : undefined);
  return h(
    'div',
    { class: 'full', role: 'group', 'aria-label': name },
    bar.element,
    h(
      'div',
      { class: 'row caption' },
      h('span', {}, total > 0 ? partOfBytesText(done, total) : bytesText(done)),
      h('span', { class: 'grow' }),
      h('span', {}, pace),
    ),
  );
}

function noteRow({ library }: RowContext, key: string, note: RowNote): HTMLElement {
  if (note.kind === 'failed') {
    return failedNote(note.failure, [
      button('Choose another file', () => {
        void chooseFiles({ accept: MODEL_FILES }).then(([file]) => {
          if (file) void library.openFile(file);
        });
      }),
    ]);
  }
  if (note.kind === 'ask') return askNote(library, key, note);
  const { source, inspection, options } = note;
  return bigNote(inspection, ({ size }) =>
    button(`Use at ${size} px`, () => void library.useSmaller(key, source, options, size)),
  );
}

/** What a model needs, against what there is; `use` offers a size that fits. */
function bigNote(
  { needs, proposed, summary }: Forecast,
  use: (proposed: Needs) => HTMLElement,
): HTMLElement {
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
      proposed && use(proposed),
      button('Why?', () => {
        void showDialog(
          'Why?',
          h('p', {}, summary),
          h(
            'p',
            {},
            `A photo of 3:2 reaches the network as ${pixelsText(needs.width, needs.height)}. Weights and what lies between the steps take ${bytesText(needs.bytes)}, and the largest single buffer ${bytesText(needs.largestBuffer)}.`,
          ),
          proposed
            ? h('p', {}, `At ${proposed.size} px it is ${bytesText(proposed.bytes)}.`)
            : h('p', {}, 'No size of this model fits.'),
        );
      }),
    ),
  );
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

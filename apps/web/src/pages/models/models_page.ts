import { manifest } from '@dpt-webgpu/cli/manifest';
import type { App, Page } from '../../app.ts';
import { h } from '../../dom.ts';
import { usualOptions } from '../../engine/default_model.ts';
import { icon } from '../../icons.ts';
import { chooseFiles } from '../../ui/files.ts';
import type { MenuItem } from '../../ui/menu.ts';
import { bytesText, partOfBytesText } from '../../words.ts';
import { BUNDLED_BYTES, type ModelOptions, type ModelSource } from '../../worker/model_calls.ts';
import { DEVICE_CARD, deviceCard, storageCard } from './model_cards.ts';
import { MODEL_FILES, ModelLibrary } from './model_library.ts';
import { titleOfEntry } from './model_names.ts';
import { licenceText, offer, type RowContext, row } from './model_row.ts';

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
    const [file] = await chooseFiles({ accept: MODEL_FILES });
    if (file) await library.openFile(file);
  };
  const device = deviceCard(app);
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
      h('div', { class: 'side' }, device, storageCard(library)),
    ),
  );

  const optionsOf = (file: string): ModelOptions => ({
    ...usualOptions,
    precision: engine.info?.options.precision ?? 'auto',
    ...library.state.value.stored.models.find((model) => model.file === file)?.options,
  });
  const inUse = (source: ModelSource): boolean => {
    const { value } = engine.model;
    const now = value.state === 'loading' ? value.source : engine.info?.source;
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
        detail: [bytesText(BUNDLED_BYTES), 'f16', 'MIT', 'comes with the page'],
        source: { kind: 'bundled' },
        note: notes.get(BUNDLED),
        transfer: undefined,
        busy: looking === BUNDLED,
      }),
    ];
    for (const { file, title, bytes, partial, writing, licence } of stored.models) {
      const entry = manifest.find((known) => known.file === file);
      const saidLicence = licence ?? entry?.licence;
      rows.push(
        row(context, {
          key: file,
          title: title ?? (entry ? titleOfEntry(entry) : file),
          detail: [
            ...(title ? [file] : []),
            partial?.total ? partOfBytesText(bytes, partial.total) : bytesText(bytes),
            saidLicence ? licenceText(saidLicence, entry?.page) : 'from your disk',
          ],
          source: partial ? undefined : { kind: 'stored', file },
          note: notes.get(file),
          transfer: transfers.get(file),
          busy: looking === file,
          paused: partial !== undefined,
          elsewhere: writing && !transfers.has(file),
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
    if (element.isConnected && engine.gpu.value.state === 'ready') {
      void library.forecast(offered.map(({ name }) => name));
    }
  };
  library.state.watch(show);
  engine.model.watch(show);
  engine.gpu.watch(show);
  // The chip's list needs it before this page is seen.
  void library.refresh().catch(() => {});
  // Another tab may have stored or removed one.
  document.addEventListener('visibilitychange', () => {
    if (element.isConnected && document.visibilityState === 'visible') {
      void library.refresh().catch(() => {});
    }
  });

  return {
    element,
    show(fragment) {
      void library.refresh().catch(() => {});
      if (fragment === `#${DEVICE_CARD}`) device.scrollIntoView();
    },
    openFile: (file) => library.openFile(file),
    // Photos and films go to pages of their own, which the general words say.
    dropText: (items) =>
      items.some(({ type }) => /^(image|video)\//.test(type)) ? undefined : 'Load this model',
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
          detail: bytesText(BUNDLED_BYTES),
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

import { colourMaps } from '@dpt-webgpu/dpt';
import type { App } from '../../app.ts';
import { fill, h, setText } from '../../dom.ts';
import { icon } from '../../icons.ts';
import { Settings } from '../../settings.ts';
import { card, why } from '../../ui/card.ts';
import { chooseFiles, isModelFile, saveBlob } from '../../ui/files.ts';
import { group, groupTabs } from '../../ui/group.ts';
import { slider } from '../../ui/slider.ts';
import { pixelsText } from '../../words.ts';
import type { Box } from '../../worker/insight/insight_calls.ts';
import { sampleFile, samples } from '../image/samples.ts';
import { makeAttentionTool } from './attention_tool.ts';
import { makeCompareTool } from './compare_tool.ts';
import { makeFigureStrip } from './figure_strip.ts';
import { makeFusionTool } from './fusion_tool.ts';
import { InsightRunner } from './insight_runner.ts';
import { type InsightSettings, insightSchema, type ToolId } from './insight_settings.ts';
import { makeNormsTool } from './norms_tool.ts';
import { makeParityTool } from './parity_tool.ts';
import { sizeRange } from './setting_rows.ts';
import { makeStagesTool } from './stages_tool.ts';
import { makeTaskRow } from './task_row.ts';
import { makeTimeTool } from './time_tool.ts';
import type { Tool, ToolContext } from './tool.ts';

export interface InsightView {
  readonly element: HTMLElement;
  show(fragment: string): void;
  hide(): void;
  fragment(): string;
  take(files: readonly File[]): void;
}

/** Figure 1 above, one tool below it, its controls at the side. */
export function makeInsightView(app: App, address: string): InsightView {
  const settings = new Settings<InsightSettings>('insight', insightSchema, address);
  const runner = new InsightRunner(app, settings);
  let visible = false;
  const context: ToolContext = {
    app,
    settings,
    runner,
    isShown: (tool) => visible && settings.value.tool === tool,
  };
  const parity = makeParityTool(context);
  const tools: readonly Tool[] = [
    makeAttentionTool(context),
    makeNormsTool(context),
    makeFusionTool(context),
    makeStagesTool(context),
    makeCompareTool(context),
    makeTimeTool(context),
    parity,
  ];
  const toolAt = (): Tool => tools.find(({ id }) => id === settings.value.tool)!;

  const strip = makeFigureStrip(app.engine, runner, (box) =>
    settings.change(openedBy(box, runner)),
  );
  const tabs = tools.map(({ id, title }) => {
    const tab = h(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `insight-${id}`,
        'aria-controls': 'stage',
        dataset: { tool: id },
      },
      title,
    );
    tab.addEventListener('click', () => settings.change({ tool: id }));
    return { id, tab };
  });
  const tablist = h(
    'div',
    { class: 'seg', role: 'tablist', 'aria-label': 'Insight tool' },
    ...tabs.map(({ tab }) => tab),
  );
  tablist.addEventListener('keydown', (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = tabs.findIndex(({ id }) => id === settings.value.tool);
    const next = tabs[(at + by + tabs.length) % tabs.length]!;
    settings.change({ tool: next.id });
    next.tab.focus();
  });
  const save = h(
    'button',
    { class: 'btn save', type: 'button', 'aria-label': 'Save' },
    icon('save', true),
    h('span', { class: 'wideonly' }, 'Save'),
  );
  const saveNow = async (): Promise<void> => {
    const files = (await toolAt().save?.()) ?? [];
    for (const { blob, name } of files) saveBlob(blob, name);
    if (files.length > 0) app.toast.show(`Saved ${files.map(({ name }) => name).join(' and ')}`);
  };
  save.addEventListener('click', () => void saveNow());

  // It scrolls, and most tools have nothing in it that takes the focus.
  const stage = h('div', { class: 'insight-stage', id: 'stage', role: 'tabpanel', tabindex: 0 });
  const cover = h('div', { class: 'insight-cover' });
  const foot = h('div', { class: 'insight-foot' });
  const main = h(
    'main',
    { class: 'work' },
    strip.element,
    h(
      'div',
      { class: 'tools scroll', role: 'toolbar', 'aria-label': 'Tool' },
      tablist,
      h('span', { class: 'grow wideonly' }),
      save,
    ),
    cover,
    stage,
    makeTaskRow(runner, app.announce, () => void runner.goOn(() => toolAt().update())),
    foot,
  );

  const photoName = h('b', { class: 'cut' });
  const choose = h('button', { class: 'btn', type: 'button' }, 'Other photo');
  choose.addEventListener('click', () => {
    void chooseFiles({ accept: 'image/*' }).then(([file]) => {
      if (file) void runner.openPhoto({ blob: file, name: file.name });
    });
  });
  const sampleRow = h(
    'div',
    { class: 'row insight-samples' },
    ...samples.map((sample) =>
      h(
        'button',
        {
          type: 'button',
          'aria-label': `Sample: ${sample.title}`,
          title: sample.name,
          on: {
            click: () =>
              void sampleFile(sample).then((file) =>
                runner.openPhoto({ blob: file, name: file.name }),
              ),
          },
        },
        h('img', { src: sample.address, alt: '', width: 57, height: 38 }),
      ),
    ),
  );
  const size = slider({
    label: 'Size',
    min: 56,
    max: 1036,
    step: 14,
    start: 518,
    unit: 'px',
    onChange: (pixels) =>
      settings.change({ size: pixels === app.engine.info?.baseSize ? 0 : pixels }),
  });
  const input = group(
    { id: 'insight-input', title: 'Input' },
    h('div', { class: 'field' }, photoName, choose),
    sampleRow,
    size.element,
  );
  runner.photo.watch((photo) => setText(photoName, photo?.name ?? 'No photo yet'));
  const showSize = (): void => {
    const { info } = app.engine;
    if (!info) return;
    const { baseSize } = info;
    size.setRange({ ...sizeRange(info, baseSize), start: baseSize });
    size.set(settings.value.size || baseSize);
    const facts = runner.facts.value;
    size.setNote(facts ? `${pixelsText(facts.width, facts.height)} to the model` : '');
  };
  app.engine.model.watch(showSize);
  runner.facts.watch(showSize);

  const tabsPlace = h('div', { class: 'tabs-place' });
  const body = h('div', { class: 'panel-body' });
  const panel = h('aside', { class: 'panel', 'aria-label': 'Controls' }, tabsPlace, body);
  const toggle = h(
    'button',
    {
      class: 'btn icon panel-toggle',
      type: 'button',
      'aria-label': 'Controls',
      'aria-expanded': 'false',
    },
    icon('sliders'),
  );
  main.querySelector('.tools')!.append(toggle);
  const element = h('div', { class: 'split-page insight' }, main, panel);
  toggle.addEventListener('click', () => {
    toggle.setAttribute('aria-expanded', String(element.classList.toggle('panel-open')));
  });

  let front: ToolId | undefined;
  /** Whose tab and box of the figure were brought into sight: on a phone both rows are longer than the screen. */
  let inSight: ToolId | undefined;
  const showTool = (): void => {
    const tool = toolAt();
    if (front !== tool.id) {
      front = tool.id;
      const groups = tool.id === 'parity' ? tool.groups : [...tool.groups, input];
      fill(stage, tool.element);
      fill(foot, tool.status);
      fill(tabsPlace, groupTabs(groups));
      fill(body, ...groups.map((of) => of.element));
      strip.setCurrent(tool.box);
      stage.setAttribute('aria-labelledby', `insight-${tool.id}`);
      for (const { id, tab } of tabs) {
        tab.setAttribute('aria-selected', String(id === tool.id));
        tab.tabIndex = id === tool.id ? 0 : -1;
      }
    }
    if (visible) tool.update();
    if (!visible || inSight === tool.id) return;
    inSight = tool.id;
    // Last: the page has to be laid out for it, which is then done.
    const { tab } = tabs.find(({ id }) => id === tool.id)!;
    for (const part of [strip.element.querySelector('[aria-current]'), tab]) {
      part?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    }
    stage.scrollTop = 0;
  };
  settings.store.watch(({ tool, size: pixels }, before) => {
    if (tool !== front) showTool();
    if (pixels !== before.size) showSize();
    // The address is a link to what is seen.
    if (visible) {
      const fragment = settings.fragment();
      history.replaceState(history.state, '', fragment ? `#${fragment}` : location.pathname);
    }
  });
  runner.facts.watch((facts) => {
    if (!facts || !visible) return;
    toolAt().update();
    // After the first picture: timing takes the device for a while, and a processor that stands in for a GPU too long.
    const gpu = app.engine.gpu.value;
    const quick = gpu.state === 'ready' && !gpu.info.software;
    if (quick && settings.value.tool !== 'time') setTimeout(() => void runner.measure(), 400);
  });
  app.engine.gpu.watch(({ state }) => {
    if (state === 'ready' && visible && settings.value.tool === 'parity') parity.update();
  });

  const showCover = (): void => {
    const failure = runner.failure.value ?? failureOf(app);
    if (failure) {
      fill(
        cover,
        card({
          icon: 'warning',
          title: failure.message,
          bad: true,
          body: [failure.remedy && h('p', {}, failure.remedy)],
          actions: [
            {
              label: 'Try again',
              main: true,
              run: () => void runner.goOn(() => toolAt().update()),
            },
            ...why(failure),
          ],
        }),
      );
      return;
    }
    const open = runner.facts.value || runner.stopped.value || settings.value.tool === 'parity';
    fill(
      cover,
      !open && h('p', { class: 'quiet waiting' }, h('span', { class: 'ring' }), 'Getting ready'),
    );
  };
  runner.failure.watch(showCover);
  runner.facts.watch(showCover);
  runner.stopped.watch(showCover);
  settings.store.watch(showCover);
  app.engine.gpu.watch(showCover);
  app.engine.model.watch(showCover);

  const nextMap = ({ shiftKey }: KeyboardEvent): true => {
    const at = colourMaps.indexOf(settings.value.map) + (shiftKey ? -1 : 1);
    settings.change({ map: colourMaps[(at + colourMaps.length) % colourMaps.length]! });
    return true;
  };
  const pages = ['insight'] as const;
  app.keys.add(
    {
      keys: ['c'],
      action: 'Next colour map; with Shift the one before',
      pages,
      run: nextMap,
    },
    {
      keys: ['Tab'],
      action: 'The same, after a picture was clicked',
      pages,
      original: true,
      run: (event) => {
        // Focus that came by keyboard goes on, as everywhere.
        const clicked = app.keys.pointed && stage.contains(document.activeElement);
        return clicked && nextMap(event);
      },
    },
    {
      keys: ['Escape'],
      action: 'Stop what is running',
      pages,
      overControls: true,
      run: () => runner.stop(),
    },
    {
      keys: ['s'],
      action: 'Save the picture and its numbers',
      pages,
      original: true,
      run: () => {
        void saveNow();
        return true;
      },
    },
  );

  return {
    element,
    show(fragment) {
      visible = true;
      const linked = settings.read(fragment);
      if (Object.keys(linked).length > 0) settings.change(linked);
      runner.show();
      showTool();
    },
    hide() {
      visible = false;
      inSight = undefined;
      runner.hide();
    },
    fragment: () => settings.fragment(),
    take(files) {
      if (settings.value.tool === 'parity' && files.some(isModelFile)) parity.takeFiles(files);
      else if (files[0]) void runner.openPhoto({ blob: files[0], name: files[0].name });
    },
  };
}

/** What a box of the figure opens: its own tool, or its result in the stage browser. */
function openedBy(box: Box, runner: InsightRunner): Partial<InsightSettings> {
  if (box === 'encoder') return { tool: 'attention' };
  if (box === 'fusion') return { tool: 'fusion' };
  const tensors = runner.facts.value?.tensors ?? [];
  const wanted = { patch_embed: 'patch_embed', reassemble: 'reassembled_1', head: 'depth' }[box];
  const known = tensors.some(({ name }) => name === wanted);
  return { tool: 'stages', ...(known ? { tensor: wanted } : {}), plane: 0 };
}

function failureOf(app: App) {
  const gpu = app.engine.gpu.value;
  const model = app.engine.model.value;
  if (gpu.state === 'failed') return gpu.failure;
  return model.state === 'failed' ? model.failure : undefined;
}

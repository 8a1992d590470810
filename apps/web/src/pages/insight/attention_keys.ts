import { columnKeys, pressesButton, steppedBlock, type ToolContext } from './tool.ts';

export interface AttentionKeysOptions {
  readonly blockAt: () => number;
  /** The pictures of the heads, while they are in front. */
  readonly shown: () => HTMLElement | undefined;
  readonly toggleLock: () => void;
}

/** The original's keys, and E. */
export function addAttentionKeys(
  { app, settings, runner }: ToolContext,
  { blockAt, shown, toggleLock }: AttentionKeysOptions,
): void {
  const step = (by: number) => (): boolean => {
    if (!shown()) return false;
    settings.change({ block: steppedBlock(blockAt(), by, runner.facts.value) });
    return true;
  };
  const toggle = (change: () => void) => (): boolean => {
    if (!shown()) return false;
    change();
    return true;
  };
  const pages = ['insight'] as const;
  app.keys.add(
    ...columnKeys(settings, 'Attention', shown),
    {
      keys: ['k'],
      action: 'Attention: lock the patch',
      pages,
      original: true,
      run: toggle(toggleLock),
    },
    { keys: ['['], action: 'Attention: block before', pages, original: true, run: step(-1) },
    { keys: [']'], action: 'Attention: next block', pages, original: true, run: step(1) },
    {
      keys: ['a'],
      action: 'Attention: row or column',
      pages,
      original: true,
      run: toggle(() =>
        settings.change({ direction: settings.value.direction === 'row' ? 'column' : 'row' }),
      ),
    },
    {
      keys: ['l'],
      action: 'Attention: log scale',
      pages,
      original: true,
      run: toggle(() => settings.change({ log: !settings.value.log })),
    },
    {
      keys: ['t'],
      action: 'Attention: outline tiles',
      pages,
      original: true,
      run: toggle(() => settings.change({ outline: !settings.value.outline })),
    },
    {
      keys: [' '],
      action: 'Attention: heads beside the photo or below it',
      pages,
      original: true,
      run: (event) =>
        !pressesButton(event) && toggle(() => settings.change({ below: !settings.value.below }))(),
    },
    {
      keys: ['e'],
      action: 'Attention: readout token as border',
      pages,
      run: toggle(() => settings.change({ border: !settings.value.border })),
    },
  );
}

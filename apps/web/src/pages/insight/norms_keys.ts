import type { KeyCommand } from '../../keys.ts';
import type { InsightSettings } from './insight_settings.ts';
import { columnKeys, pressesButton, steppedBlock, type ToolContext } from './tool.ts';

export interface NormsKeysOptions {
  readonly blockAt: () => number;
  /** The pictures of the blocks, while they are in front. */
  readonly shown: () => HTMLElement | undefined;
}

const views = ['image', 'norm', 'channel'] as const;

/** The original's keys. */
export function addNormsKeys(
  { app, settings, runner }: ToolContext,
  { blockAt, shown }: NormsKeysOptions,
): void {
  const key = (
    keys: readonly string[],
    action: string,
    change: () => Partial<InsightSettings>,
  ): KeyCommand => ({
    keys,
    action: `Norms: ${action}`,
    pages: ['insight'],
    original: true,
    run(event) {
      if (!shown() || pressesButton(event)) return false;
      settings.change(change());
      return true;
    },
  });
  const block = (by: number) => (): Partial<InsightSettings> => ({
    block: steppedBlock(blockAt(), by, runner.facts.value),
  });
  const channel = (by: number) => (): Partial<InsightSettings> => {
    const { features = 1 } = runner.facts.value ?? {};
    const next = Math.min(Math.max(settings.value.channel + by, 0), features - 1);
    return { norms: 'channel', channel: next };
  };
  app.keys.add(
    ...columnKeys(settings, 'Norms', shown),
    key(['i'], 'the photo', () => ({ norms: 'image' })),
    key(['n'], 'length', () => ({ norms: 'norm' })),
    key(['c'], 'channel', () => ({ norms: 'channel' })),
    key([' '], 'photo, length, channel in turn', () => ({
      norms: views[(views.indexOf(settings.value.norms) + 1) % views.length]!,
    })),
    key(['ArrowLeft'], 'block before', block(-1)),
    key(['ArrowRight'], 'next block', block(1)),
    key(['['], 'channel before', channel(-1)),
    key([']'], 'next channel', channel(1)),
    key(['h'], 'histogram', () => ({ histogram: !settings.value.histogram })),
    key(['f'], 'fine bins', () => ({ fine: !settings.value.fine })),
    key(['b'], 'bars or line', () => ({ bars: !settings.value.bars })),
  );
}

import type { ImageSettings } from './image_settings.ts';

/** What is changed in each group of the panel, for its badge: the values themselves while they are few. */
export function changedWords(
  now: ImageSettings,
  start: ImageSettings,
): Readonly<Record<'look' | 'range' | 'input', string>> {
  const list = (words: Partial<Record<keyof ImageSettings, string>>): string => {
    const changed = Object.entries(words)
      .filter(([key]) => String(now[key as keyof ImageSettings]) !== String(start[key as never]))
      .map(([, text]) => text);
    // The two thresholds are one value.
    const different = [...new Set(changed)];
    return different.length > 2 ? `${different.length} changed` : different.join(', ');
  };
  const band = `${now.low.toFixed(2)} to ${now.high.toFixed(2)}`;
  return {
    look: list({
      map: now.map,
      reverse: 'reversed',
      contrast: 'high contrast',
      upsample: {
        model: 'as the model',
        bilinear: 'bilinear',
        guided: 'guided',
        none: 'not resized',
      }[now.upsample],
    }),
    range: list({
      low: band,
      high: band,
      percentile: `${now.percentile} %`,
      gamma: `gamma ${now.gamma}`,
      plane: `plane ${now.plane}`,
      showplane: 'the plane',
    }),
    input: list({
      size: `${now.size} px`,
      shape: now.shape === 'square' ? 'square' : 'aspect',
      rounding: now.rounding === 'muggled' ? 'original’s rules' : 'authors’ rules',
      tiles: `${now.tiles} × ${now.tiles} tiles`,
      flip: 'mirrored',
      crop: 'a part',
    }),
  };
}

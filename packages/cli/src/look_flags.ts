import { type ColourMap, colourMaps, type DepthSettings } from '@dpt-webgpu/dpt';
import { UsageError } from './errors.ts';
import type { Arguments, Flag } from './flags.ts';

/** Flags of what a map looks like, the same for pictures and films. */
export const lookFlags: readonly Flag[] = [
  {
    name: 'colormap',
    value: 'NAME',
    help: `of coloured maps: ${colourMaps.join(', ')} (default: inferno)`,
  },
  { name: 'reverse', help: 'far is bright' },
  { name: 'high-contrast', help: 'equalise the levels of coloured maps' },
  {
    name: 'percentiles',
    value: 'LOW,HIGH',
    help: 'of the values that become 0 and 1, such as 1,99 (default: 0,100)',
  },
  {
    name: 'plane',
    value: 'K',
    help: 'take away so much of the plane of best fit: 1 all, 0 nothing (default)',
  },
  {
    name: 'thresholds',
    value: 'LO,HI',
    help: 'the band from far (0) to near (1) that is spread over all levels (default: 0,1)',
  },
  { name: 'gamma', value: 'G', help: 'exponent of the levels; below 1 is brighter (default: 1)' },
];

export interface Look {
  readonly colourMap: ColourMap;
  readonly equalise: boolean;
  /** `percentiles` only where they were given. */
  readonly settings: DepthSettings;
}

export function lookOf(args: Arguments): Look {
  const [low = 0, high = 100] = args.numbers('percentiles', 2) ?? [];
  if (!(low >= 0 && low < high && high <= 100)) {
    throw new UsageError(
      `--percentiles takes two rising numbers from 0 to 100, not ${low},${high}.`,
    );
  }
  const [lo = 0, hi = 1] = args.numbers('thresholds', 2) ?? [];
  if (!(lo >= 0 && lo <= hi && hi <= 1)) {
    throw new UsageError(`--thresholds takes two rising numbers from 0 to 1, not ${lo},${hi}.`);
  }
  return {
    colourMap: args.oneOf('colormap', colourMaps) ?? 'inferno',
    equalise: args.has('high-contrast'),
    settings: {
      ...(args.has('percentiles') ? { percentiles: [low, high] as const } : {}),
      planeStrength: args.number('plane') ?? 0,
      thresholds: [lo, hi],
      gamma: args.positiveNumber('gamma') ?? 1,
      reverse: args.has('reverse'),
    },
  };
}

import type { Box } from '../../worker/insight/insight_calls.ts';

export const boxTitles: Readonly<Record<Box, string>> = {
  patch_embed: 'Patch embed',
  encoder: 'Encoder',
  reassemble: 'Reassemble',
  fusion: 'Fusion',
  head: 'Head',
};

/** The box of figure 1 that a tensor's name belongs to. */
export { boxOf } from '../../worker/insight/boxes.ts';

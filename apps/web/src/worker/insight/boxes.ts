import { type Box, boxes } from './insight_calls.ts';

/** The box of figure 1 that a name belongs to. What comes before is the patch embedding's. */
export function boxOf(name: string): Box {
  if (/^(stage|tokens)/.test(name)) return 'encoder';
  if (/^reassembled/.test(name)) return 'reassemble';
  if (/^fused/.test(name)) return 'fusion';
  if (/^depth/.test(name)) return 'head';
  return boxes.find((box) => name === box || name.startsWith(`${box}.`)) ?? 'patch_embed';
}

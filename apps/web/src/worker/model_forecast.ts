import { buildDpt, recognise, summary } from '@dpt-webgpu/dpt';
import { Context } from '@dpt-webgpu/tensor';
import { publishedFiles, stateDictOfShapes } from '../../../../scripts/state_dict_shapes.ts';
import type { GpuInfo } from './gpu.ts';
import type { Forecast } from './model_calls.ts';
import { needsOf, smallerThatFits, TYPICAL_PHOTO } from './model_needs.ts';

/** Whether a device can run a published model, before a byte of it is fetched; undefined where its shapes are not known. */
export function forecast(name: string, info: GpuInfo): Forecast | undefined {
  // The files of Hugging Face hold the same tensors under other names.
  const known = name.replace(/-hf$/, '');
  if (!publishedFiles.has(known)) return undefined;
  const recognised = recognise(stateDictOfShapes(known));
  const dtype = info.f16 ? 'f16' : 'f32';
  const model = buildDpt(Context.planning({ f16: true }), recognised, { dtype });
  const { baseSize } = recognised.config.image;
  const needs = needsOf(model, TYPICAL_PHOTO, baseSize, false, info);
  const proposed = needs.fits
    ? undefined
    : smallerThatFits(model, TYPICAL_PHOTO, baseSize, false, info);
  return { needs, proposed, summary: summary(recognised.config) };
}

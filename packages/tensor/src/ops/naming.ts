import type { Tensor } from '../tensor.ts';

/** The module a weight belongs to: `encoder.norm.weight` → `encoder.norm`. Results carry it as their name. */
export const moduleOf = (weight: Tensor): string => weight.name.replace(/\.[^.]*$/, '');

/** The module that contains the one a result came from: `encoder.blocks.3.attention.qkv` → `encoder.blocks.3.attention`. */
export const parentOf = (result: Tensor): string => result.name.replace(/\.[^.]*$/, '');

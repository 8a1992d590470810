import { join } from 'node:path';
import { npmPackage } from './npm_package.ts';

/** Deno, whose WebGPU is wgpu with naga, as in Firefox. 90 MB. */
export const denoPath = (): string => join(npmPackage('deno', '2.9.6'), '..', '.bin', 'deno');

import type { Aliases } from './flags.ts';

/**
 * The flags of muggled_dpt's scripts that mean the same here, with dashes for its underscores. What it calls a path goes
 * in front of pictures and videos here without a flag, so these stand for nothing and their value stays.
 */
export const muggledFlags: Aliases = {
  '-i': [],
  '--image-path': [],
  '--video-path': [],
  '--input-path': [],
  '--model-path': ['--model'],
  '-b': ['--size'],
  '--base-size-px': ['--size'],
  '-ar': ['--no-square'],
  '--use-aspect-ratio': ['--no-square'],
  '-f32': ['--dtype', 'f32'],
  '--use-float32': ['--dtype', 'f32'],
  '-f16': ['--dtype', 'f16'],
  '--use-float16': ['--dtype', 'f16'],
  '-u': ['--dtype', 'f16'],
  '--prefer-unstable-f16': ['--dtype', 'f16'],
  '-nc': ['--no-cache'],
};

import type { Command } from '../command.ts';
import { convert } from './convert.ts';
import { doctor } from './doctor.ts';
import { download } from './download.ts';
import { forward } from './forward.ts';
import { image } from './image.ts';
import { inspect } from './inspect.ts';
import { serve } from './serve.ts';

/** In the order of the help. */
export const commands: readonly Command[] = [
  image,
  forward,
  inspect,
  convert,
  download,
  serve,
  doctor,
];

import type { Command } from '../command.ts';
import { bench } from './bench.ts';
import { convert } from './convert.ts';
import { doctor } from './doctor.ts';
import { download } from './download.ts';
import { exportOnnx } from './export_onnx.ts';
import { forward } from './forward.ts';
import { image } from './image.ts';
import { inspect } from './inspect.ts';
import { parity } from './parity.ts';
import { serve } from './serve.ts';
import { video } from './video.ts';

/** In the order of the help. */
export const commands: readonly Command[] = [
  image,
  video,
  forward,
  inspect,
  convert,
  exportOnnx,
  download,
  bench,
  parity,
  serve,
  doctor,
];

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DepthMap, nearness, type Size } from '@dpt-webgpu/dpt';
import { encodeNpy, PictureError } from '@dpt-webgpu/loaders';
import { decodePicture, encodePng16 } from '@dpt-webgpu/loaders/node';
import { messageOf } from '../errors.ts';
import { type Route, refuse } from './site_server.ts';

export interface DepthRouteOptions {
  /** Of a request's body. */
  readonly maxBytes: number;
  /** Of a decoded picture. */
  readonly maxPixels: number;
  /** Requests that wait or are worked on; more are turned away. */
  readonly maxWaiting: number;
  readonly predict: (
    photo: Size & { readonly data: Uint8Array },
    size: number | undefined,
    signal: AbortSignal,
  ) => Promise<DepthMap>;
  /** Takes a line per request. */
  readonly log: (line: string) => void;
}

/**
 * `POST /depth`: a picture in, its depth map out. `?format=png16` (16 bits, near is bright, the range in headers) or
 * `npy` (as the network gave it), `?size=518`. One picture at a time; the GPU would not be quicker with two.
 */
export function depthRoute(options: DepthRouteOptions): Route {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return (request, response) => {
    const url = new URL(request.url ?? '/', 'http://here');
    if (url.pathname !== '/depth') return false;
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      refuse(response, 405, 'POST a picture here.');
      return true;
    }
    const wanted = wantedOf(url);
    if ('problem' in wanted) {
      refuse(response, 400, wanted.problem);
      return true;
    }
    const length = Number(request.headers['content-length'] ?? Number.NaN);
    if (length > options.maxBytes) {
      refuse(response, 413, `A picture may be ${options.maxBytes} bytes; this one is ${length}.`);
      return true;
    }
    if (waiting >= options.maxWaiting) {
      response.setHeader('retry-after', '5');
      refuse(response, 503, `${waiting} pictures are waiting; try again later.`);
      return true;
    }
    waiting++;
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const body = bodyOf(request, options.maxBytes);
    // It takes its turn once all of it is there: a slow sender keeps nobody waiting.
    void body
      .catch(() => {})
      .then(() => {
        last = last
          .then(() => answer(body, response, wanted, options, gone.signal))
          .catch(() => {})
          .finally(() => waiting--);
      });
    return true;
  };
}

interface Wanted {
  readonly format: 'png16' | 'npy';
  readonly size: number | undefined;
}

function wantedOf({ searchParams }: URL): Wanted | { readonly problem: string } {
  const format = searchParams.get('format') ?? 'png16';
  if (format !== 'png16' && format !== 'npy') return { problem: 'format can be png16 or npy.' };
  const text = searchParams.get('size');
  const size = text === null ? undefined : Number(text);
  if (size !== undefined && !(Number.isInteger(size) && size >= 1 && size <= 4096)) {
    return { problem: 'size takes a whole number from 1 to 4096.' };
  }
  return { format, size };
}

async function answer(
  sent: Promise<Uint8Array | undefined>,
  response: ServerResponse,
  { format, size }: Wanted,
  options: DepthRouteOptions,
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  try {
    const body = await sent;
    if (!body) {
      refuse(response, 413, `A picture may be ${options.maxBytes} bytes.`);
      return;
    }
    const photo = await decodePicture(body, 'picture', {
      ...{ maxPixels: options.maxPixels, signal },
    });
    const depth = await options.predict(photo, size, signal);
    const { width, height, data, kind, networkSize } = depth;
    const file =
      format === 'npy'
        ? encodeNpy(data, [height, width])
        : encodePng16(
            Uint16Array.from(nearness(data, kind), (value) => Math.round(65_535 * value)),
            width,
            height,
          );
    const { min, max } = endsOf(data);
    response.writeHead(200, {
      'content-type': format === 'npy' ? 'application/octet-stream' : 'image/png',
      'content-length': file.byteLength,
      'x-depth-kind': kind,
      'x-depth-min': String(min),
      'x-depth-max': String(max),
      'x-depth-network': `${networkSize.width}x${networkSize.height}`,
    });
    response.end(file);
    options.log(`depth ${width}×${height}: ${Math.round(performance.now() - started)} ms`);
  } catch (error) {
    if (signal.aborted || response.writableEnded) return;
    const status = error instanceof PictureError ? 415 : 500;
    options.log(`depth: ${messageOf(error)}`);
    refuse(response, status, messageOf(error));
  }
}

/** The whole body, or undefined when it is longer than it may be. */
async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  // The connection has to live on for the answer that says so.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function endsOf(values: Float32Array): { min: number; max: number } {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

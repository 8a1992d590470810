import type { Frame } from './decode.ts';
import type { FrameDepth } from './film_depth.ts';
import { ahead, newest, overlapped } from './queue.ts';

/** Frames decoded before they are needed, and maps that wait for the encoder: enough to bridge a slow moment of either. */
const DECODED = 3;
const FINISHED = 2;

/** Decode, compute, write: the three that `runFilm` keeps busy at once. */
export interface FilmStages {
  readonly decoder: { frames(): AsyncIterable<Frame>; stop(): void };
  /** A camera does not wait: what comes while the GPU is busy is dropped but for the newest. */
  readonly isLive: boolean;
  readonly depth: { next(pixels: Uint8Array, seconds: number): Promise<FrameDepth> };
  /** Returns when there is room for the next. */
  readonly write: (frame: Frame, depth: FrameDepth) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onFrame?: (state: FilmState) => void;
}

/** How far a film is. */
export interface FilmState {
  /** Written so far. */
  readonly frames: number;
  readonly dropped: number;
  /** Per second, since the first was done: that one compiles the shaders. */
  readonly rate: number;
}

/**
 * Decodes, computes and writes at once, each a bounded number of frames ahead of the next. An abort ends the film early:
 * what was begun is still written. Returns what was done; throws what any stage throws.
 */
export async function runFilm(stages: FilmStages): Promise<FilmState> {
  const { decoder, isLive, depth, write, signal, onFrame } = stages;
  let state: FilmState = { frames: 0, dropped: 0, rate: 0 };
  const stop = (): void => decoder.stop();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const frames = isLive
    ? newest(decoder.frames(), () => {
        state = { ...state, dropped: state.dropped + 1 };
      })
    : ahead(decoder.frames(), DECODED);
  const depths = overlapped(frames, async (frame) => ({
    frame,
    depth: await depth.next(frame.data, frame.seconds),
  }));
  let begin = 0;
  try {
    for await (const { frame, depth } of ahead(depths, FINISHED)) {
      try {
        await write(frame, depth);
      } catch (error) {
        // At once: the stages before this one may wait for a frame that never comes.
        stop();
        throw error;
      }
      const now = performance.now();
      if (state.frames === 0) begin = now;
      const seconds = (now - begin) / 1000;
      const rate = seconds > 0 ? state.frames / seconds : 0;
      state = { ...state, frames: state.frames + 1, rate };
      onFrame?.(state);
    }
    return state;
  } catch (error) {
    stop();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** `frame 30 of 150, 12.4 per second, 0:10 left` */
export function progressLine({ frames, dropped, rate }: FilmState, expected?: number): string {
  const parts = [
    `frame ${frames}${expected === undefined ? '' : ` of ${Math.max(expected, frames)}`}`,
    ...(rate > 0 ? [`${rate.toFixed(rate < 10 ? 2 : 1)} per second`] : []),
    ...(dropped > 0 ? [`${dropped} dropped`] : []),
  ];
  if (rate > 0 && expected !== undefined && expected > frames) {
    const left = Math.ceil((expected - frames) / rate);
    const minutes = Math.floor(left / 60) % 60;
    const clock = `${minutes}:${`${left % 60}`.padStart(2, '0')}`;
    const hours = Math.floor(left / 3600);
    parts.push(`${hours > 0 ? `${hours}:${clock.padStart(5, '0')}` : clock} left`);
  }
  return parts.join(', ');
}

import type { FrameTable } from './frame_table.ts';

/** How often a video is asked. */
const ATTEMPTS = 40;

/** What a video shows, as a frame that can be sent to the worker. */
export class FrameGrabber {
  readonly #video: HTMLVideoElement;
  readonly #pause: number;
  /** Of a film whose frames say other times than its file: asked in vain once, it is not asked again. */
  #disagreeing: FrameTable | undefined;

  /** `pause`: milliseconds from one attempt to the next. */
  constructor(video: HTMLVideoElement, pause = 50) {
    this.#video = video;
    this.#pause = pause;
  }

  /** `frames` are those of the film that is shown. */
  async grab(frames: FrameTable): Promise<VideoFrame | ImageBitmap> {
    const video = this.#video;
    for (let attempt = 1; ; attempt++) {
      try {
        if (!('VideoFrame' in globalThis)) return await createImageBitmap(video);
        const frame = new VideoFrame(video);
        if (!this.#isAnother(frame, frames)) return frame;
        if (attempt === ATTEMPTS) {
          this.#disagreeing = frames;
          return frame;
        }
        frame.close();
      } catch (error) {
        // Chromium has no frame of a film that was opened and has neither played nor been moved.
        const isEarly = error instanceof DOMException && error.name === 'InvalidStateError';
        if (!isEarly || attempt === ATTEMPTS) throw error;
      }
      if (attempt === 2 && video.paused) {
        video.currentTime = frames.middleOf(frames.indexAt(video.currentTime));
      }
      await new Promise((resolve) => setTimeout(resolve, this.#pause));
    }
  }

  /** A busy browser may still show the frame before when it has sought, and stand at an older one when it is paused. */
  #isAnother({ timestamp }: VideoFrame, frames: FrameTable): boolean {
    const { paused, currentTime } = this.#video;
    if (!paused || !frames.exact || frames === this.#disagreeing) return false;
    return frames.indexAt(timestamp / 1e6) !== frames.indexAt(currentTime);
  }
}

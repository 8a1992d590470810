/** Which frame a film shows when. Frames count from 0; seconds from the start. */
export interface FrameTable {
  readonly count: number;
  /** Read from the file, not guessed from how it plays. */
  readonly exact: boolean;
  /** The frame that is seen at that moment. */
  indexAt(seconds: number): number;
  /** When a frame begins. */
  timeOf(index: number): number;
  /** A moment to seek to: browsers round, and in the middle of a frame that does no harm. */
  middleOf(index: number): number;
}

/** From the moments at which frames begin, ascending. */
export function exactFrames(times: ArrayLike<number>, duration: number): FrameTable {
  const count = times.length;
  const clamp = (index: number): number => Math.min(Math.max(index, 0), count - 1);
  const end = (index: number): number => {
    if (index + 1 < count) return times[index + 1]!;
    const usual = count > 1 ? times[count - 1]! - times[count - 2]! : duration;
    return times[index]! + Math.max(Math.min(usual, duration - times[index]!), 0.001);
  };
  return {
    count,
    exact: true,
    indexAt(seconds) {
      let [low, high] = [0, count];
      // Times are rounded to a millisecond in some files, to a microsecond by browsers.
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (times[middle]! <= seconds + 1e-5) low = middle + 1;
        else high = middle;
      }
      return clamp(low - 1);
    },
    timeOf: (index) => times[clamp(index)]!,
    middleOf: (index) => (times[clamp(index)]! + end(clamp(index))) / 2,
  };
}

/** Where only the length of a frame is known, or guessed. */
export function evenFrames(frameSeconds: number, duration: number): FrameTable {
  const count = Math.max(1, Math.round(duration / frameSeconds));
  const clamp = (index: number): number => Math.min(Math.max(index, 0), count - 1);
  return {
    count,
    exact: false,
    indexAt: (seconds) => clamp(Math.floor(seconds / frameSeconds + 1e-3)),
    timeOf: (index) => clamp(index) * frameSeconds,
    middleOf: (index) => Math.min((clamp(index) + 0.5) * frameSeconds, duration),
  };
}

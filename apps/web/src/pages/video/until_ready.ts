/** Until a video's first frame can be shown; rejects where the browser cannot read it. */
export function untilReady(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      video.removeEventListener('loadeddata', done);
      video.removeEventListener('error', fail);
      resolve();
    };
    const fail = (): void => {
      video.removeEventListener('loadeddata', done);
      reject(new Error(video.error?.message || 'The browser cannot read it.'));
    };
    video.addEventListener('loadeddata', done, { once: true });
    video.addEventListener('error', fail, { once: true });
  });
}

import { h, setAttribute, setText } from '../../dom.ts';
import type { FrameWriter } from '../../ui/frame_writer.ts';
import type { Recorder } from '../../ui/recorder.ts';
import { plural } from '../../words.ts';
import type { View3d } from '../../worker/view3d/view3d_calls.ts';

/** One button for videos and for frames, and how far frames are, with a way out. */
export function makeRecording(
  recorder: Recorder,
  writer: FrameWriter<'png', View3d>,
  { isReady, start }: { readonly isReady: () => boolean; readonly start: () => void },
) {
  const button = h('button', { class: 'btn icon', type: 'button' }, h('span', { class: 'rec' }));
  const count = h('span', { class: 'tag' });
  const cancel = h('button', { class: 'btn', type: 'button' }, 'Cancel');
  const progress = h('div', { class: 'over recording', hidden: true }, count, cancel);
  const listeners: (() => void)[] = [];
  let wasOn = false;
  const show = (): void => {
    const on = recorder.recording || writer.writing;
    // An encoder has to be loaded first, and what is drawn until then is in no video.
    const label = recorder.begun || writer.writing ? 'Stop recording' : 'Record the view';
    setAttribute(button, 'aria-label', label);
    setAttribute(button, 'title', `${label} (\`)`);
    setAttribute(button, 'aria-pressed', String(on));
    button.disabled = !on && !isReady();
    progress.hidden = !writer.writing;
    setText(count, plural(writer.written, 'frame'));
    if (on === wasOn) return;
    wasOn = on;
    for (const listener of listeners) listener();
  };
  const toggle = (): void => {
    if (writer.writing) writer.stop();
    else if (recorder.recording) recorder.toggle();
    else if (isReady()) start();
  };
  /** False where nothing is recorded. */
  const stop = (): boolean => {
    const on = recorder.recording || writer.writing;
    if (on) toggle();
    return on;
  };
  button.addEventListener('click', toggle);
  cancel.addEventListener('click', () => writer.cancel());
  recorder.watch(show);
  writer.onChange = show;
  show();
  return {
    button,
    progress,
    toggle,
    stop,
    /** Whether there is something to record may have changed. */
    update: show,
    /** It began or ended. */
    watch: (listener: () => void) => listeners.push(listener),
  };
}

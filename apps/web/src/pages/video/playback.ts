import type { App } from '../../app.ts';
import { h, setAttribute, setStyle, setText } from '../../dom.ts';
import { icon } from '../../icons.ts';
import { makeLoopHandles } from './loop_handles.ts';

const speeds = [1, 0.5, 0.25, 2];

/** `0:03.2` */
export function clock(seconds: number): string {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const minutes = Math.floor(tenths / 600);
  const rest = ((tenths - 600 * minutes) / 10).toFixed(1).padStart(4, '0');
  return `${minutes}:${rest}`;
}

/** Below the picture, of the video page and of the 3D page: where the film is, and what moves it. */
export function makePlayback(
  { film, filmSettings: settings }: App,
  ...more: readonly HTMLElement[]
): HTMLElement {
  const head = h('span', { class: 'head' });
  const scrub = h(
    'div',
    { class: 'scrub', role: 'slider', tabindex: 0, 'aria-label': 'Position', 'aria-valuemin': 0 },
    head,
  );
  const ends = makeLoopHandles(film, scrub);
  const track = h('div', { class: 'track' }, ends.band, scrub, ...ends.handles);
  const button = (
    name: Parameters<typeof icon>[0],
    label: string,
    look: string,
    click: () => void,
  ): HTMLButtonElement => {
    const made = h(
      'button',
      { class: `btn icon ${look}`, type: 'button', 'aria-label': label, title: label },
      icon(name),
    );
    made.addEventListener('click', click);
    return made;
  };
  const play = button('play', 'Play', 'main', () => film.toggle());
  const back = button('stepBack', 'Step back', 'bare', () => void film.step(-1));
  const forward = button('step', 'Step forward', 'bare', () => void film.step(1));
  const loop = button('loop', 'Loop', '', () => settings.change({ loop: !settings.value.loop }));
  const now = h('b', {}, '0:00.0');
  const all = h('span', { class: 'quiet' });
  const frame = h('span', { class: 'quiet small wideonly' });
  const speed = h('button', { class: 'btn bare wideonly', type: 'button', title: 'Speed' }, '1×');
  speed.addEventListener('click', () => {
    const at = speeds.indexOf(settings.value.speed);
    settings.change({ speed: speeds[(at + 1) % speeds.length]! });
  });
  const live = h('span', { class: 'badge good', hidden: true }, 'Live');
  const element = h(
    'div',
    { class: 'bar card', role: 'group', 'aria-label': 'Playback' },
    track,
    h(
      'div',
      { class: 'row' },
      back,
      play,
      forward,
      h('span', { class: 'nowrap' }, now, ' ', all),
      live,
      frame,
      h('span', { class: 'grow' }),
      loop,
      speed,
      ...more,
    ),
  );
  const isFile = (): boolean => film.source.value.kind === 'file';
  const show = (): void => {
    const { duration } = film;
    const at = film.position.value;
    setStyle(scrub, '--at', `${duration > 0 ? Math.min(100, (100 * at) / duration) : 0}%`);
    setAttribute(scrub, 'aria-valuemax', duration.toFixed(1));
    setAttribute(scrub, 'aria-valuenow', at.toFixed(1));
    setAttribute(scrub, 'aria-valuetext', `${at.toFixed(1)} of ${duration.toFixed(1)} seconds`);
    setText(now, clock(at));
    setText(all, isFile() ? `/ ${clock(duration)}` : '');
    const { frames } = film;
    const isCounted = isFile() && duration > 0;
    setText(frame, isCounted ? `frame ${frames.indexAt(at) + 1} of ${frames.count}` : '');
  };
  film.position.watch(show);
  film.range.watch(show);
  film.source.watch((source) => {
    element.hidden = source.kind === 'none';
    for (const part of [track, back, forward, loop, speed]) part.hidden = source.kind !== 'file';
    live.hidden = source.kind === 'file';
    show();
  });
  film.playing.watch((playing) => {
    const label = playing ? 'Pause' : 'Play';
    play.replaceChildren(icon(playing ? 'pause' : 'play'));
    play.setAttribute('aria-label', label);
    play.title = `${label} (Space)`;
  });
  settings.store.watch((value) => {
    loop.setAttribute('aria-pressed', String(value.loop));
    setText(speed, `${value.speed}×`);
    speed.setAttribute('aria-label', `Speed: ${value.speed} times`);
  });

  scrub.addEventListener('keydown', (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (by) void film.step(by);
    else if (event.key === 'PageUp') void film.seek(film.position.value + 1);
    else if (event.key === 'PageDown') void film.seek(film.position.value - 1);
    else if (event.key === 'Home') void film.seek(0);
    else if (event.key === 'End') void film.seek(film.duration);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  scrub.addEventListener('contextmenu', (event) => {
    // The original pauses so.
    event.preventDefault();
    film.pause();
  });
  scrub.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const bounds = scrub.getBoundingClientRect();
    const wasPlaying = film.playing.value;
    film.pause();
    // The newest place only: seeking takes longer than a hand.
    let wanted: number | undefined;
    let seeking: Promise<void> | undefined;
    const run = async (): Promise<void> => {
      while (wanted !== undefined) {
        const to = wanted;
        wanted = undefined;
        await film.seek(to);
      }
      seeking = undefined;
    };
    const take = ({ clientX }: PointerEvent): void => {
      const share = Math.min(Math.max((clientX - bounds.left) / bounds.width, 0), 1);
      wanted = share * film.duration;
      seeking ??= run();
    };
    scrub.setPointerCapture(event.pointerId);
    take(event);
    scrub.addEventListener('pointermove', take);
    const end = (): void => {
      scrub.removeEventListener('pointermove', take);
      if (wasPlaying) void Promise.resolve(seeking).then(() => film.play());
    };
    scrub.addEventListener('pointerup', end, { once: true });
    scrub.addEventListener('pointercancel', end, { once: true });
  });
  return element;
}

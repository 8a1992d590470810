// Parts of the video page that need no browser: which frame is seen when, from a file's table and by guess; where map and frame lie; the picture of a recording; ZIP
// files. How they play together is in video.test.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fitted } from '../../apps/web/src/pages/image/layout.ts';
import { filmView, placeFilm } from '../../apps/web/src/pages/video/film_layout.ts';
import { FrameGrabber } from '../../apps/web/src/pages/video/frame_grabber.ts';
import { evenFrames, exactFrames } from '../../apps/web/src/pages/video/frame_table.ts';
import {
  recordedSize,
  recordedView,
  withFrame,
} from '../../apps/web/src/worker/film/film_picture.ts';
import { smallerSizes } from '../../apps/web/src/worker/film/movie_writer.ts';
import { ZipWriter } from '../../apps/web/src/zip_writer.ts';
import { unzip } from '../support/unzip.ts';

describe('frames', () => {
  /** A rate that is no whole number of milliseconds, and times as a file rounds them. */
  const times = Array.from({ length: 30 }, (_, i) => Math.round((1000 * i * 1001) / 30_000) / 1000);
  const tables = [
    ['exact', exactFrames(times, 1.001)],
    ['even', evenFrames(1001 / 30_000, 1.001)],
  ] as const;

  test.each(tables)('%s: every one is found by its own moments', (_, frames) => {
    expect(frames.count).toBe(30);
    for (let i = 0; i < 30; i++) {
      expect(frames.indexAt(frames.timeOf(i))).toBe(i);
      expect(frames.indexAt(frames.middleOf(i))).toBe(i);
      // As a browser gives it back: microseconds, cut off.
      expect(frames.indexAt(Math.floor(frames.timeOf(i) * 1e6) / 1e6)).toBe(i);
    }
  });

  test.each(tables)('%s: what lies outside is the first or the last', (_, frames) => {
    expect(frames.indexAt(-1)).toBe(0);
    expect(frames.indexAt(99)).toBe(29);
    expect(frames.timeOf(-5)).toBe(0);
    expect(frames.middleOf(99)).toBeGreaterThan(frames.timeOf(29));
    expect(frames.middleOf(99)).toBeLessThanOrEqual(1.001);
  });

  test('of uneven length', () => {
    const frames = exactFrames([0, 0.1, 0.5, 0.55], 2);
    expect([0.05, 0.1, 0.49, 0.5, 0.56, 1.9].map((at) => frames.indexAt(at))).toEqual([
      0, 1, 1, 2, 3, 3,
    ]);
    expect(frames.middleOf(1)).toBeCloseTo(0.3, 9);
  });

  test('a film of one', () => {
    expect(exactFrames([0], 4).middleOf(0)).toBe(2);
    expect(evenFrames(1 / 30, 0).count).toBe(1);
  });
});

describe('a frame of a video that stands', () => {
  const frames = exactFrames([0, 0.1, 0.2], 0.3);
  const video = { paused: true, currentTime: 0.12 };
  /** What is shown, in seconds, each time that somebody asks; the last for good. */
  let shown: number[] = [];
  let closed = 0;
  class Frame {
    readonly timestamp = 1e6 * (shown.length > 1 ? shown.shift()! : shown[0]!);
    close(): void {
      closed++;
    }
  }
  const grab = async (...times: number[]): Promise<Frame> => {
    [shown, closed] = [times, 0];
    return (await grabber.grab(frames)) as unknown as Frame;
  };
  const grabber = new FrameGrabber(video as HTMLVideoElement, 1);
  beforeAll(() => {
    vi.stubGlobal('VideoFrame', Frame);
  });
  afterAll(() => {
    vi.unstubAllGlobals();
  });

  test('is the one that was sought, not the one before that is still shown', async () => {
    expect((await grab(0.1)).timestamp).toBe(1e5);
    expect(closed).toBe(0);
    expect((await grab(0, 0, 0, 0.1)).timestamp).toBe(1e5);
    expect(closed).toBe(3);
    // It may need to be told once more.
    expect(video.currentTime).toBeCloseTo(0.15, 9);
  });

  test('is the one that is shown where frames have another clock than their file', async () => {
    expect((await grab(7)).timestamp).toBe(7e6);
    expect(closed).toBeGreaterThan(10);
    expect((await grab(7)).timestamp).toBe(7e6);
    expect(closed).toBe(0);
  });
});

describe('map and frame in the stage', () => {
  const stage = { width: 1016, height: 600 };
  const film = { width: 200, height: 100 };
  const padding = { x: 4, y: 0 };
  type Layout = 'depth' | 'inset' | 'side' | 'stack';
  const panes = (layout: Layout, camera = fitted, ready = true) => {
    const placed = placeFilm(stage, film, layout, { padding, camera });
    return filmView(stage, placed, { scale: 1, radius: 0, ready }).panes;
  };

  test('beside each other, above each other, and one in the corner of the other', () => {
    expect(panes('side').map(({ content, rect }) => [content, rect])).toEqual([
      ['photo', { x: 4, y: 175, width: 500, height: 250 }],
      ['depth', { x: 512, y: 175, width: 500, height: 250 }],
    ]);
    expect(panes('stack').map(({ content, rect }) => [content, rect])).toEqual([
      ['photo', { x: 212, y: 0, width: 592, height: 296 }],
      ['depth', { x: 212, y: 304, width: 592, height: 296 }],
    ]);
    const [depth, photo] = panes('inset');
    expect([depth!.content, photo!.content]).toEqual(['depth', 'photo']);
    expect(photo!.rect.x + photo!.rect.width).toBe(4 + 1008 - 12);
  });

  test.each(['depth', 'inset', 'side', 'stack'] as const)(
    '%s: before there is a map the frame is seen once',
    (layout) => {
      expect(panes(layout, fitted, false).map(({ content }) => content)).toEqual(['photo']);
    },
  );

  test('enlarged, each stays in its part of the stage, and the inset in sight', () => {
    const near = { zoom: 4, x: 0.2, y: 0.7 };
    const [photo, depth] = panes('side', near);
    expect(photo!.rect.width).toBe(2000);
    expect(photo!.clip!.x + photo!.clip!.width).toBeLessThanOrEqual(504);
    expect(depth!.clip!.x).toBeGreaterThanOrEqual(512);
    const [, inset] = panes('inset', near);
    expect(inset!.rect.x + inset!.rect.width).toBeLessThanOrEqual(stage.width);
    expect(inset!.rect.y).toBeGreaterThanOrEqual(0);
    expect(inset!.rect.width / inset!.rect.height).toBeCloseTo(2, 9);
  });
});

describe('the picture of a recording', () => {
  const film = { width: 161, height: 91 };
  const map = { width: 98, height: 56 };
  const shown = {
    width: 800,
    height: 600,
    scale: 2,
    radius: 16,
    panes: [
      { content: 'depth' as const, rect: { x: 100, y: -50, width: 600, height: 500 } },
      { content: 'photo' as const, rect: { x: 500, y: 20, width: 150, height: 120 } },
    ],
  };

  test('has even sides, of the map or of the film, and twice the width with the frame', () => {
    const of = (size: 'map' | 'film', beside: boolean) =>
      recordedSize({ size, beside }, { film, map, shown: undefined });
    expect(of('map', false)).toEqual(map);
    expect(of('film', false)).toEqual({ width: 160, height: 90 });
    expect(of('film', true)).toEqual({ width: 322, height: 90 });
  });

  test('beside: the frame left, the map right; above it where it is wider than two to one', () => {
    const places = (size: 'map' | 'film', of: { film: typeof film; map: typeof map }) => {
      const from = { ...of, shown };
      const wanted = { size, beside: true };
      const { panes, width, height } = recordedView(recordedSize(wanted, from), wanted, from);
      return [
        [width, height],
        ...panes.map(({ content, rect }) => [content, ...Object.values(rect)]),
      ];
    };
    expect(places('film', { film, map })).toEqual([
      [322, 90],
      ['photo', 0, 0, 161, 90],
      ['depth', 161, 0, 161, 90],
    ]);
    const wide = { film: { width: 480, height: 200 }, map: { width: 56, height: 56 } };
    expect(places('film', wide)).toEqual([
      [480, 400],
      ['photo', 0, 0, 480, 200],
      ['depth', 0, 200, 480, 200],
    ]);
    // A network that sees squares gives square maps.
    expect(places('map', wide)[0]).toEqual([112, 56]);
    expect(withFrame({ width: 400, height: 200 })).toEqual({ width: 800, height: 200 });
  });

  test('smaller ones where textures or encoders have no room, in the same shape', () => {
    const sizes = [...smallerSizes({ width: 16_000, height: 2000 }, 8192)];
    expect(sizes.slice(0, 2)).toEqual([
      { width: 8192, height: 1024 },
      { width: 6144, height: 768 },
    ]);
    expect(sizes.at(-1)!.width).toBeGreaterThan(1600);
    const [first] = smallerSizes({ width: 322, height: 90 }, 8192);
    expect(first).toEqual({ width: 322, height: 90 });
  });

  test('as shown: the layout without the empty borders and round corners', () => {
    const wanted = { size: 'shown', beside: false } as const;
    const size = recordedSize(wanted, { film, map, shown });
    expect(size).toEqual({ width: 600, height: 450 });
    const view = recordedView(size, wanted, { film, map, shown });
    expect(view.radius).toBe(0);
    const [depth, photo] = view.panes;
    expect(depth!.rect.x).toBeCloseTo(0, 0);
    expect(photo!.rect.x - depth!.rect.x).toBeCloseTo(400, 0);
    expect(photo!.rect.width).toBeCloseTo(150, 0);
  });

  test('as shown, enlarged: only what is seen of the layout', () => {
    const [depth] = shown.panes;
    const clip = { x: 200, y: 100, width: 400, height: 300 };
    const near = { ...shown, panes: [{ ...depth!, clip }] };
    const from = { film, map, shown: near };
    const wanted = { size: 'shown', beside: false } as const;
    const size = recordedSize(wanted, from);
    expect(size).toEqual({ width: 400, height: 300 });
    const [pane] = recordedView(size, wanted, from).panes;
    expect(pane!.clip).toEqual({ x: 0, y: 0, width: 400, height: 300 });
    expect([pane!.rect.x, pane!.rect.y]).toEqual([-100, -150]);
  });
});

describe('a ZIP', () => {
  async function read(zip: ZipWriter): Promise<Map<string, Buffer>> {
    const folder = mkdtempSync(join(tmpdir(), 'dpt-zip-'));
    try {
      const path = join(folder, 'a.zip');
      writeFileSync(path, Buffer.from(await zip.finish().arrayBuffer()));
      return await unzip(path);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  test('holds files as they are, in order, with names in any script', async () => {
    const zip = new ZipWriter();
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) & 0xff);
    await zip.add('empty.txt', new Blob([]));
    await zip.add('Höhe/深度.bin', new Blob([bytes]));
    const files = await read(zip);
    expect([...files.keys()]).toEqual(['empty.txt', 'Höhe/深度.bin']);
    expect(files.get('empty.txt')).toHaveLength(0);
    expect(Buffer.compare(files.get('Höhe/深度.bin')!, Buffer.from(bytes))).toBe(0);
  });

  test('takes a name once', async () => {
    const zip = new ZipWriter();
    await zip.add('a', new Blob(['first']));
    await zip.add('a', new Blob(['second']));
    expect((await read(zip)).get('a')!.toString()).toBe('first');
  });

  test('without files is empty', async () => {
    expect((await read(new ZipWriter())).size).toBe(0);
  });
});

import { type Calibration, calibrate, distanceOf } from '@dpt-webgpu/dpt';
import type { App } from '../../app.ts';
import { type Child, h, setText } from '../../dom.ts';
import { icon } from '../../icons.ts';
import type { Settings } from '../../settings.ts';
import { Store } from '../../store.ts';
import { type Group, group } from '../../ui/group.ts';
import { metresText, plural, valueText } from '../../words.ts';
import type { Place } from '../../worker/image/image_calls.ts';
import { type MeasuredPoint, recallPoints, rememberPoints } from './calibration_memory.ts';
import type { ImageRunner } from './image_runner.ts';
import { type Crop, cropOf, type ImageSettings } from './image_settings.ts';
import type { Mark } from './marks.ts';

const MOST = 8;

/** What was read at one place. */
export interface Reading {
  readonly value: number;
  readonly nearness: number;
  readonly metres: number | undefined;
}

/** Points in the photo: their values, the distances that somebody knows, and the line that fits these. */
export class Measure {
  readonly group: Group;
  /** Points as the stage shows them. */
  readonly marks = new Store<readonly Mark[]>([]);
  /** The last point that was set or moved, for the status line. */
  readonly last = new Store<(Reading & Place) | undefined>(undefined);
  readonly #app: App;
  readonly #settings: Settings<ImageSettings>;
  readonly #runner: ImageRunner;
  readonly #rows = h('ol', { class: 'points' });
  readonly #result = h('p', { class: 'small quiet' });
  readonly #clear = h(
    'button',
    { class: 'btn', type: 'button' },
    icon('trash', true),
    'Remove all points',
  );
  #points: MeasuredPoint[] = [];
  #readings: readonly Reading[] = [];
  #line: Calibration | undefined;
  #photo: File | undefined;

  constructor(app: App, settings: Settings<ImageSettings>, runner: ImageRunner) {
    this.#app = app;
    this.#settings = settings;
    this.#runner = runner;
    this.group = group(
      { id: 'measure', title: 'Measure', open: false },
      this.#rows,
      this.#result,
      this.#clear,
    );
    this.#clear.addEventListener('click', () => this.clear());
    runner.photo.watch((photo) => {
      const file = photo.state === 'open' ? photo.file : undefined;
      if (file !== this.#photo) void this.#changePhoto(file);
    });
    // Values follow the model, its size, and the plane and percentiles of the look.
    runner.look.watch((look) => {
      if (look) void this.#read();
    });
    this.#show();
  }

  /** Sets a point at a place of what is shown. */
  add(place: Place): void {
    if (this.#points.length >= MOST) {
      this.#app.toast.show(
        `${MOST} points are the most. Delete removes the one that has the focus.`,
      );
      return;
    }
    this.#points = [...this.#points, this.#inPhoto(place)];
    this.group.element.open = true;
    this.#changed();
  }

  move(index: number, place: Place): void {
    const point = this.#points[index];
    if (!point) return;
    this.#points[index] = { ...this.#inPhoto(place), metres: point.metres };
    this.#changed();
  }

  remove(index: number): void {
    this.#points.splice(index, 1);
    this.#changed();
  }

  clear(): void {
    this.#points = [];
    this.last.set(undefined);
    this.#changed();
  }

  /** For the file of settings. */
  get calibration(): {
    points: readonly (MeasuredPoint & Reading)[];
    slope?: number;
    offset?: number;
  } {
    const points = this.#points.map((point, i) => ({ ...this.#readings[i]!, ...point }));
    return this.#line ? { points, slope: this.#line.slope, offset: this.#line.offset } : { points };
  }

  /** The metres of a nearness, where something says: a metric model, or two measured points. */
  metresOf({ value, nearness }: { value: number; nearness: number }): number | undefined {
    if (this.#app.engine.info?.depth === 'metric') return value;
    return this.#line ? distanceOf(nearness, this.#line) : undefined;
  }

  async #changePhoto(file: File | undefined): Promise<void> {
    this.#photo = file;
    this.#points = [];
    this.#readings = [];
    this.last.set(undefined);
    this.#fit();
    this.#show();
    if (!file) return;
    const points = await recallPoints(file);
    if (this.#photo !== file || points.length === 0) return;
    this.#points = points.slice(0, MOST);
    await this.#read();
  }

  #changed(): void {
    if (this.#photo) void rememberPoints(this.#photo, this.#points);
    void this.#read();
  }

  async #read(): Promise<void> {
    const points = this.#points;
    if (points.length === 0 || !this.#runner.facts.value) {
      this.#readings = [];
      this.#fit();
      this.#show();
      return;
    }
    try {
      const places = points.map((point) => this.#inPicture(point));
      const picked = await this.#app.engine.call('image.pick', places);
      if (points !== this.#points && points.length !== this.#points.length) return;
      this.#readings = picked.map((reading) => ({ ...reading, metres: undefined }));
      this.#fit();
      this.#readings = picked.map((reading) => ({ ...reading, metres: this.metresOf(reading) }));
      const last = points.length - 1;
      if (this.#readings[last]) this.last.set({ ...this.#readings[last], ...places[last]! });
    } catch {
      // The state of the run or of the device says why.
    }
    this.#show();
  }

  /** The line through the points with known distances; none where there are fewer than two, or no line fits. */
  #fit(): void {
    const known = this.#points.flatMap(({ metres }, i) => {
      const reading = this.#readings[i];
      return metres !== undefined && reading ? [{ value: reading.nearness, metres }] : [];
    });
    const before = this.#line;
    this.#line = undefined;
    if (known.length >= 2 && this.#app.engine.info?.depth !== 'metric') {
      try {
        const line = calibrate(known);
        // Far would be near: the distances contradict the map.
        if (line.slope > 0) this.#line = line;
      } catch {
        // Two points of one value.
      }
    }
    const line = this.#line && { slope: this.#line.slope, offset: this.#line.offset };
    this.#runner.line = line;
    const changed = before?.slope !== line?.slope || before?.offset !== line?.offset;
    if (changed && this.#settings.value.view === 'normals') this.#runner.requestLook();
  }

  #show(): void {
    while (this.#rows.children.length > this.#points.length) this.#rows.lastChild!.remove();
    for (const [i, point] of this.#points.entries()) {
      const row = (this.#rows.children[i] as HTMLElement | undefined) ?? this.#makeRow(i);
      if (!row.isConnected || row.parentElement !== this.#rows) this.#rows.append(row);
      const reading = this.#readings[i];
      const [value, input] = [row.querySelector('b')!, row.querySelector('input')!];
      setText(value, reading ? reading.nearness.toFixed(3) : '…');
      value.title = reading ? `${valueText(reading.value)} as the network gave it` : '';
      if (document.activeElement !== input) {
        input.value = point.metres === undefined ? '' : String(point.metres);
      }
      const fitted = reading?.metres === undefined ? '' : metresText(reading.metres);
      setText(row.querySelector('.fitted')!, fitted);
    }
    this.#clear.hidden = this.#points.length === 0;
    setText(this.#result, this.#words());
    const badge = this.#points.length === 0 ? '' : plural(this.#points.length, 'point');
    this.group.setBadge(badge);
    this.marks.set(
      this.#points.map((point, i) => ({
        ...this.#inPicture(point),
        text: textOf(this.#readings[i]),
      })),
    );
  }

  #words(): string {
    if (this.#app.engine.info?.depth === 'metric') {
      return 'This model gives metres. Press Pick and a point of the picture.';
    }
    if (this.#points.length === 0) {
      return 'Press Pick and a point of the picture to read its value. Two points make metres. More points show how well they fit.';
    }
    const known = this.#points.filter(({ metres }) => metres !== undefined).length;
    if (known < 2) return 'Two points make metres. More points show how well they fit.';
    if (!this.#line) return 'No line fits: the nearer point must have the larger value.';
    const { slope, offset, residuals } = this.#line;
    const worst = Math.max(...residuals.map(Math.abs));
    const fit = known === 2 ? '' : ` Largest error ${metresText(worst)}.`;
    return `1 / metres = ${valueText(slope)} × value ${offset < 0 ? '−' : '+'} ${valueText(Math.abs(offset))}.${fit}`;
  }

  #makeRow(index: number): HTMLElement {
    const input = h('input', {
      class: 'text',
      inputmode: 'decimal',
      placeholder: 'metres',
      'aria-label': `Distance of point ${index + 1} in metres`,
      autocomplete: 'off',
    });
    input.addEventListener('change', () => {
      const metres = Number.parseFloat(input.value.replace(',', '.'));
      const point = this.#points[index];
      if (!point) return;
      const good = Number.isFinite(metres) && metres > 0;
      this.#points[index] = { x: point.x, y: point.y, metres: good ? metres : undefined };
      this.#changed();
    });
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') input.blur();
    });
    const remove = h(
      'button',
      { class: 'btn icon bare', type: 'button', 'aria-label': `Remove point ${index + 1}` },
      icon('cross', true),
    );
    remove.addEventListener('click', () => this.remove(index));
    const parts: Child[] = [
      h('span', { class: 'quiet' }, `${index + 1}`),
      h('b', {}),
      input,
      h('span', { class: 'fitted small' }),
      remove,
    ];
    return h('li', {}, ...parts);
  }

  /** Points belong to the photo; what is shown may be a part of it. */
  #inPhoto({ x, y }: Place): Place {
    const crop = this.#crop();
    return { x: crop.x + x * crop.width, y: crop.y + y * crop.height };
  }

  #inPicture({ x, y }: Place): Place {
    const crop = this.#crop();
    return { x: (x - crop.x) / crop.width, y: (y - crop.y) / crop.height };
  }

  #crop(): Crop {
    return cropOf(this.#settings.value) ?? { x: 0, y: 0, width: 1, height: 1 };
  }
}

function textOf(reading: Reading | undefined): string {
  if (!reading) return '…';
  return reading.metres === undefined ? reading.nearness.toFixed(3) : metresText(reading.metres);
}

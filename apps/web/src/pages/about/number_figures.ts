import { calibrate, distanceOf, lineBetween } from '@dpt-webgpu/dpt';
import { h, setText } from '../../dom.ts';
import { type Slider, type SliderOptions, slider } from '../../ui/slider.ts';
import { metresText } from '../../words.ts';
import { figureBox, type Mark, type Plot, plotOf } from './figure_plot.ts';

/** The distances that the axes of the figures end at. */
const FARTHEST = 20;

/** Figures on what a depth map's numbers mean, with sliders to move: docs/results.md tells the same. */
export function makeNumberFigures(): readonly HTMLElement[] {
  return [inverseDepth(), twoScenes(), knownDistances(), planarAndRay()];
}

type SliderRow = Omit<SliderOptions, 'onChange'>;

interface LiveFigure<K extends string> {
  readonly title: string;
  /** What stands above the picture. */
  readonly about: string;
  readonly plot: Plot;
  readonly rows: Readonly<Record<K, SliderRow>>;
  /** Draws what the sliders say, and puts it in words. */
  readonly draw: (values: Readonly<Record<K, number>>, plot: Plot) => string;
}

function live<K extends string>({ title, about, plot, rows, draw }: LiveFigure<K>): HTMLElement {
  const keys = Object.keys(rows) as K[];
  const values = Object.fromEntries(keys.map((key) => [key, rows[key].start])) as Record<K, number>;
  const words = h('output', {});
  const show = (): void => {
    const text = draw(values, plot);
    setText(words, text);
    plot.say(`${title}: ${text}`);
  };
  const sliders: Slider[] = keys.map((key) =>
    slider({
      ...rows[key],
      onChange(value) {
        values[key] = value;
        show();
      },
    }),
  );
  show();
  return figureBox(
    h('h3', {}, title),
    h('p', {}, about),
    plot.element,
    h('div', { class: 'live-rows' }, ...sliders.map(({ element }) => element)),
    words,
  );
}

/** value = s / distance + t, brought to 0…1: most of the values go to what is near. */
function inverseDepth(): HTMLElement {
  return live({
    title: 'Inverse depth',
    about:
      'A value is s / distance + t, with a scale s and a shift t that nobody knows: large is near. The nearest point of a picture gets 1, the farthest 0, and what lies between them is no straight line.',
    plot: plotOf({ x: [0, FARTHEST, 'metres'], y: [0, 1, 'value'] }),
    rows: {
      value: { label: 'Value', min: 0, max: 1, step: 0.01, start: 0.5, digits: 2 },
      near: { label: 'Nearest', min: 0.5, max: 5, step: 0.1, start: 1, unit: 'm', digits: 1 },
      far: { label: 'Farthest', min: 6, max: FARTHEST, step: 0.5, start: 12, unit: 'm', digits: 1 },
    },
    draw({ value, near, far }, plot) {
      const line = lineBetween(near, far);
      const at = (v: number): number => distanceOf(v, line);
      plot.curves({ points: steps(0, 1).map((v) => [at(v), v]) });
      const marks: Mark[] = [{ at: [at(value), value], text: metresText(at(value)) }];
      plot.marks(marks);
      const [scale, shift] = [1 / line.slope, -line.offset / line.slope];
      return `${value.toFixed(2)} is ${metresText(at(value))} away, with s = ${scale.toFixed(2)} and t = ${shift.toFixed(2)}. Half of the values lie between ${metresText(near)} and ${metresText(at(0.5))}.`;
    },
  });
}

/** The same wall in two pictures: s and t are new for each. */
function twoScenes(): HTMLElement {
  return live({
    title: 'Another picture, another number',
    about:
      'Two pictures of one room: the wall stays where it is, but something comes nearer in the second. Each picture has its own s and t, so numbers of two pictures are not compared.',
    plot: plotOf({ x: [0, FARTHEST / 2, 'metres'], y: [0, 1, 'value'] }),
    rows: {
      wall: { label: 'The wall', min: 3, max: 7, step: 0.1, start: 4, unit: 'm', digits: 1 },
      near: {
        label: 'Nearest in the second',
        min: 0.3,
        max: 2.9,
        step: 0.1,
        start: 0.6,
        unit: 'm',
        digits: 1,
      },
    },
    draw({ wall, near }, plot) {
      const far = 8;
      const valueAt = (nearest: number, metres: number): number =>
        (1 / metres - 1 / far) / (1 / nearest - 1 / far);
      const curve = (nearest: number) =>
        steps(nearest, far).map((metres) => [metres, valueAt(nearest, metres)] as const);
      plot.curves({ points: curve(2) }, { points: curve(near), other: true });
      const [first, second] = [valueAt(2, wall), valueAt(near, wall)];
      plot.marks([
        { at: [wall, first], text: first.toFixed(2) },
        { at: [wall, second], text: second.toFixed(2), other: true, below: second < first },
      ]);
      return `The wall is ${metresText(wall)} away in both. Its value is ${first.toFixed(2)} where the nearest point is ${metresText(2)} away, and ${second.toFixed(2)} (dashed) where that is ${metresText(near)}.`;
    },
  });
}

/** Two known distances settle s and t; an error of one grows with the square of the distance. */
function knownDistances(): HTMLElement {
  const truth = lineBetween(1, FARTHEST);
  const valueAt = (metres: number): number => (1 / metres - truth.offset) / truth.slope;
  return live({
    title: 'Two known distances make metres',
    about:
      'Two points whose distances are known settle s and t. Here one is 2 m away; the other is measured with an error. Measure on the page Image does the same with your points, as 1 / metres = A × value + B with A = 1 / s and B = −t / s; more than two even errors out.',
    plot: plotOf({ x: [0, FARTHEST, 'true metres'], y: [0, FARTHEST, 'told'] }),
    rows: {
      at: { label: 'The second point', min: 3, max: 18, step: 0.5, start: 5, unit: 'm', digits: 1 },
      error: { label: 'Measured wrong by', min: -10, max: 10, step: 1, start: 5, unit: '%' },
    },
    draw({ at, error }, plot) {
      const known = [2, at].map((metres) => ({ value: valueAt(metres), metres }));
      known[1]!.metres *= 1 + error / 100;
      const line = calibrate(known);
      const told = (metres: number): number => distanceOf(valueAt(metres), line);
      const all = steps(1, FARTHEST);
      plot.curves(
        { points: all.map((metres) => [metres, metres]), faint: true },
        { points: all.map((metres) => [metres, told(metres)]) },
      );
      plot.marks(known.map(({ metres }, i) => ({ at: [[2, at][i]!, metres], text: '' })));
      const [near, far] = [3, 15];
      return `What is ${metresText(near)} away is told as ${metresText(told(near))}, what is ${metresText(far)} away as ${metresText(told(far))}: far points are the least sure.`;
    },
  });
}

/** A wall from above: the distance along the axis is one, the rays differ. */
function planarAndRay(): HTMLElement {
  const wall = 3;
  return live({
    title: 'Planar or ray, and the field of view',
    about:
      'Seen from above: a camera at the left, a wall in front of it. A map holds the distance along the camera’s axis, which is the same for all of the wall; the way to a point at its side is longer. How wide the wall is depends on the field of view, which no model knows.',
    plot: plotOf({ x: [0, 4, 'metres'], y: [-2.6, 2.6, ''], even: true }),
    rows: {
      fov: { label: 'Field of view', min: 20, max: 80, step: 1, start: 60, unit: '°' },
      place: { label: 'Place in the picture', min: -100, max: 100, step: 5, start: 70, unit: '%' },
    },
    draw({ fov, place }, plot) {
      const side = Math.tan((fov * Math.PI) / 360);
      const x = (place / 100) * side;
      const edge = side * wall;
      plot.curves(
        {
          points: [
            [wall, edge],
            [0, 0],
            [wall, -edge],
          ],
          faint: true,
        },
        {
          points: [
            [wall, edge],
            [wall, -edge],
          ],
          bold: true,
        },
        {
          points: [
            [0, 0],
            [wall, 0],
          ],
        },
        {
          points: [
            [0, 0],
            [wall, x * wall],
          ],
          other: true,
        },
      );
      const ray = wall * Math.hypot(1, x);
      plot.marks([
        { at: [wall, 0], text: metresText(wall) },
        { at: [wall, x * wall], text: metresText(ray), other: true, below: x < 0 },
      ]);
      return `${metresText(wall)} along the axis, ${metresText(ray)} along the ray (dashed): √(1 + x²) = ${(ray / wall).toFixed(2)} times as far. The picture holds ${metresText(2 * edge)} of the wall.`;
    },
  });
}

/** 61 numbers from one to another. */
const steps = (from: number, to: number): readonly number[] =>
  Array.from({ length: 61 }, (_, i) => from + ((to - from) * i) / 60);

import { h, svgElement } from '../../dom.ts';

type Point = readonly [x: number, y: number];
/** From, to, and what is counted. */
type Axis = readonly [low: number, high: number, name: string];

export interface Curve {
  readonly points: readonly Point[];
  /** The second of two: dashed, so that colour is not alone. */
  readonly other?: boolean;
  readonly faint?: boolean;
  readonly bold?: boolean;
}

export interface Mark {
  readonly at: Point;
  readonly text: string;
  readonly other?: boolean;
  /** The text stands below the point. */
  readonly below?: boolean;
}

export interface Plot {
  readonly element: SVGSVGElement;
  curves(...curves: readonly Curve[]): void;
  marks(marks: readonly Mark[]): void;
  /** What is seen, for those who do not see it. */
  say(text: string): void;
}

const WIDTH = 400;
const HEIGHT = 200;
const LEFT = 40;
const RIGHT = 12;
const TOP = 24;
const BOTTOM = 30;
/** Where there are no words at the axes. */
const EDGE = 10;
/** Marks on an axis. */
const TICKS = 4;

/** Curves and points over two axes. `even`: a metre is as long on both, and the second axis has no marks. */
export function plotOf({
  x,
  y,
  even = false,
}: {
  readonly x: Axis;
  readonly y: Axis;
  readonly even?: boolean;
}): Plot {
  const viewBox = `0 0 ${WIDTH} ${HEIGHT}`;
  const element = svgElement('svg', { class: 'live-plot', viewBox, role: 'img' });
  const bottom = HEIGHT - (even ? EDGE : BOTTOM);
  const top = even ? EDGE : TOP;
  const tall = bottom - top;
  const wide = even ? (tall * (x[1] - x[0])) / (y[1] - y[0]) : WIDTH - LEFT - RIGHT;
  const start = even ? (WIDTH - wide) / 2 : LEFT;
  const across = (value: number): number => start + ((value - x[0]) / (x[1] - x[0])) * wide;
  const up = (value: number): number => bottom - ((value - y[0]) / (y[1] - y[0])) * tall;
  const place = ([a, b]: Point): string => `${across(a).toFixed(1)} ${up(b).toFixed(1)}`;

  const axes = svgElement('g', { class: 'axes' });
  if (!even) axes.append(svgElement('path', { d: `M${start} ${top}V${bottom}H${start + wide}` }));
  for (let i = 0; i <= TICKS && !even; i++) {
    const [a, b] = [x, y].map(([low, high]) => low + ((high - low) * i) / TICKS) as [
      number,
      number,
    ];
    axes.append(
      svgElement('text', { x: across(a), y: bottom + 14, 'text-anchor': 'middle' }, numberText(a)),
      svgElement('text', { x: start - 6, y: up(b) + 4, 'text-anchor': 'end' }, numberText(b)),
    );
  }
  axes.append(
    svgElement('text', { x: start + wide, y: bottom + 27, 'text-anchor': 'end' }, even ? '' : x[2]),
    svgElement('text', { x: 8, y: 14 }, y[2]),
  );
  const lines = svgElement('g', {});
  const points = svgElement('g', {});
  element.append(axes, lines, points);

  return {
    element,
    curves(...curves) {
      lines.replaceChildren(
        ...curves.map(({ points: through, other, faint, bold }) =>
          svgElement('path', {
            class: ['line', other && 'other', faint && 'faint', bold && 'bold']
              .filter(Boolean)
              .join(' '),
            // What lies beyond the axes is not drawn.
            d: `M${through
              .filter(([, b]) => within(b, y))
              .map(place)
              .join('L')}`,
          }),
        ),
      );
    },
    marks(marks) {
      points.replaceChildren(
        ...marks.flatMap(({ at: [a, b], text, other, below }) => {
          const [left, height] = [across(a), up(b)];
          const toLeft = left > WIDTH - 80;
          const words = {
            x: left + (toLeft ? -8 : 8),
            y: height + (below && height + 18 < bottom ? 18 : -8),
            'text-anchor': toLeft ? 'end' : 'start',
          };
          return [
            svgElement('circle', { class: other ? 'other' : '', cx: left, cy: height, r: 4.5 }),
            svgElement('text', words, text),
          ];
        }),
      );
    },
    say: (text) => element.setAttribute('aria-label', text),
  };
}

export const figureBox = (...children: (Node | string)[]): HTMLElement =>
  h('figure', { class: 'live' }, ...children);

const within = (value: number, [low, high]: Axis): boolean => value >= low && value <= high;

const numberText = (value: number): string => String(Math.round(value * 100) / 100);

import { h, svgElement } from '../../dom.ts';
import { basisOf, type Orbit } from './camera.ts';

const REACH = 30;

const axes = [
  { axis: 'x', at: [1, 0, 0], colour: '#f28b82' },
  { axis: 'y', at: [0, 1, 0], colour: '#97d877' },
  { axis: 'z', at: [0, 0, 1], colour: '#82b1ff' },
] as const;

/** Balls that turn with the view. One leads along its axis; the faint one on the other side looks from behind. */
export function makeGizmo(look: (axis: 'x' | 'y' | 'z', behind: boolean) => void) {
  const svg = svgElement('svg', { viewBox: '-46 -46 92 92' });
  const balls = axes.flatMap(({ axis, at, colour }) =>
    [1, -1].map((sign) => {
      const behind = sign < 0;
      const line = svgElement('line', { stroke: colour, 'stroke-width': 2 });
      const ball = svgElement('circle', {
        r: behind ? 6 : 10,
        fill: colour,
        opacity: behind ? 0.4 : 1,
      });
      const group = svgElement('g', { class: 'ball' });
      const label = svgElement('text', {}, behind ? '' : axis.toUpperCase());
      if (!behind) group.append(line);
      group.append(ball, label);
      group.addEventListener('click', () => look(axis, behind));
      return { group, line, ball, label, at: at.map((value) => value * sign) };
    }),
  );
  return {
    // The keys X, Y and Z do the same, and are in the sheet.
    element: h('div', { class: 'gizmo', 'aria-hidden': 'true' }, svg),
    show(orbit: Pick<Orbit, 'yaw' | 'pitch'>): void {
      const { right, up, back } = basisOf(orbit);
      const dot = (a: readonly number[], b: readonly number[]): number =>
        a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
      const placed = balls.map((entry) => {
        const [x, y] = [REACH * dot(entry.at, right), -REACH * dot(entry.at, up)];
        for (const [name, value] of [
          ['cx', x],
          ['cy', y],
        ] as const)
          entry.ball.setAttribute(name, value.toFixed(1));
        entry.label.setAttribute('x', x.toFixed(1));
        entry.label.setAttribute('y', y.toFixed(1));
        entry.line.setAttribute('x2', x.toFixed(1));
        entry.line.setAttribute('y2', y.toFixed(1));
        return { entry, depth: dot(entry.at, back) };
      });
      placed.sort((a, b) => a.depth - b.depth);
      svg.replaceChildren(...placed.map(({ entry }) => entry.group));
    },
  };
}

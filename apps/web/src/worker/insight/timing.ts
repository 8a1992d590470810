import type { Profile } from '@dpt-webgpu/tensor';
import { boxOf } from './boxes.ts';
import { boxes, type Timing } from './insight_calls.ts';

const SLOWEST = 12;

/** A profile by boxes of figure 1, by ops, and its slowest steps. */
export function timingOf(profile: Profile): Timing {
  const { rows, clock, total } = profile;
  const inBox = new Map(boxes.map((box) => [box, 0]));
  const counts = new Map<string, number>();
  for (const { label, milliseconds } of rows) {
    const [op = ''] = label.split(' ');
    const box = boxOf(label.slice(op.length + 1));
    inBox.set(box, inBox.get(box)! + milliseconds);
    counts.set(op, (counts.get(op) ?? 0) + 1);
  }
  return {
    clock,
    total,
    boxes: [...inBox].map(([box, milliseconds]) => ({ box, milliseconds })),
    ops: [...profile.byOp()].map(([op, milliseconds]) => ({
      op,
      milliseconds,
      count: counts.get(op)!,
    })),
    slowest: [...rows]
      .sort((a, b) => b.milliseconds - a.milliseconds)
      .slice(0, SLOWEST)
      .map(({ label, milliseconds }) => ({ label, milliseconds })),
  };
}

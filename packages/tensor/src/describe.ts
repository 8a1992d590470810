import { mib } from './capabilities.ts';
import type { Trace } from './recorder.ts';
import { shapeText } from './shape.ts';

/** A table of steps: label, what is written, where. */
export function describe({ steps, intermediates, slots, bytes, largestBinding }: Trace): string {
  const slotOf = new Map(intermediates.map(({ storage }, i) => [storage, slots.slotOf[i]!]));
  const width = Math.max(...steps.map((step) => step.label.length), 4);
  const lines = steps.map((step, i) => {
    const writes = step.writes.map((tensor) => {
      const slot = slotOf.get(tensor.storage);
      return `${shapeText(tensor.shape)} ${tensor.dtype} ${slot === undefined ? 'own' : `slot ${slot}`}`;
    });
    return `${String(i).padStart(4)}  ${step.label.padEnd(width)}  ${writes.join(', ')}`;
  });
  const slotBytes = slots.slots.reduce((a, b) => a + b, 0);
  return [
    ...lines,
    `${steps.length} dispatches; ${slots.slots.length} slots of ${mib(slotBytes)} (no plan can do with less than ${mib(slots.lowerBound)}); ` +
      `${mib(bytes)} with inputs and outputs; largest binding ${mib(largestBinding)}`,
  ].join('\n');
}

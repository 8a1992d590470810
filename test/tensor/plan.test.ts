// plan: tensors that live at the same time never share a slot and every slot is large enough, for random lifetimes; examples
// worked out by hand; the bound that no plan can go below.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Lifetime, planSlots } from '../../packages/tensor/src/plan.ts';

const lifetime = fc
  .record({
    bytes: fc.integer({ min: 1, max: 1000 }),
    first: fc.nat({ max: 30 }),
    length: fc.nat({ max: 10 }),
  })
  .map(({ bytes, first, length }): Lifetime => ({ bytes, first, last: first + length }));

const sum = (bytes: readonly number[]): number => bytes.reduce((a, b) => a + b, 0);
const life = (bytes: number, first: number, last: number): Lifetime => ({ bytes, first, last });

test('no two that overlap share a slot, slots are large enough, the bound holds', () => {
  fc.assert(
    fc.property(fc.array(lifetime, { maxLength: 40 }), (lifetimes) => {
      const { slots, slotOf, lowerBound } = planSlots(lifetimes);
      expect(slotOf).toHaveLength(lifetimes.length);
      lifetimes.forEach((a, i) => {
        expect(slots[slotOf[i]!]).toBeGreaterThanOrEqual(a.bytes);
        lifetimes.forEach((b, j) => {
          if (i < j && slotOf[i] === slotOf[j])
            expect(a.last < b.first || b.last < a.first).toBe(true);
        });
      });
      let alive = 0;
      for (let step = 0; step <= 40; step++) {
        const now = lifetimes.filter(({ first, last }) => first <= step && step <= last);
        alive = Math.max(alive, sum(now.map(({ bytes }) => bytes)));
      }
      expect(lowerBound).toBe(alive);
      expect(sum(slots)).toBeGreaterThanOrEqual(lowerBound);
      // No slot is larger than what was put there, and none is empty.
      slots.forEach((bytes, slot) => {
        const inside = lifetimes.filter((_, i) => slotOf[i] === slot);
        expect(bytes).toBe(Math.max(...inside.map((a) => a.bytes)));
      });
      // Largest first: contexts hand out the buffers that they have in this order.
      expect(slots).toEqual([...slots].sort((a, b) => b - a));
    }),
    { numRuns: 300 },
  );
});

test('nothing', () => {
  expect(planSlots([])).toEqual({ slots: [], slotOf: [], lowerBound: 0 });
});

test('a chain takes turns in two slots', () => {
  // 0 → 1 → 2 → 3: each is written by one step and read by the next.
  expect(planSlots([life(8, 0, 1), life(8, 1, 2), life(8, 2, 3), life(8, 3, 4)])).toEqual({
    slots: [8, 8],
    slotOf: [0, 1, 0, 1],
    lowerBound: 16,
  });
});

test('all in one step get one each', () => {
  expect(planSlots([life(1, 5, 5), life(3, 5, 5), life(2, 5, 5)])).toEqual({
    slots: [3, 2, 1],
    slotOf: [2, 0, 1],
    lowerBound: 6,
  });
});

test('a residual stream keeps its slot, the branch beside it reuses the other two', () => {
  const residual = life(10, 0, 5);
  expect(planSlots([residual, life(40, 1, 2), life(10, 2, 3), life(40, 3, 4)])).toEqual({
    slots: [40, 10, 10],
    slotOf: [1, 0, 2, 0],
    lowerBound: 60,
  });
});

/** Where an intermediate lives: from the step that first writes it to the last that touches it. */
export interface Lifetime {
  /** Of the tensor. */
  readonly bytes: number;
  /** The step that writes it first, counted from 0. */
  readonly first: number;
  /** The step that touches it last. */
  readonly last: number;
}

/** Which intermediates share memory. */
export interface SlotPlan {
  /** Bytes of each slot. */
  readonly slots: readonly number[];
  /** The slot of each lifetime, in the order in which they were given. */
  readonly slotOf: readonly number[];
  /** The most bytes alive during one step: no plan can do with less. */
  readonly lowerBound: number;
}

/**
 * Gives every intermediate a slot that is free over its life. Largest first: the first tensor of a slot decides its
 * size, so later ones never make it grow.
 *
 * Slots are whole buffers rather than ranges of one, because WebGPU forbids binding one buffer for reading and for
 * writing in the same dispatch.
 */
export function planSlots(lifetimes: readonly Lifetime[]): SlotPlan {
  const order = lifetimes
    .map((_, i) => i)
    .sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes);
  const slots: { bytes: number; taken: Lifetime[] }[] = [];
  const slotOf = new Array<number>(lifetimes.length);
  for (const i of order) {
    const life = lifetimes[i]!;
    const free = (slot: { taken: Lifetime[] }): boolean =>
      slot.taken.every((other) => other.last < life.first || life.last < other.first);
    let at = slots.findIndex(free);
    if (at < 0) at = slots.push({ bytes: life.bytes, taken: [] }) - 1;
    slots[at]!.taken.push(life);
    slotOf[i] = at;
  }
  return { slots: slots.map((slot) => slot.bytes), slotOf, lowerBound: mostAlive(lifetimes) };
}

function mostAlive(lifetimes: readonly Lifetime[]): number {
  const change = new Map<number, number>();
  for (const { bytes, first, last } of lifetimes) {
    change.set(first, (change.get(first) ?? 0) + bytes);
    change.set(last + 1, (change.get(last + 1) ?? 0) - bytes);
  }
  let alive = 0;
  let most = 0;
  for (const step of [...change.keys()].sort((a, b) => a - b)) {
    alive += change.get(step)!;
    most = Math.max(most, alive);
  }
  return most;
}

/** A buffer that intermediates take turns in. */
export interface Slot {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  users: number;
}

/** The slots of a context. */
export class Slots {
  readonly #make: (bytes: number) => GPUBuffer;
  readonly #destroy: (buffer: GPUBuffer) => void;
  readonly #slots: Slot[] = [];

  constructor(make: (bytes: number) => GPUBuffer, destroy: (buffer: GPUBuffer) => void) {
    this.#make = make;
    this.#destroy = destroy;
  }

  /** See `Context.takeSlots`. */
  take(sizes: readonly number[]): Slot[] {
    const taken = new Set<Slot>();
    try {
      for (const bytes of sizes) {
        const fits = this.#slots
          .filter((slot) => !taken.has(slot) && slot.bytes >= bytes)
          .sort((a, b) => a.bytes - b.bytes);
        const slot = fits[0] ?? this.#add(bytes);
        slot.users++;
        taken.add(slot);
      }
    } catch (error) {
      this.giveBack([...taken]);
      throw error;
    }
    return [...taken];
  }

  /** See `Context.returnSlots`. */
  giveBack(slots: readonly Slot[]): void {
    for (const slot of slots) {
      if (--slot.users > 0) continue;
      this.#slots.splice(this.#slots.indexOf(slot), 1);
      this.#destroy(slot.buffer);
    }
  }

  #add(bytes: number): Slot {
    const slot = { buffer: this.#make(bytes), bytes, users: 0 };
    this.#slots.push(slot);
    return slot;
  }
}

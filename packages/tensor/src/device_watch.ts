import { DeviceLostError, DptError } from './errors.ts';

/** Whether a device is gone, and who waits for its answers: they reject with a `DeviceLostError` then. */
export class DeviceWatch {
  readonly #lost: Promise<GPUDeviceLostInfo> | undefined;
  readonly #waiting = new Set<(error: DeviceLostError) => void>();
  #reason: string | undefined;

  constructor(device: GPUDevice | undefined) {
    this.#lost = device?.lost;
    this.#lost?.then((info) => {
      this.#reason = info.message || info.reason;
      for (const reject of this.#waiting) reject(this.error());
      this.#waiting.clear();
    });
  }

  get isLost(): boolean {
    return this.#reason !== undefined;
  }

  error(options?: ErrorOptions): DeviceLostError {
    return new DeviceLostError(`The GPU device was lost: ${this.#reason}`, options);
  }

  /** See `Context.unlessLost`. */
  async unlessLost<T>(answer: Promise<T>): Promise<T> {
    try {
      const value = await this.#orLost(answer);
      // Some answers of a lost device look like any other.
      if (!this.isLost) return value;
    } catch (error) {
      if (error instanceof DeviceLostError) throw error;
      // The loss is reported after the failure that it caused: a moment, or more where the machine is busy. What was
      // aborted, was aborted by one; other failures mostly have other causes.
      await this.#lossWithin(
        ['AbortError', 'OperationError'].includes((error as Error).name) ? 5000 : 50,
      );
      if (!this.isLost) throw error;
      throw this.error({ cause: error });
    }
    throw this.error();
  }

  async #lossWithin(milliseconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([this.#lost, patience]);
    clearTimeout(timer);
  }

  /** Not a race with `device.lost`, which would remember every call for the life of the device. */
  #orLost<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isLost) reject(this.error());
      this.#waiting.add(reject);
      answer.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** See `Context.checked`. */
  async checked<T>(device: GPUDevice, label: string, make: () => T): Promise<T> {
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    let made: T | undefined;
    let thrown: { readonly error: unknown } | undefined;
    try {
      made = make();
    } catch (error) {
      thrown = { error };
    }
    const answers = Promise.all([device.popErrorScope(), device.popErrorScope()]);
    answers.catch(() => {});
    if (thrown) throw thrown.error;
    const [invalid, memory] = await this.unlessLost(answers);
    if (memory) {
      throw new DptError(
        'out-of-memory',
        `${label}: the GPU has no memory left for this (${memory.message}). Use a smaller size or model, or free what is not needed.`,
      );
    }
    if (invalid) throw new DptError('gpu', `${label}: ${invalid.message}`);
    return made as T;
  }
}

/** What kind of problem it is, for callers that react to it; the message is for people. */
export type DptErrorCode =
  | 'device-lost' // the GPU went away: make a device and call recreate()
  | 'disposed' // used after dispose()
  | 'limit' // the device, or the memory that was allowed, is too small: a smaller size, or other limits
  | 'out-of-memory' // the device could not make a buffer or texture within its limits
  | 'gpu' // WebGPU reported an error of validation or of the driver
  | 'unsupported' // the device lacks a feature, or the texture a usage or format
  | 'state-dict' // checkpoint and model disagree
  | 'no-adapter' // WebGPU is there, a GPU is not
  | 'not-finite' // the depth map holds NaN or infinity
  | 'invalid-argument'; // the caller asked for something impossible

/**
 * What this library throws where callers have a reason to tell problems apart. Aborts are the reason of the caller's
 * `AbortSignal`, as everywhere on the web. `CheckpointError` and `PictureError` of the loaders have a `code` of their own.
 */
export class DptError extends Error {
  override readonly name: string = 'DptError';
  readonly code: DptErrorCode;

  constructor(code: DptErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Thrown by pending and later calls once the device is gone. `recreate` of a model or predictor takes a new one. */
export class DeviceLostError extends DptError {
  override readonly name = 'DeviceLostError';

  constructor(message: string, options?: ErrorOptions) {
    super('device-lost', message, options);
  }
}

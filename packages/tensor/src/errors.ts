/** What kind of problem it is, for callers that react to it; the message is for people. */
export type DptErrorCode =
  // Of the engine and the models
  | 'device-lost' // the GPU went away: make a device and call recreate()
  | 'disposed' // used after dispose()
  | 'limit' // the device, or the memory that was allowed, is too small: a smaller size, or other limits
  | 'out-of-memory' // the device could not make a buffer or texture within its limits
  | 'gpu' // WebGPU reported an error of validation or of the driver
  | 'unsupported' // the device lacks a feature, or the texture a usage or format; a kind of file that is not read
  | 'state-dict' // checkpoint and model disagree
  | 'no-adapter' // WebGPU is there, a GPU is not
  | 'not-finite' // the depth map holds NaN or infinity
  | 'invalid-argument' // the caller asked for something impossible: shapes that do not fit, a number out of its range
  | 'invalid-state' // not now: while a recording is open, before weights are loaded, without a device
  // Of a `CheckpointError` or a `PictureError`
  | 'not-found' // no such file, a folder, no permission, an HTTP error
  | 'unreadable' // the storage or server behind the file failed; no such picture
  | 'changed' // the file is not the one that was opened
  | 'short-read' // fewer bytes came than the file is long
  | 'closed' // read after close()
  | 'empty' // zero bytes
  | 'lfs-pointer' // the text that stands for the file in git
  | 'web-page' // an HTML or JSON answer saved under the file's name
  | 'not-a-checkpoint' // some other kind of file
  | 'not-a-picture' // some other kind of file
  | 'too-large' // a picture of more pixels than allowed
  | 'corrupt' // the file contradicts itself
  | 'unsafe'; // the file asks for code to be run, or is built to exhaust its reader

/**
 * What these packages throw, all of them: `error instanceof DptError`, then `error.code`. Aborts are the reason of the
 * caller's `AbortSignal`, as everywhere on the web; a plain `Error` is a mistake of ours.
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

/** The error of a call that cannot be meant so, to be thrown. */
export const invalidArgument = (message: string): DptError =>
  new DptError('invalid-argument', message);

import { CheckpointError } from '@dpt-webgpu/loaders';
import { DeviceLostError, StateDictError } from '@dpt-webgpu/tensor';
import { EngineError, type Failure } from './protocol.ts';

/** Values of a map that are no numbers: `count` of so many. */
export function notFinite(dtype: 'f16' | 'f32', count: number, of: number): EngineError {
  return new EngineError({
    code: 'not-finite',
    message:
      dtype === 'f16'
        ? 'Half precision gave values that are not numbers.'
        : `The depth map has ${count} of ${of} values that are not numbers.`,
    remedy: dtype === 'f16' ? 'Use f32.' : 'The weights or the GPU driver are at fault.',
  });
}

/** What the page is told of an error. */
export function failureOf(error: unknown): Failure {
  if (error instanceof EngineError) return error.failure;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DeviceLostError) {
    return { code: 'device-lost', message: 'The GPU was reset.', details: message };
  }
  if (error instanceof StateDictError) {
    const [first = message, ...rest] = message.split('\n');
    const { missing, misshapen } = error;
    const names = [...missing, ...misshapen];
    const shown = names.slice(0, 2).join(', ') + (names.length > 2 ? ', …' : '');
    return {
      code: 'bad-model',
      message: names.length > 0 ? `${first.replace(/:$/, '')}: ${shown}.` : first,
      ...(rest.length > 0 ? { details: rest.join('\n') } : {}),
    };
  }
  if (error instanceof CheckpointError) {
    const { remedy } = error;
    return {
      code: 'bad-model',
      message: `${error.file} ${error.problem}`,
      ...(remedy ? { remedy } : {}),
      details: message,
    };
  }
  if (error instanceof DOMException && error.name === 'QuotaExceededError') {
    return {
      code: 'storage-full',
      message: 'There is no room left for this site.',
      remedy: 'Remove a stored model to make room.',
    };
  }
  if (/out of memory|allocation failed|Not enough memory/i.test(message)) {
    return { code: 'too-big', message: 'Too big for this GPU', details: message };
  }
  return {
    code: 'failed',
    message,
    ...(error instanceof Error && error.stack ? { details: error.stack } : {}),
  };
}

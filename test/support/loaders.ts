import type { StateDict } from '@dpt-webgpu/tensor';
import { expect } from 'vitest';
import type { CheckpointErrorCode } from '../../packages/loaders/src/index.ts';
import { CheckpointError, memorySource } from '../../packages/loaders/src/index.ts';

/** Bytes as a source named `model.pth`. */
export const source = (bytes: Uint8Array, name = 'model.pth') => memorySource(bytes, name);

/** Expects a CheckpointError of that code whose message matches. */
export async function expectRefused(
  attempt: Promise<unknown>,
  code: CheckpointErrorCode,
  message: RegExp,
): Promise<void> {
  const error = await attempt.then(
    (value) => new Error(`was accepted: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  const { code: found, message: text } = error as CheckpointError;
  expect(text).toMatch(message);
  expect(found).toBe(code);
}

/** The values of an f32, f64, i32 or u8 tensor. */
export async function values(stateDict: StateDict, name: string): Promise<number[]> {
  const tensor = stateDict.tensors.get(name)!;
  const { buffer, byteOffset, byteLength } = await tensor.read();
  const length = (size: number) => byteLength / size;
  switch (tensor.dtype) {
    case 'f32':
      return [...new Float32Array(buffer, byteOffset, length(4))];
    case 'f64':
      return [...new Float64Array(buffer, byteOffset, length(8))];
    case 'i32':
      return [...new Int32Array(buffer, byteOffset, length(4))];
    case 'i64':
      return [...new BigInt64Array(buffer, byteOffset, length(8))].map(Number);
    case 'f16':
    case 'bf16':
    case 'i16':
      return [...new Int16Array(buffer, byteOffset, length(2))];
    case 'i8':
      return [...new Int8Array(buffer, byteOffset, length(1))];
    default:
      return [...new Uint8Array(buffer, byteOffset, length(1))];
  }
}

export function run(
  device: GPUDevice,
  weights: ArrayBuffer | Uint8Array,
): Promise<{ readonly y: readonly number[]; readonly depth: readonly number[] }>;
export function ownDevice(): Promise<GPUDevice>;

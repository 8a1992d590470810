import { type DptConfig, networkSize, type Size } from '@dpt-webgpu/dpt';

export interface InputOptions {
  readonly size: number;
  /** A square whatever the picture, as muggled_dpt does unless told otherwise. */
  readonly square: boolean;
}

/** What the network sees of a photo. */
export function inputSize(
  image: DptConfig['image'],
  photo: Size,
  { size, square }: InputOptions,
): Size {
  // A square picture gets a square input under every rule.
  const shape = square ? { width: 1024, height: 1024 } : photo;
  // MiDaS' SwinV2 takes the one size that its windows were made for, whatever was used with the model before.
  const wanted = image.sizing === 'exact' ? image.baseSize : size;
  return networkSize(shape, image, { size: wanted, square });
}

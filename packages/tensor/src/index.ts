export { orAbort } from './abort.ts';
export {
  type Capabilities,
  capabilitiesOf,
  type DeviceNeeds,
  defaultCapabilities,
  deviceRequest,
  isSoftware,
  mib,
} from './capabilities.ts';
export { Context } from './context.ts';
export type { ContextOptions, MemoryUse } from './context_options.ts';
export { f32FromStored } from './convert.ts';
export { describe } from './describe.ts';
export { disposeSymbol } from './dispose_symbol.ts';
export {
  bufferBytes,
  bytesPerElement,
  type Dtype,
  f16FromArray,
  f16FromF32,
  f32FromF16,
} from './dtype.ts';
export { EdgePass, type EdgeResource } from './edge_pass.ts';
export { DeviceLostError, DptError, type DptErrorCode, invalidArgument } from './errors.ts';
export { defineKernel, Kernel, type KernelLayout } from './kernel.ts';
export type { Magnitude } from './magnitude.ts';
export {
  Conv2d,
  type Conv2dConfig,
  ConvTranspose2d,
  type ConvTranspose2dConfig,
} from './nn/conv2d.ts';
export { type FeedForwardConfig, Mlp, SwiGlu } from './nn/feed_forward.ts';
export { LayerNorm, type LayerNormConfig } from './nn/layer_norm.ts';
export { Linear, type LinearConfig } from './nn/linear.ts';
export type { Activation } from './ops/activation.ts';
export { type AttentionOptions, attention } from './ops/attention.ts';
export {
  attentionWithRelativePositions,
  type RelativeAttentionOptions,
} from './ops/attention_relative.ts';
export { type ConvTranspose2dOptions, convTranspose2d } from './ops/conv_transpose2d.ts';
export { type Conv2dOptions, conv2d } from './ops/conv2d.ts';
export { type ResizedConv2dOptions, resizedConv2d } from './ops/conv2d_resized.ts';
export { concat, slice } from './ops/copy.ts';
export {
  add,
  cast,
  divide,
  type ElementwiseOptions,
  gelu,
  maximum,
  minimum,
  multiply,
  relu,
  sigmoid,
  silu,
  subtract,
  swiglu,
} from './ops/elementwise.ts';
export {
  type GpuPicture,
  type GpuPictureKind,
  type ImageToTensorOptions,
  imageToTensor,
  kindOfPicture,
  PictureToTensor,
  type PictureToTensorOptions,
  type Rgb,
} from './ops/image.ts';
export { type LayerNormOptions, layerNorm } from './ops/layer_norm.ts';
export { type Epilogue, linear } from './ops/linear.ts';
export { lookup } from './ops/lookup.ts';
export { minMax } from './ops/min_max.ts';
export { moduleOf, parentOf } from './ops/naming.ts';
export { patchMerge } from './ops/patch_merge.ts';
export { patchify } from './ops/patchify.ts';
export { percentiles } from './ops/percentiles.ts';
export { replaceNonFinite } from './ops/replace_non_finite.ts';
export {
  antialiasedBilinearResize,
  bicubicResize,
  bilinearResize,
  nearestResize,
  type Size,
} from './ops/resize.ts';
export { softmax } from './ops/softmax.ts';
export {
  type MapFormat,
  mapTextureUsage,
  type Part,
  TensorToTexture,
  type TensorToTextureOptions,
  textureToPixels,
  textureUsage,
} from './ops/texture.ts';
export { type WindowAttentionOptions, windowAttention } from './ops/window_attention.ts';
export { inTurn } from './parts.ts';
export { type Lifetime, planSlots, type SlotPlan } from './plan.ts';
export { Profile, type ProfileRow } from './profile.ts';
export type { InputSpec, InputSpecs, Tensors, Trace, TraceOptions } from './recorder.ts';
export {
  type CompileOptions,
  compile,
  type PartsOptions,
  plan,
  Recording,
  type RecordOptions,
  record,
} from './recording.ts';
export { expectShape, type Shape, sameShape, shapeText, sizeOf } from './shape.ts';
export type { StateDict, StoredDtype, StoredTensor } from './state_dict.ts';
export { StateDictError } from './state_dict_error.ts';
export type { OwnTexture, Purpose } from './storage.ts';
export { Tensor } from './tensor.ts';
export { chooseVariant, type Variant } from './variants.ts';
export {
  type LoadOptions,
  type WeightPart,
  type WeightSpec,
  Weights,
  type WeightsOptions,
} from './weights.ts';

export type { ByteSource, ReadOptions } from './byte_source.ts';
export { blobSource, memorySource } from './byte_source.ts';
export { type OpenOptions, openCheckpoint } from './checkpoint.ts';
export type { CheckpointErrorCode } from './checkpoint_error.ts';
export { CheckpointError } from './checkpoint_error.ts';
export type { NpyData } from './depth_files.ts';
export { decodeNpy, encodeNpy, encodePfm } from './depth_files.ts';
export { encodeExr } from './exr.ts';
export type { HttpSourceOptions } from './http_source.ts';
export { httpSource } from './http_source.ts';
export type { GlbOptions, ObjOptions, PlyOptions, SurfaceMesh, Texture } from './mesh_files.ts';
export { encodeGlb, encodeMtl, encodeObj, encodePly, vertexColours } from './mesh_files.ts';
export type { Picture, PictureErrorCode, PictureOptions } from './picture.ts';
export { PictureError } from './picture.ts';
export { readPytorch } from './pytorch.ts';
export type { PytorchOptions } from './pytorch_contents.ts';
export { readSafetensors } from './safetensors.ts';
export type {
  LazySafetensorsEntry,
  SafetensorsEntry,
  SafetensorsMetadata,
} from './safetensors_write.ts';
export { safetensorsChunks, writeSafetensors } from './safetensors_write.ts';

export { type WriteOptions, writeChunksAtomic, writeFileAtomic } from './atomic_file.ts';
export { openCheckpointFile } from './checkpoint_file.ts';
export { fileSource } from './file_source.ts';
export { encodeJpeg, type JpegOptions } from './jpeg_files.ts';
export { decodePicture, readPicture } from './pictures.ts';
export { encodePng8, encodePng16 } from './png_files.ts';
export { writeSafetensorsFile } from './safetensors_file.ts';

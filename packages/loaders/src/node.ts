export { writeFileAtomic } from './atomic_file.ts';
export { openCheckpointFile } from './checkpoint_file.ts';
export { fileSource } from './file_source.ts';
export { writeSafetensorsFile } from './safetensors_file.ts';

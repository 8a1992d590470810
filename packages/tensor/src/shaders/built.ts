/** Stands for disk.ts in the built package, where every kernel brings its text and nobody asks for one by name. */
export function shaderSource(name: string): string {
  throw new Error(`shaderSource: the build left out shaders/${name}.wgsl`);
}

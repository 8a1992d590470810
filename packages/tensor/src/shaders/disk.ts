import { readFileSync } from 'node:fs';

const folder = new URL('../../../../shaders/', import.meta.url);
const sources = new Map<string, string>();

/** The text of shaders/NAME.wgsl, read from disk once. In bundles for the browser embedded.ts takes this file's place. */
export function shaderSource(name: string): string {
  let source = sources.get(name);
  if (source === undefined) {
    try {
      source = readFileSync(new URL(`${name}.wgsl`, folder), 'utf8');
    } catch (cause) {
      throw new Error(`shaderSource: there is no shaders/${name}.wgsl`, { cause });
    }
    sources.set(name, source);
  }
  return source;
}

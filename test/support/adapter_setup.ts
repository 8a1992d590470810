import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isSwiftShader, unpackSwiftShader } from '../../packages/tensor/src/node/swiftshader.ts';
import { type NodeAdapter, requestAdapter } from '../../packages/tensor/src/node.ts';

const embedShaders = fileURLToPath(new URL('../../scripts/embed_shaders.mjs', import.meta.url));

/**
 * Finds the adapter once, before the test processes start: they inherit the choice, and SwiftShader, if that is it, lies
 * unpacked. Without an adapter the tests that need one fail by themselves, and the others still run.
 */
export default async function setup(): Promise<void> {
  execFileSync(process.execPath, [embedShaders]); // the bundle's copy of the shaders may be older than the shaders
  let found: NodeAdapter;
  try {
    found = await requestAdapter({ log: (line) => console.error(line) });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return;
  }
  const required = process.env.DPT_REQUIRED_FEATURES?.split(',') ?? [];
  const missing = required.filter((feature) => !found.adapter.features.has(feature));
  if (missing.length > 0) throw new Error(`${found.description} has no ${missing.join(', ')}`);

  if (isSwiftShader(process.env.VK_DRIVER_FILES ?? '')) {
    const inherited = process.env.LD_LIBRARY_PATH;
    const { folder } = unpackSwiftShader();
    process.env.LD_LIBRARY_PATH = inherited ? `${folder}:${inherited}` : folder;
  }
}

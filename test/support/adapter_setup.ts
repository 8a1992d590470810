import { requestAdapter } from '../../packages/tensor/src/node.ts';
import { isSwiftShader, unpackSwiftShader } from '../../packages/tensor/src/node/swiftshader.ts';

/**
 * Finds the adapter once, before the test processes start: they inherit the choice, and SwiftShader, if that is it, lies
 * unpacked. Without an adapter the tests that need one fail by themselves, and the others still run.
 */
export default async function setup(): Promise<void> {
  try {
    await requestAdapter({ log: (line) => console.error(line) });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return;
  }
  if (isSwiftShader(process.env.VK_DRIVER_FILES ?? '')) {
    const inherited = process.env.LD_LIBRARY_PATH;
    const { folder } = unpackSwiftShader();
    process.env.LD_LIBRARY_PATH = inherited ? `${folder}:${inherited}` : folder;
  }
}

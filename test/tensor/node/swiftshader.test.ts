// SwiftShader out of its npm package: unpacked once, checked each time, by several processes at once; never in a folder that
// others can write to. The device that comes of it is what node.test.ts and most other tests run on.
import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  isSwiftShader,
  swiftShaderFits,
  unpackSwiftShader,
} from '../../../packages/tensor/src/node/swiftshader.ts';

const module = new URL('../../../packages/tensor/src/node/swiftshader.ts', import.meta.url);
const everyFile = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'];

let cache = '';
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'dpt-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

describe.runIf(swiftShaderFits())('unpackSwiftShader', () => {
  test('unpacks a driver and a loader for this user alone', () => {
    const { folder, icd } = unpackSwiftShader();
    expect(folder).toBe(join(cache, 'dpt-webgpu', 'swiftshader-147.0.0'));
    expect(readdirSync(folder).sort()).toEqual(everyFile);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(isSwiftShader(icd)).toBe(true);
    expect(isSwiftShader('/usr/share/vulkan/icd.d/lvp_icd.x86_64.json')).toBe(false);
  });

  test('leaves a sound copy alone and replaces a damaged one', () => {
    const { folder } = unpackSwiftShader();
    const driver = join(folder, 'libvk_swiftshader.so');
    const before = statSync(driver);
    unpackSwiftShader();
    expect(statSync(driver).ino).toBe(before.ino);

    const sound = readFileSync(driver);
    writeFileSync(driver, sound.subarray(0, 1000));
    unpackSwiftShader();
    expect(readFileSync(driver).equals(sound)).toBe(true);
  });

  test('passes over a folder that others can write to', () => {
    const shared = join(cache, 'dpt-webgpu');
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    const home = join(cache, 'home');
    vi.stubEnv('HOME', home);
    expect(unpackSwiftShader().folder).toBe(
      join(home, '.cache', 'dpt-webgpu', 'swiftshader-147.0.0'),
    );
  });

  test('works in four processes at once', async () => {
    const program = `import { unpackSwiftShader } from '${module}'; console.log(unpackSwiftShader().folder);`;
    const run = () =>
      promisify(execFile)(process.execPath, [
        '--import',
        'tsx',
        '--input-type=module',
        '-e',
        program,
      ]);
    const folders = (await Promise.all([run(), run(), run(), run()])).map(({ stdout }) =>
      stdout.trim(),
    );
    expect(new Set(folders).size).toBe(1);
    expect(readdirSync(folders[0]!).sort()).toEqual(everyFile);
  });
});

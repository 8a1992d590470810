// Shaders as bundles carry them: they compile as the files do, line for line, and aliases are still found.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bareShader } from '../../../scripts/bare_shader.ts';
import { testDevice } from '../../support/device.ts';

const folder = join(import.meta.dirname, '../../../shaders');
const files = readdirSync(folder).filter((name) => name.endsWith('.wgsl'));

test.each(files)('%s', async (file) => {
  const source = readFileSync(join(folder, file), 'utf8');
  const bare = bareShader(source);
  expect(bare).not.toMatch(/\/\/| {2}/);
  expect(bare.length).toBeLessThan(source.length);
  const line = source.split('\n').findIndex((text) => text.startsWith('fn main'));
  expect(bare.split('\n')[line]).toMatch(/^fn main\(/);
  expect(bare.match(/^alias \w+ = [^;]+;/gm)).toEqual(
    source.match(/^alias \w+ = [^;]+;/gm)?.map((alias) => alias.replace(/ +/g, ' ')) ?? null,
  );
  const device = await testDevice();
  const messagesOf = async (code: string): Promise<string[]> => {
    device.pushErrorScope('validation');
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    await device.popErrorScope();
    return messages.filter(({ type }) => type === 'error').map(({ message }) => message);
  };
  // Extensions that this device has not are refused in both.
  expect(await messagesOf(bare)).toEqual(await messagesOf(source));
});
